//! The repositories in PostgreSQL, in the metadata database.

mod account_rows;
mod accounts;
mod amount;
mod append;
mod append_rows;
mod append_sql;
mod cache;
mod json;
mod ledger;
mod loading;
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

pub use store::PgLedger;
