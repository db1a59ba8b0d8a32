//! The retention floor, before which ticks or trades are refused, and its lock.
//!
//! A writer of old ones takes the lock in shared mode until its transaction ends, and then reads the floor.
//! To raise the floor, the lock is taken exclusively: after the commit, every accepted one below the floor
//! is stored, and no further one is accepted. Restores of candles without stored ticks use the lock in the
//! same way: writers that get the lock later find these candles.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Timestamptz;
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;
use crate::domain::CandleInput;

/// Takes the lock in shared mode until the transaction ends.
pub(crate) const SHARE_FLOOR: &str = "SELECT pg_advisory_xact_lock_shared(\
     hashtextextended('tickbook retention floor ' || current_schema(), 0))";

/// Takes the lock exclusively until the transaction ends.
const OWN_FLOOR: &str = "SELECT pg_advisory_xact_lock(\
     hashtextextended('tickbook retention floor ' || current_schema(), 0))";

/// Runs `work` in a transaction that excludes writers of old ticks.
pub(super) fn without_writers<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    transaction(connection, |connection| {
        sql_query(OWN_FLOOR).execute(connection)?;
        work(connection)
    })
}

/// Excludes writers of old ticks until the transaction ends. Must be the first statement of the transaction;
/// later statements see everything that the writers have committed.
pub(crate) fn keep_writers_out(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.batch_execute(&format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET LOCAL plan_cache_mode = force_custom_plan; {OWN_FLOOR}"
    ))?;
    Ok(())
}

/// Refuses ticks or trades before `time` permanently. Statements that begin afterwards see all stored ones
/// before `time`.
pub(super) fn refuse_before(
    connection: &mut PgConnection,
    input: CandleInput,
    time: DateTime<Utc>,
) -> Result<(), DbError> {
    without_writers(connection, |connection| {
        let refused = format!("{}_refused_before", input.table());
        sql_query(format!(
            "UPDATE applied_policies SET {refused} = greatest({refused}, $1)"
        ))
        .bind::<Timestamptz, _>(time)
        .execute(connection)?;
        Ok(())
    })
}
