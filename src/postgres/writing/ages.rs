//! What is too old to be stored, and what is so late that its candles have to be made again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::Timeframe;
use crate::postgres::timescale::retention::applied_now;
use crate::retention::ALWAYS_FRESH;

use super::batch::Batch;
use super::stored::read_stored;
use super::table::KeyedRow;

/// Whether `batch` has a row of more than an hour ago: only such a batch asks for the policies.
pub(super) fn has_old_rows<R: KeyedRow>(batch: &Batch<R>, now: DateTime<Utc>) -> bool {
    let fresh_from = now - ALWAYS_FRESH.delta();
    batch.firsts.iter().any(|row| row.time() < fresh_from)
}

/// Rejects what is too old, and returns before which time rows are late, both by the clock of the
/// database.
///
/// For use in the transaction that stores the batch, after it has taken the lock of the retention
/// floor: nothing raises the floor and no candle is brought back until it commits.
pub(super) fn look<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &mut Batch<R>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let Some((applied, now)) = applied_now(connection)? else {
        return Ok(None);
    };
    let floor = R::floor(&applied);
    if let Some(oldest) = floor.oldest(now)
        && batch.firsts.iter().any(|row| row.time() < oldest)
    {
        batch.reject(|row| floor.refusal(row.time(), now));
    }
    let late_after = applied.late_after;
    Ok(late_after.map(|late_after| now - late_after.delta()))
}

/// Rejects the old rows of `batch` that are not stored and [cannot be](KeyedRow::refusals).
///
/// For use in the transaction that stores the batch, after it has taken the lock of the retention floor.
pub(super) fn reject_refused<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &mut Batch<R>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let refused = refusals(connection, &batch.firsts, now)?;
    if refused.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = refused
        .keys()
        .map(|index| batch.firsts[*index].clone())
        .collect();
    let stored = read_stored(connection, &rows)?;
    let reasons: HashMap<_, _> = rows.iter().map(R::key).zip(refused.into_values()).collect();
    batch.reject(|row| {
        let reason = reasons.get(&row.key())?;
        (!stored.contains_key(&row.key())).then(|| reason.clone())
    });
    Ok(())
}

/// The [refusals](KeyedRow::refusals) of those of `rows` that are old, by their index.
pub(super) fn refusals<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
    now: DateTime<Utc>,
) -> Result<BTreeMap<usize, String>, DbError> {
    let fresh_from = now - ALWAYS_FRESH.delta();
    let is_old = |(_, row): &(usize, &R)| row.time() < fresh_from;
    let (indexes, old): (Vec<_>, Vec<_>) = rows.iter().enumerate().filter(is_old).unzip();
    if old.is_empty() {
        return Ok(BTreeMap::new());
    }
    let refusals = R::refusals(connection, &old)?;
    let refused = indexes.into_iter().zip(refusals);
    Ok(refused
        .filter_map(|(index, reason)| Some((index, reason?)))
        .collect())
}

/// Marks the days of `rows` that are late; for use in the transaction that stores them.
pub(super) fn mark_late_days<R: KeyedRow>(
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
    if let Some(marks) = R::LATE_DAYS
        && !days.is_empty()
    {
        sql_query(format!(
            "INSERT INTO {marks} (day) SELECT * FROM unnest($1)"
        ))
        .bind::<Array<Timestamptz>, _>(Vec::from_iter(days))
        .execute(connection)?;
    }
    Ok(())
}
