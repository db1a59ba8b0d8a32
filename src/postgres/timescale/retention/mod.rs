//! Policies in the time-series database: what it has, making it what is declared, and the work that
//! no job of the database does.

mod apply;
mod drop_candles;
mod drop_ticks;
mod due;
mod floor;
mod in_flight;
mod maintain;
mod present;
mod refresh;
mod report;
mod seal;
mod settled;
mod status;

use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;

pub use apply::{PolicyPlan, apply_policies, plan_policies, remove_policies};
pub use due::DueDrop;
pub(crate) use floor::{SHARE_FLOOR, keep_writers_out};
pub use maintain::maintain;
pub use present::AppliedPolicies;
pub(crate) use present::applied_now;
pub(super) use present::now;
pub use refresh::{DirtyWindows, refresh_days};
pub(super) use refresh::{dirty_windows, floors, kept_from};
pub use report::{LeftChunk, MaintenanceReport, MaintenanceState};
pub use seal::BlockedChunk;
pub use status::{JobStatus, PolicyStatus, policy_status};

/// One process at a time refreshes, seals, drops or changes policies; until the session ends.
const LOCK: &str = "(hashtextextended('tickbook maintenance ' || current_schema(), 0))";

/// Takes the same lock until the transaction ends.
pub(super) const LOCK_TRANSACTION: &str = "SELECT pg_advisory_xact_lock\
    (hashtextextended('tickbook maintenance ' || current_schema(), 0))";

/// Waits until no other process does.
pub(super) fn lock(connection: &mut PgConnection) -> Result<(), DbError> {
    sql_query(format!("SELECT pg_advisory_lock{LOCK}")).execute(connection)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Whether no other process does, who is kept out from now on.
fn try_lock(connection: &mut PgConnection) -> Result<bool, DbError> {
    let taken: Taken =
        sql_query(format!("SELECT pg_try_advisory_lock{LOCK} AS taken")).get_result(connection)?;
    Ok(taken.taken)
}
