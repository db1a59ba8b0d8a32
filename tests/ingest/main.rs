//! Tests of persister, spool and quarantine with full disks, killed processes and unavailable databases.
#![cfg(feature = "ingest")]

#[path = "../support/mod.rs"]
mod support;

mod books_recorded;
mod golden_books;
mod golden_trades;
mod persister_disk;
mod persister_kill;
mod persister_kill_days;
mod persister_kill_postgres;
mod persister_kill_trades;
mod persister_pace;
mod persister_postgres;
mod persister_process;
mod persister_reconnected;
mod quarantine_disk;
mod quarantine_kill;
mod spool_golden;
