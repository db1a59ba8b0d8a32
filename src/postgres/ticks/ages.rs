//! What is too old to be stored or has lost the others of its time, and what is so late that its candles
//! have to be made again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{Tick, Timeframe};
use crate::postgres::timescale::retention::applied_now;
use crate::retention::{ALWAYS_FRESH, refused_by_kept};

use super::batch::Batch;
use super::kept::KeptCandles;
use super::stored::read_stored;

/// Whether `batch` has a tick of more than an hour ago: only such a batch asks for the policies.
pub(super) fn has_old_ticks(batch: &Batch, now: DateTime<Utc>) -> bool {
    let fresh_from = now - ALWAYS_FRESH.delta();
    batch.firsts.iter().any(|tick| tick.tick_time < fresh_from)
}

/// Rejects what is too old, and notes the days of what is late, both by the clock of the database;
/// rejects what a sealed candle lacks.
///
/// For use in the transaction that stores the batch, after it has taken the lock of the retention
/// floor: nothing raises the floor and no candle is brought back until it commits.
pub(super) fn look(
    connection: &mut PgConnection,
    batch: &mut Batch,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let applied = applied_now(connection)?;
    if let Some((applied, now)) = &applied
        && let Some(oldest) = applied.floor.oldest(*now)
        && batch.firsts.iter().any(|tick| tick.tick_time < oldest)
    {
        batch.reject(|tick| applied.floor.refusal(tick.tick_time, *now));
    }
    reject_kept(connection, batch, now)?;
    let late_before = applied.and_then(|(applied, now)| Some(now - applied.late_after?.delta()));
    let late = batch
        .firsts
        .iter()
        .filter(|tick| late_before.is_some_and(|before| tick.tick_time < before));
    let days: BTreeSet<_> = late
        .map(|tick| Timeframe::D1.bucket_start(tick.tick_time))
        .collect();
    batch.late_days = days.into_iter().collect();
    Ok(())
}

/// Rejects old ticks that are not stored and whose candle was brought back without them.
fn reject_kept(
    connection: &mut PgConnection,
    batch: &mut Batch,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let fresh_from = now - ALWAYS_FRESH.delta();
    let is_old = |tick: &&Tick| tick.tick_time < fresh_from;
    let kept = KeptCandles::read(connection, batch.firsts.iter().filter(is_old))?;
    if kept.is_empty() {
        return Ok(());
    }
    let met = batch.firsts.iter().filter(is_old);
    let met: Vec<_> = met
        .filter(|tick| kept.of(tick).is_some())
        .cloned()
        .collect();
    let stored = read_stored(connection, &met)?;
    batch.reject(|tick| {
        let (timeframe, open_time) = kept.of(tick).filter(|_| is_old(&tick))?;
        let is_stored = stored.contains_key(&tick.key());
        (!is_stored).then(|| refused_by_kept(timeframe, open_time))
    });
    Ok(())
}

/// Marks the days of late ticks; for use in the transaction that stores them.
pub(super) fn mark_late_days(connection: &mut PgConnection, batch: &Batch) -> QueryResult<()> {
    if !batch.late_days.is_empty() {
        sql_query("INSERT INTO dirty_windows (day) SELECT * FROM unnest($1)")
            .bind::<Array<Timestamptz>, _>(&batch.late_days)
            .execute(connection)?;
    }
    Ok(())
}
