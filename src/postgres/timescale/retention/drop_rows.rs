//! Drops old ticks or trades whose candles are in continuous aggregates, after all candles include them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;

use crate::db::DbError;
use crate::db::transaction;
use crate::domain::Timeframe;
use crate::error::{Database, RepositoryError};
use crate::postgres::timescale::refresh::guarded::GuardedRefresh;
use crate::postgres::timescale::refresh::row_chunks::Times;
use crate::retention::next_start;

use super::completeness::Levels;
use super::current::{AppliedPolicies, now};
use super::downsample::{DueChunk, chunks_before, drop_chunk, raise_dropped};
use super::floor::refuse_before;
use super::in_flight::{is_refreshed_by_hand, wait_for_refreshes};
use super::report::{LeftChunk, MaintenanceReport};

/// Maximum number of refreshes of a chunk's candles before it is left to the next run.
const ROUNDS: u32 = 5;

const KEEPS_CHANGING: &str = "changes of its candles keep coming";

/// Drops the chunks of the rows of `levels` that are old enough, oldest first. Stops at the first chunk that cannot be
/// dropped.
///
/// Requires the lock of the maintenance, which excludes other refreshes of this library.
pub(super) fn drop_rows(
    connection: &mut PgConnection,
    levels: &Levels,
    applied: &AppliedPolicies,
    report: &mut MaintenanceReport,
) -> Result<(), DbError> {
    let (input, floor) = (levels.input, applied.of_rows(levels.input));
    let Some(drop_after) = floor.drop_after else {
        return Ok(());
    };
    let limit = now(connection)? - drop_after.delta();
    let chunks = chunks_before(connection, input.table(), limit)?;
    let Some(last) = chunks.last() else {
        return Ok(());
    };
    if !levels.are_known() {
        report.left.push(LeftChunk {
            chunk: format!("{}, {}", input.table(), chunks[0].name),
            reason: "this release of TimescaleDB is newer than this library".to_owned(),
        });
        return Ok(());
    }
    refuse_before(connection, input, last.range_end)?;
    let mut since = now(connection)?;
    for chunk in &chunks {
        // the chunk lies in a range that was dropped before, so its rows were written later, and candles
        // must not include them
        let is_below_floor = floor.dropped_before >= Some(chunk.range_end);
        let mut reason = None;
        for _ in 0..ROUNDS {
            reason = match is_below_floor {
                true => None,
                false => refresh_until_complete(
                    connection,
                    levels,
                    chunk,
                    since,
                    applied.candles.dropped_before,
                )?,
            };
            if reason.is_some() {
                break;
            }
            match drop_if_unchanged(connection, levels, chunk, is_below_floor) {
                Ok(None) => break,
                // try again, and wait for refreshes that began meanwhile
                Ok(why) => {
                    reason = why;
                    since = now(connection)?;
                }
                Err(error) => {
                    reason = Some(of_a_lock(error)?);
                    break;
                }
            }
        }
        if let Some(reason) = reason {
            report.left.push(LeftChunk {
                chunk: format!("{}, {}", input.table(), chunk.name),
                reason,
            });
            break;
        }
        report.count_dropped(input);
    }
    Ok(())
}

/// Refreshes the candles of `chunk` until they include all of its rows. Returns the reason if they do not.
fn refresh_until_complete(
    connection: &mut PgConnection,
    levels: &Levels,
    chunk: &DueChunk,
    since: DateTime<Utc>,
    candles_from: Option<DateTime<Utc>>,
) -> Result<Option<String>, DbError> {
    // a refresh that began before rows were refused may still write candles of the rows that it read
    if !wait_for_refreshes(connection, levels, since)? {
        return Ok(Some("a refresh of candles has not ended".to_owned()));
    }
    let guarded = GuardedRefresh::read(connection, levels.input)?;
    let times = (chunk.range_start, chunk.range_end);
    let mut forced = false;
    for _ in 0..ROUNDS {
        refresh(connection, &guarded, times, candles_from)?;
        if levels.is_pending(connection, times)? {
            continue;
        }
        let Some(difference) = levels.difference(connection, times)? else {
            return Ok(None);
        };
        if forced {
            return Ok(Some(difference.to_string()));
        }
        forced = true;
        let (first, last) = difference.minutes();
        let part = (first, last + TimeDelta::minutes(1));
        guarded.run(connection, Timeframe::M1, part, true)?;
    }
    // the remaining ranges are not refreshed because their candles include dropped rows
    let difference = levels.difference(connection, times)?;
    Ok(Some(difference.map_or_else(
        || KEEPS_CHANGING.to_owned(),
        |difference| difference.to_string(),
    )))
}

/// Refreshes every candle that overlaps `[from, to)` and has ended, smaller timeframes first.
fn refresh(
    connection: &mut PgConnection,
    guarded: &GuardedRefresh,
    (from, to): Times,
    candles_from: Option<DateTime<Utc>>,
) -> Result<(), DbError> {
    let now = now(connection)?;
    for &timeframe in Timeframe::ALL {
        let last = timeframe.bucket_start(to - TimeDelta::microseconds(1));
        let end = (last + timeframe.duration()).min(timeframe.bucket_start(now));
        let mut start = timeframe.bucket_start(from);
        if let Some(floor) = candles_from {
            start = start.max(next_start(timeframe, floor));
        }
        if start < end {
            guarded.run(connection, timeframe, (start, end), false)?;
        }
    }
    Ok(())
}

/// Drops `chunk` unless its candles have changed again; returns the reason if it does not.
fn drop_if_unchanged(
    connection: &mut PgConnection,
    levels: &Levels,
    chunk: &DueChunk,
    is_below_floor: bool,
) -> Result<Option<String>, DbError> {
    transaction(connection, |connection| {
        // waits for refreshes that write candles, and blocks refreshes that are about to write
        connection.batch_execute(&format!(
            "SET LOCAL lock_timeout = '5s'; LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE",
            levels.minutes
        ))?;
        if is_refreshed_by_hand(connection, levels)? {
            return Ok(Some("its candles are being refreshed manually".to_owned()));
        }
        if !is_below_floor && levels.is_pending(connection, (chunk.range_start, chunk.range_end))? {
            return Ok(Some(KEEPS_CHANGING.to_owned()));
        }
        drop_chunk(connection, levels.input.table(), chunk)?;
        raise_dropped(connection, levels.input, chunk)?;
        Ok(None)
    })
}

/// The reason why nothing was dropped, if a lock of another session is the cause; otherwise the error.
pub(super) fn of_a_lock(error: DbError) -> Result<String, DbError> {
    match error.into_repository(Database::Timeseries, "maintain") {
        RepositoryError::Timeout { .. } | RepositoryError::Conflict { .. } => {
            Ok("it, or its candles, are locked by another session".to_owned())
        }
        error => Err(error.into()),
    }
}
