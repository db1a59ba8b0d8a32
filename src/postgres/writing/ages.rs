//! What is too old to be stored, and what is so late that its candles have to be made again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::Timeframe;
use crate::postgres::timescale::retention::applied_now;
use crate::retention::ALWAYS_FRESH;

use super::batch::Batch;
use super::table::KeyedRow;

/// Whether `batch` has a row of more than an hour ago: only such a batch asks for the policies.
pub(super) fn has_old_rows<R: KeyedRow>(batch: &Batch<R>, now: DateTime<Utc>) -> bool {
    let fresh_from = now - ALWAYS_FRESH.delta();
    batch.firsts.iter().any(|row| row.time() < fresh_from)
}

/// Rejects what is too old, and notes the days of what is late, both by the clock of the database.
///
/// For use in the transaction that stores the batch, after it has taken the lock of the retention
/// floor: nothing raises the floor until it commits.
pub(super) fn look<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &mut Batch<R>,
) -> Result<(), DbError> {
    let Some((applied, now)) = applied_now(connection)? else {
        return Ok(());
    };
    let floor = R::floor(&applied);
    if let Some(oldest) = floor.oldest(now)
        && batch.firsts.iter().any(|row| row.time() < oldest)
    {
        batch.reject(|row| floor.refusal(row.time(), now));
    }
    let late_before = applied
        .late_after
        .map(|late_after| now - late_after.delta());
    let late = batch
        .firsts
        .iter()
        .filter(|row| late_before.is_some_and(|before| row.time() < before));
    let days: BTreeSet<_> = late
        .map(|row| Timeframe::D1.bucket_start(row.time()))
        .collect();
    batch.late_days = days.into_iter().collect();
    Ok(())
}

/// Marks the days of late rows; for use in the transaction that stores them.
pub(super) fn mark_late_days<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &Batch<R>,
) -> QueryResult<()> {
    if let Some(marks) = R::LATE_DAYS
        && !batch.late_days.is_empty()
    {
        sql_query(format!(
            "INSERT INTO {marks} (day) SELECT * FROM unnest($1)"
        ))
        .bind::<Array<Timestamptz>, _>(&batch.late_days)
        .execute(connection)?;
    }
    Ok(())
}
