//! The repositories in memory: a readable reference implementation of the contract.
//!
//! The data is lost when the process ends. Use it in tests and for backtests whose events need not be kept.

mod accounts;
mod ledger;
mod store;

pub use store::InMemoryLedger;
