//! The repositories in memory: a readable reference implementation of the contract.
//!
//! The data is lost when the process ends. Use it in tests and for backtests whose events need not be kept.

mod accounts;
mod backtests;
mod credentials;
mod ledger;
mod order_history;
mod outbox;
mod oversight;
mod performance;
mod store;
mod strategies;
mod strategy_store;
mod users;

pub use credentials::InMemoryCredentials;
pub use order_history::InMemoryOrderHistory;
pub use oversight::InMemoryOversight;
pub use performance::InMemoryPerformance;
pub use store::InMemoryLedger;
pub use strategy_store::InMemoryStrategies;
pub use users::InMemoryUsers;
