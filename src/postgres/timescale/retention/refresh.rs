//! Refreshes of the candles of days, smaller timeframes first.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::domain::{CandleInput, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::timescale::candle_relations::{CandleRelationState, candle_relations};
use crate::postgres::timescale::refresh::guarded::GuardedRefresh;
use crate::retention::{RefreshWindow, RetentionFloors, refresh_windows};

use super::current::{AppliedPolicies, applied, now};
use super::lock;

/// Days that wait for a refresh because of late ticks or trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RefreshBacklog {
    /// The number of days.
    pub days: u64,
    /// The arrival time of the earliest of them.
    pub oldest: Option<DateTime<Utc>>,
}

/// Refreshes the candles of `days` (any time of each), as far as their ticks are stored and the candles have
/// ended. Returns the refreshed windows; none without continuous aggregates, as on the Apache edition.
///
/// Waits while another process maintains the database.
///
/// # Errors
/// Returns database errors. Some windows may have been refreshed by then.
pub async fn refresh_days(
    db: &TimeseriesDb,
    days: BTreeSet<DateTime<Utc>>,
) -> Result<Vec<RefreshWindow>, RepositoryError> {
    if days.is_empty() {
        return Ok(Vec::new());
    }
    db.run_dedicated("refresh_days", move |connection| {
        if !has_aggregates(connection)? {
            return Ok(Vec::new());
        }
        lock(connection)?;
        let days = days.iter().map(|time| start_of_day(*time)).collect();
        let (windows, _) = refresh(connection, &days)?;
        Ok(windows)
    })
    .await
}

pub(super) fn has_aggregates(connection: &mut PgConnection) -> Result<bool, DbError> {
    let relations = candle_relations(connection)?;
    Ok(relations.iter().all(CandleRelationState::is_aggregate))
}

pub(super) fn start_of_day(time: DateTime<Utc>) -> DateTime<Utc> {
    crate::domain::Timeframe::D1.bucket_start(time)
}

/// Refreshes the candles of `days` above the floor of dropped ticks, and removes the marks that the days had
/// before. Returns the windows and the number of marks.
pub(super) fn refresh(
    connection: &mut PgConnection,
    days: &BTreeSet<DateTime<Utc>>,
) -> Result<(Vec<RefreshWindow>, usize), DbError> {
    // a mark that is added during the refresh may be for ticks that the refresh did not read
    let entry_ids = entry_ids(connection, days)?;
    let now = now(connection)?;
    let applied = applied(connection)?;
    let floors = AppliedPolicies::floors(applied.as_ref());
    let mut windows = Vec::new();
    for &input in CandleInput::ALL {
        windows.extend(refresh_days_above(connection, input, days, floors, now)?);
    }
    let cleared = sql_query("DELETE FROM late_days WHERE entry_id = ANY($1)")
        .bind::<Array<BigInt>, _>(entry_ids)
        .execute(connection)?;
    Ok((windows, cleared))
}

/// Refreshes the candles of `input` of `days` above `floors` whose ticks or trades are stored. Returns the
/// refreshed windows.
fn refresh_days_above(
    connection: &mut PgConnection,
    input: CandleInput,
    days: &BTreeSet<DateTime<Utc>>,
    floors: RetentionFloors,
    now: DateTime<Utc>,
) -> Result<Vec<RefreshWindow>, DbError> {
    // manually dropped chunks are not in the record
    let guarded = GuardedRefresh::read(connection, input)?;
    let first_retained = guarded.first_retained();
    let windows = match first_retained {
        Some(_) => refresh_windows(input, days, floors.raised(input, first_retained), now),
        None => Vec::new(),
    };
    let mut refreshed = Vec::new();
    for RefreshWindow {
        timeframe, range, ..
    } in windows
    {
        let outcome = guarded.run(connection, timeframe, (range.start(), range.end()), false)?;
        for (from, to) in outcome.left_out {
            tracing::warn!(
                %timeframe, %from, %to,
                "candles are not refreshed because some of their {} were dropped", input.table()
            );
        }
        for (from, to) in outcome.refreshed {
            let range = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
            refreshed.push(RefreshWindow::new(input, timeframe, range));
        }
    }
    Ok(refreshed)
}

/// The times before which the applied policies dropped ticks and candles. Nothing is dropped while the caller
/// holds the lock of the maintenance.
pub(in crate::postgres::timescale) fn floors(
    connection: &mut PgConnection,
) -> Result<RetentionFloors, DbError> {
    Ok(AppliedPolicies::floors(applied(connection)?.as_ref()))
}

/// The time before which ticks or trades were dropped, or may be dropped at any moment.
pub(in crate::postgres::timescale) fn rows_retained_from(
    connection: &mut PgConnection,
    input: CandleInput,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let (applied, now) = (applied(connection)?, now(connection)?);
    Ok(applied.and_then(|applied| applied.of_rows(input).oldest(now)))
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = BigInt)]
    entry_id: i64,
}

fn entry_ids(
    connection: &mut PgConnection,
    days: &BTreeSet<DateTime<Utc>>,
) -> Result<Vec<i64>, DbError> {
    let days: Vec<_> = days.iter().copied().collect();
    let rows: Vec<EntryRow> = sql_query("SELECT entry_id FROM late_days WHERE day = ANY($1)")
        .bind::<Array<Timestamptz>, _>(days)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.entry_id).collect())
}

#[derive(QueryableByName)]
struct DayRow {
    #[diesel(sql_type = Timestamptz)]
    day: DateTime<Utc>,
}

/// The marked days.
pub(super) fn late_days(connection: &mut PgConnection) -> Result<BTreeSet<DateTime<Utc>>, DbError> {
    let rows: Vec<DayRow> = sql_query("SELECT DISTINCT day FROM late_days").load(connection)?;
    Ok(rows.into_iter().map(|row| row.day).collect())
}

/// The days that chunks of ticks and trades cover.
pub(super) fn days_of_chunks(
    connection: &mut PgConnection,
) -> Result<BTreeSet<DateTime<Utc>>, DbError> {
    let rows: Vec<DayRow> = sql_query(
        "SELECT DISTINCT day FROM timescaledb_information.chunks, \
         generate_series(date_trunc('day', range_start, 'UTC'), \
         range_end - INTERVAL '1 microsecond', INTERVAL '24 hours') AS day \
         WHERE hypertable_schema = current_schema() AND hypertable_name IN ('ticks', 'trades')",
    )
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.day).collect())
}

#[derive(QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = BigInt)]
    days: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<DateTime<Utc>>,
}

pub(in crate::postgres::timescale) fn refresh_backlog(
    connection: &mut PgConnection,
) -> Result<RefreshBacklog, DbError> {
    let row: BacklogRow =
        sql_query("SELECT count(DISTINCT day) AS days, min(arrived_at) AS oldest FROM late_days")
            .get_result(connection)?;
    Ok(RefreshBacklog {
        days: row.days.unsigned_abs(),
        oldest: row.oldest,
    })
}
