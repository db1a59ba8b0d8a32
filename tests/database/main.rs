//! Tests of connections, statements, schemas and migrations on real servers.

#[path = "../support/mod.rs"]
mod support;

mod chunks_opened;
mod connections_errors;
mod connections_writes;
mod executor;
mod faults_callers;
mod faults_connections;
mod faults_migrations;
mod faults_panics;
mod faults_passwords;
mod faults_schema;
mod faults_statements;
mod health;
mod metrics;
mod migrations_run;
mod pgbouncer;
mod read_replica;
mod schema_books;
mod schema_constraints;
mod schema_exchange_sessions;
mod schema_feeds;
mod schema_instruments;
mod schema_ledger;
mod schema_modules_match_databases;
mod schema_order_history;
mod schema_oversight;
mod schema_trades;
mod sql_snapshots;
mod symbol_sync;
mod ticks_commit;
mod ticks_deadlock;
mod ticks_late;
mod ticks_numeric;
mod ticks_statements;
mod ticks_writing;
