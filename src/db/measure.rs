//! Metrics of the connections, recorded through the `metrics` facade. Without a recorder they have no effect.
//! No label contains a value that a caller can choose.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::error::{Database, RepositoryError};
use crate::metrics::database::{
    CONNECTIONS, CREATE_TIME, OPERATION_DURATION, OPERATION_RETRIES, PENDING_REQUESTS,
    SESSIONS_CHANGED, STUCK_OPERATIONS, TIMEOUTS, WAIT_TIME,
};

/// Sets the counters and gauges of a database to 0, so that `rate()` sees the first increment.
pub(super) fn initialize(database: Database) {
    let name = database.as_str();
    counter!(TIMEOUTS, "database" => name).increment(0);
    counter!(SESSIONS_CHANGED, "database" => name).increment(0);
    gauge!(STUCK_OPERATIONS, "database" => name).set(0);
    waiting(database, 0.0);
}

/// Records the end of a call.
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
        OPERATION_DURATION,
        "operation" => operation, "database" => database.as_str(), "outcome" => outcome,
    )
    .record(took);
}

/// Records that a call is retried because of `error`.
pub(super) fn retry(database: Database, error: &RepositoryError) {
    counter!(
        OPERATION_RETRIES,
        "database" => database.as_str(), "cause" => error.kind().as_str(),
    )
    .increment(1);
}

/// Records how long a call waited for a free connection.
pub(super) fn waited(database: Database, took: Duration) {
    histogram!(WAIT_TIME, "database" => database.as_str()).record(took);
}

/// Records that a call got no connection in time.
pub(super) fn no_connection(database: Database) {
    counter!(TIMEOUTS, "database" => database.as_str()).increment(1);
}

/// Records that a connection was opened.
pub(super) fn connected(database: Database, took: Duration) {
    histogram!(CREATE_TIME, "database" => database.as_str()).record(took);
}

/// Records that a connection was closed because its session had changed.
pub(super) fn session_changed(database: Database) {
    counter!(SESSIONS_CHANGED, "database" => database.as_str()).increment(1);
}

/// Sets the numbers of open and idle connections.
pub(super) fn connections(database: Database, state: &r2d2::State) {
    let used = state.connections - state.idle_connections;
    for (name, count) in [("idle", state.idle_connections), ("used", used)] {
        gauge!(CONNECTIONS, "database" => database.as_str(), "state" => name).set(f64::from(count));
    }
}

/// Adds to the number of calls that wait for a free connection.
pub(super) fn waiting(database: Database, change: f64) {
    gauge!(PENDING_REQUESTS, "database" => database.as_str()).increment(change);
}

/// Sets the number of calls that hold a thread and a connection for longer than the settings allow.
pub(super) fn stuck(database: Database, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    gauge!(STUCK_OPERATIONS, "database" => database.as_str()).set(f64::from(count));
}
