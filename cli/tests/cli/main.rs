//! The binary, end to end, against real databases.

mod behind_pgbouncer;
mod databases;
mod delete;
mod export;
mod failures;
mod failures_json;
mod generated;
mod import_candles;
mod import_future;
mod import_lean;
mod import_symbols;
mod import_ticks;
mod interrupted;
mod json_times;
mod logs;
mod policies;
mod policies_killed;
mod quarantine;
mod readme;
mod restore;
mod round_trip;
mod settings;
mod spool;
mod support;
mod symbols;
mod verify;
