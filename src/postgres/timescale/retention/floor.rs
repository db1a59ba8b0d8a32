//! The retention floor: before which time ticks are refused, as writers and the maintenance agree on
//! it.
//!
//! A writer of old ticks shares a lock until its transaction ends, and reads the floor after it has
//! got it. Who raises the floor takes the lock for itself: when it has committed, every tick below
//! the floor that was not refused is stored, and none comes any more. The same holds for who brings
//! candles back of ticks that are not stored: writers find these candles when they have the lock.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Timestamptz;
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;

/// Takes the lock of writers until the transaction ends.
pub(crate) const SHARE_FLOOR: &str = "SELECT pg_advisory_xact_lock_shared(\
     hashtextextended('tickbook retention floor ' || current_schema(), 0))";

/// Takes the lock of who raises the floor until the transaction ends.
const OWN_FLOOR: &str = "SELECT pg_advisory_xact_lock(\
     hashtextextended('tickbook retention floor ' || current_schema(), 0))";

/// Runs `work` in a transaction during which no writer of old ticks is at work.
pub(super) fn without_writers<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    transaction(connection, |connection| {
        sql_query(OWN_FLOOR).execute(connection)?;
        work(connection)
    })
}

/// Keeps writers of old ticks out until the transaction ends, which has to begin with this. Each later
/// statement sees what they have committed.
pub(crate) fn keep_writers_out(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.batch_execute(&format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET LOCAL plan_cache_mode = force_custom_plan; {OWN_FLOOR}"
    ))?;
    Ok(())
}

/// Refuses ticks before `time` from now on, for good. What was stored before it is visible to every
/// statement that begins afterwards.
pub(super) fn refuse_before(
    connection: &mut PgConnection,
    time: DateTime<Utc>,
) -> Result<(), DbError> {
    without_writers(connection, |connection| {
        sql_query(
            "UPDATE applied_policies \
             SET ticks_refused_before = greatest(ticks_refused_before, $1)",
        )
        .bind::<Timestamptz, _>(time)
        .execute(connection)?;
        Ok(())
    })
}
