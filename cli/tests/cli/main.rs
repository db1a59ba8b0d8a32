//! The binary, end to end, against real databases.

mod databases;
mod delete;
mod failures;
mod import_candles;
mod import_future;
mod import_symbols;
mod import_ticks;
mod policies;
mod policies_killed;
mod quarantine;
mod spool;
mod support;
mod verify;
