//! Policies in the time-series database: the present settings, their application, and the maintenance.

mod apply;
mod completeness;
mod current;
mod downsample;
mod drop_books;
mod drop_candles;
mod drop_rows;
mod due;
mod floor;
mod in_flight;
mod maintain;
mod refresh;
mod report;
mod status;

use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;

pub use apply::{PolicyPlan, apply_policies, plan_policies, remove_policies};
pub use current::AppliedPolicies;
pub(crate) use current::applied_now;
pub(super) use current::now;
pub use downsample::BlockedChunk;
pub(super) use drop_candles::{RowLimits, cut as candle_cut};
pub use due::DueDrop;
pub(crate) use floor::{SHARE_FLOOR, keep_writers_out};
pub use maintain::maintain;
pub use refresh::{RefreshBacklog, refresh_days};
pub(super) use refresh::{floors, refresh_backlog, rows_retained_from};
pub use report::{LeftChunk, MaintenanceReport, MaintenanceState};
pub use status::{JobStatus, PolicyStatus, policy_status};

/// The lock of the maintenance. At most one process refreshes, downsamples, drops or changes policies; the lock
/// lasts until the session ends.
const LOCK: &str = "(hashtextextended('tickbook maintenance ' || current_schema(), 0))";

/// Takes the lock of the maintenance until the transaction ends.
pub(super) const LOCK_TRANSACTION: &str = "SELECT pg_advisory_xact_lock\
    (hashtextextended('tickbook maintenance ' || current_schema(), 0))";

/// Waits for the lock of the maintenance.
pub(super) fn lock(connection: &mut PgConnection) -> Result<(), DbError> {
    sql_query(format!("SELECT pg_advisory_lock{LOCK}")).execute(connection)?;
    Ok(())
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Takes the lock of the maintenance if no other process holds it. Returns whether it did.
fn try_lock(connection: &mut PgConnection) -> Result<bool, DbError> {
    let taken: LockRow =
        sql_query(format!("SELECT pg_try_advisory_lock{LOCK} AS taken")).get_result(connection)?;
    Ok(taken.taken)
}
