//! Deletion of ticks and of the candle rows that include them.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::{CandleInput, SymbolId, Tick, TimeRange, Timeframe};
use crate::postgres::reading::first_part;
use crate::postgres::timescale::retention::applied_now;
use crate::postgres::timescale::{CandleRows, begin_deleting};
use crate::repository::{CandleCounts, DeletedTicks, TimeSpan, refuse_dropped};

#[derive(QueryableByName)]
struct Time {
    #[diesel(sql_type = Timestamptz)]
    tick_time: DateTime<Utc>,
}

/// Deletes the first part of `range` in one transaction.
pub(super) fn delete_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTicks, DbError> {
    transaction(connection, |connection| {
        begin_deleting(connection)?;
        let Some((part, rest)) = part_of_ticks(connection, symbol_id, range)? else {
            return Ok(DeletedTicks::default());
        };
        // before the ticks are read: see `CandleRows`
        let rows = CandleRows::lock(connection, CandleInput::Ticks)?;
        let times: Vec<Time> = sql_query(
            "DELETE FROM ticks WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 \
             RETURNING tick_time",
        )
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(part.start())
        .bind::<Timestamptz, _>(part.end())
        .load(connection)?;
        let times: Vec<_> = times.into_iter().map(|row| row.tick_time).collect();
        rows.forget(connection, symbol_id, times.iter().copied())?;
        let deleted = DeletedTicks::of(times);
        Ok(DeletedTicks { rest, ..deleted })
    })
}

/// Counts the ticks and candles that [`delete_part`] would delete.
pub(super) fn deletable_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTicks, DbError> {
    let Some((part, rest)) = part_of_ticks(connection, symbol_id, range)? else {
        return Ok(DeletedTicks::default());
    };
    let buckets = Timeframe::ALL.iter().map(|timeframe| {
        let width = timeframe.duration().num_minutes();
        format!("count(DISTINCT time_bucket(INTERVAL '{width} minutes', minute)) AS c{width}")
    });
    let counted: Counted = sql_query(format!(
        "SELECT coalesce(sum(ticks), 0)::bigint AS ticks, min(first) AS first, max(last) AS last, {} \
         FROM (SELECT time_bucket(INTERVAL '1 minute', tick_time) AS minute, count(*) AS ticks, \
         min(tick_time) AS first, max(tick_time) AS last FROM ticks \
         WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3 GROUP BY 1) AS minutes",
        Vec::from_iter(buckets).join(", ")
    ))
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(part.start())
    .bind::<Timestamptz, _>(part.end())
    .get_result(connection)?;
    Ok(DeletedTicks {
        ticks: counted.ticks.unsigned_abs(),
        candles: counted.candles(),
        span: counted
            .first
            .zip(counted.last)
            .map(|(first, last)| TimeSpan::new(first, last)),
        rest,
    })
}

/// The first part of `range` and the rest; `None` without ticks.
fn part_of_ticks(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<Option<(TimeRange, Option<TimeRange>)>, DbError> {
    if let Some((applied, _)) = applied_now(connection)? {
        refuse_dropped(range, applied.floor.dropped_before)?;
    }
    first_part::<Tick>(connection, symbol_id, range)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    ticks: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    c1: i64,
    #[diesel(sql_type = BigInt)]
    c5: i64,
    #[diesel(sql_type = BigInt)]
    c15: i64,
    #[diesel(sql_type = BigInt)]
    c30: i64,
    #[diesel(sql_type = BigInt)]
    c60: i64,
    #[diesel(sql_type = BigInt)]
    c240: i64,
    #[diesel(sql_type = BigInt)]
    c1440: i64,
}

impl Counted {
    fn candles(&self) -> CandleCounts {
        let counts = [
            self.c1, self.c5, self.c15, self.c30, self.c60, self.c240, self.c1440,
        ];
        let mut candles = CandleCounts::default();
        for (timeframe, count) in Timeframe::ALL.iter().copied().zip(counts) {
            candles.add(timeframe, count.unsigned_abs());
        }
        candles
    }
}
