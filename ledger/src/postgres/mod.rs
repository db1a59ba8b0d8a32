//! The repositories in PostgreSQL: the ledger in the metadata database, the order history in the time-series database.

mod account_rows;
mod accounts;
mod amount;
mod append;
mod append_one;
mod append_rows;
mod append_sql;
mod cache;
mod fill_rows;
mod history_columns;
mod history_rows;
mod json;
mod ledger;
mod loading;
mod order_history;
mod outbox;
mod performance;
mod performance_rows;
mod position_reports;
mod position_rows;
mod quarantine;
mod reading;
mod rewriting;
mod rows;
mod statement;
mod store;
mod stored;
mod verification;

pub use order_history::PgOrderHistoryRepository;
pub use outbox::PgOutboxRepository;
pub use performance::PgPerformanceRepository;
pub use store::PgLedger;
