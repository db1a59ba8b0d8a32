//! Persister, spool and quarantine: disks that are full, processes that are killed, databases that
//! are away.
#![cfg(feature = "ingest")]

#[path = "../support/mod.rs"]
mod support;

mod persister_disk;
mod persister_kill;
mod persister_kill_postgres;
mod persister_pace;
mod persister_postgres;
mod persister_process;
mod quarantine_disk;
mod quarantine_kill;
mod spool_golden;
