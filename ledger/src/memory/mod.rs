//! The repositories in memory: a readable reference implementation of the contract.
//!
//! The data is lost when the process ends. Use it in tests and for backtests whose events need not be kept.

mod accounts;
mod credentials;
mod ledger;
mod order_history;
mod outbox;
mod oversight;
mod store;
mod users;

pub use credentials::InMemoryCredentials;
pub use order_history::InMemoryOrderHistory;
pub use oversight::InMemoryOversight;
pub use store::InMemoryLedger;
pub use users::InMemoryUsers;
