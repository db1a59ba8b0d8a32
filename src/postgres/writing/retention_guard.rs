//! Ages of rows: refuses rows that are too old, and marks days of late rows for a refresh.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::Timeframe;
use crate::postgres::timescale::retention::applied_now;
use crate::retention::ALWAYS_FRESH;

use super::batch::RowBatch;
use super::table::KeyedRow;

/// Whether `batch` has a row older than one hour; other batches do not read the policies.
pub(super) fn has_old_rows<R: KeyedRow>(batch: &RowBatch<R>, now: DateTime<Utc>) -> bool {
    let fresh_from = now - ALWAYS_FRESH.delta();
    batch.firsts.iter().any(|row| row.time() < fresh_from)
}

/// Rejects rows that are too old, and returns the time before which rows are late, both by the clock of the
/// database.
///
/// Call it in the transaction that stores the batch, after it has taken the lock of the retention floor:
/// until the commit nothing raises the floor and no candle is restored.
pub(super) fn apply_retention<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &mut RowBatch<R>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let Some((applied, now)) = applied_now(connection)? else {
        return Ok(None);
    };
    let floor = R::floor(&applied);
    if let Some(oldest) = floor.oldest(now)
        && batch.firsts.iter().any(|row| row.time() < oldest)
    {
        batch.reject(|row| R::refusal(&floor, row.time(), now));
    }
    let late_after = applied.late_after;
    Ok(late_after.map(|late_after| now - late_after.delta()))
}

/// Marks the days of late `rows`; call it in the transaction that stores them.
pub(super) fn record_late_days<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
    late_before: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    let late = rows
        .iter()
        .filter(|row| late_before.is_some_and(|before| row.time() < before));
    let days: BTreeSet<_> = late
        .map(|row| Timeframe::D1.bucket_start(row.time()))
        .collect();
    if let Some(table) = R::LATE_DAYS
        && !days.is_empty()
    {
        sql_query(format!(
            "INSERT INTO {table} (day) SELECT * FROM unnest($1)"
        ))
        .bind::<Array<Timestamptz>, _>(Vec::from_iter(days))
        .execute(connection)?;
    }
    Ok(())
}
