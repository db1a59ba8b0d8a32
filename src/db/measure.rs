//! What the connections are measured by, through the `metrics` facade: nothing where the process
//! installs no recorder. No label holds anything a caller can make up.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::error::{Database, RepositoryError};

/// Notes that a call ended.
pub(super) fn call<T>(
    operation: &'static str,
    database: Database,
    took: Duration,
    result: &Result<T, RepositoryError>,
) {
    let outcome = result
        .as_ref()
        .map_or_else(|error| error.kind().as_str(), |_| "ok");
    histogram!(
        "db_client_operation_duration_seconds",
        "operation" => operation, "database" => database.as_str(), "outcome" => outcome,
    )
    .record(took);
}

/// Notes that a call is repeated because of `error`.
pub(super) fn retry(database: Database, error: &RepositoryError) {
    counter!(
        "db_client_operation_retries_total",
        "database" => database.as_str(), "cause" => error.kind().as_str(),
    )
    .increment(1);
}

/// Notes how long a call waited for a connection to be free.
pub(super) fn waited(database: Database, took: Duration) {
    histogram!("db_client_connection_wait_time_seconds", "pool" => database.as_str()).record(took);
}

/// Notes that a call got no connection within its time.
pub(super) fn no_connection(database: Database) {
    counter!("db_client_connection_timeouts_total", "pool" => database.as_str()).increment(1);
}

/// Notes that a connection was opened.
pub(super) fn connected(database: Database, took: Duration) {
    histogram!("db_client_connection_create_time_seconds", "pool" => database.as_str())
        .record(took);
}

/// Notes that a connection was given up because its session had been changed.
pub(super) fn session_changed(database: Database) {
    counter!("db_client_connection_sessions_changed_total", "pool" => database.as_str())
        .increment(1);
}

/// Tells how many connections are open and idle.
pub(super) fn connections(database: Database, state: &r2d2::State) {
    let used = state.connections - state.idle_connections;
    for (name, count) in [("idle", state.idle_connections), ("used", used)] {
        gauge!("db_client_connection_count", "pool" => database.as_str(), "state" => name)
            .set(f64::from(count));
    }
}

/// Tells how many calls wait for a connection to be free.
pub(super) fn waiting(database: Database, change: f64) {
    gauge!("db_client_connection_pending_requests", "pool" => database.as_str()).increment(change);
}

/// Tells how many calls hold a thread and a connection for longer than the settings allow.
pub(super) fn stuck(database: Database, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    gauge!("db_stuck_operations", "pool" => database.as_str()).set(f64::from(count));
}
