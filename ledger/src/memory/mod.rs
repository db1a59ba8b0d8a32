//! The repositories in memory: a readable reference implementation of the contract.
//!
//! The data is lost when the process ends. Use it in tests and for backtests whose events need not be kept.

mod accounts;
mod backtests;
mod ledger;
mod order_history;
mod outbox;
mod performance;
mod store;
mod strategies;
mod strategy_store;

pub use order_history::InMemoryOrderHistory;
pub use performance::InMemoryPerformance;
pub use store::InMemoryLedger;
pub use strategy_store::InMemoryStrategies;
