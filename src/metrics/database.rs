//! The metric families of the connections to the databases.

use metrics::Unit;

use super::family::Family;

pub(crate) const OPERATION_DURATION: &str = "db_client_operation_duration_seconds";
pub(crate) const OPERATION_RETRIES: &str = "db_client_operation_retries_total";
pub(crate) const WAIT_TIME: &str = "db_client_connection_wait_time_seconds";
pub(crate) const TIMEOUTS: &str = "db_client_connection_timeouts_total";
pub(crate) const CREATE_TIME: &str = "db_client_connection_create_time_seconds";
pub(crate) const SESSIONS_CHANGED: &str = "db_client_connection_sessions_changed_total";
pub(crate) const CONNECTIONS: &str = "db_client_connections";
pub(crate) const PENDING_REQUESTS: &str = "db_client_connection_pending_requests";
pub(crate) const STUCK_OPERATIONS: &str = "db_stuck_operations";

/// From the read of one row to the default call timeout.
const OPERATION_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0,
];
/// From a free connection to the default call timeout.
const WAIT_SECONDS: &[f64] = &[0.0001, 0.001, 0.01, 0.1, 0.5, 2.0, 15.0];
/// From a local socket to a connect timeout above the default.
const CREATE_SECONDS: &[f64] = &[0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

pub(super) const FAMILIES: &[Family] = &[
    Family::histogram(
        OPERATION_DURATION,
        Unit::Seconds,
        OPERATION_SECONDS,
        "Duration of an attempt of a call, including the wait for a connection.",
    )
    .labels(&["operation", "database", "outcome"]),
    Family::counter(OPERATION_RETRIES, "Attempts of calls that were repeated.")
        .labels(&["database", "cause"]),
    Family::histogram(
        WAIT_TIME,
        Unit::Seconds,
        WAIT_SECONDS,
        "Time that a call waited for a free connection, if it had to wait.",
    )
    .labels(&["database"]),
    Family::counter(TIMEOUTS, "Calls that got no connection in time.").labels(&["database"]),
    Family::histogram(
        CREATE_TIME,
        Unit::Seconds,
        CREATE_SECONDS,
        "Time to open a connection.",
    )
    .labels(&["database"]),
    Family::counter(
        SESSIONS_CHANGED,
        "Connections that were closed because a call changed their session.",
    )
    .labels(&["database"]),
    Family::gauge(CONNECTIONS, Unit::Count, "Open connections of a pool.")
        .labels(&["database", "state"]),
    Family::gauge(
        PENDING_REQUESTS,
        Unit::Count,
        "Calls that wait for a free connection.",
    )
    .labels(&["database"]),
    Family::gauge(
        STUCK_OPERATIONS,
        Unit::Count,
        "Calls that hold a thread and a connection for longer than pool.stuck_after_ms.",
    )
    .labels(&["database"]),
];
