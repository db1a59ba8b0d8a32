//! Ticks whose candle is kept of other ticks, which are not stored.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleSource, PriceBasis, SymbolId, Tick, Timeframe};
use crate::error::RepositoryError;

const SEALED: &str = CandleSource::SEALED;

/// Sealed candles.
#[derive(Debug, Default)]
pub(super) struct KeptCandles(HashSet<(SymbolId, Timeframe, DateTime<Utc>)>);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Text)]
    timeframe: String,
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
}

/// The ticks of one symbol and day: a candle lies within one day.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    symbol_id: SymbolId,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl KeptCandles {
    /// The sealed candles between the first and the last of `ticks`, which are in key order, by symbol and
    /// day.
    pub(super) fn read<'a>(
        connection: &mut PgConnection,
        ticks: impl Iterator<Item = &'a Tick>,
    ) -> Result<Self, DbError> {
        let spans = spans(ticks);
        let first = spans.iter().map(|span| span.first).min();
        let last = spans.iter().map(|span| span.last).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Self::default());
        };
        if !is_any_sealed(connection, &spans, first, last)? {
            return Ok(Self::default());
        }
        let widths = Timeframe::ALL.map(|timeframe| timeframe.duration().num_minutes() as i32);
        // bounds of the whole batch leave most chunks out; of each span the part of the index is read
        // that holds its candles
        let rows: Vec<Row> = sql_query(format!(
            "SELECT DISTINCT span.symbol_id, kept.timeframe, kept.open_time \
             FROM unnest($1, $2, $3) AS span (symbol_id, first, last) \
             CROSS JOIN unnest($4, $5) AS width (timeframe, minutes) \
             CROSS JOIN unnest($6) AS price (basis) CROSS JOIN LATERAL (\
             SELECT c.timeframe, c.open_time FROM ohlc_candles AS c WHERE c.symbol_id = span.symbol_id \
             AND c.timeframe = width.timeframe AND c.basis = price.basis \
             AND c.open_time >= time_bucket(make_interval(mins => width.minutes), span.first) \
             AND c.open_time <= span.last AND c.open_time >= $7 AND c.open_time <= $8 \
             AND c.source = '{SEALED}' OFFSET 0) AS kept"
        ))
        .bind::<Array<BigInt>, _>(column(&spans, |span| span.symbol_id.get()))
        .bind::<Array<Timestamptz>, _>(column(&spans, |span| span.first))
        .bind::<Array<Timestamptz>, _>(column(&spans, |span| span.last))
        .bind::<Array<Text>, _>(Timeframe::ALL.map(Timeframe::as_str).to_vec())
        .bind::<Array<Integer>, _>(widths.to_vec())
        .bind::<Array<Text>, _>(PriceBasis::ALL.map(PriceBasis::as_str).to_vec())
        .bind::<Timestamptz, _>(Timeframe::D1.bucket_start(first))
        .bind::<Timestamptz, _>(last)
        .load(connection)?;
        let mut kept = HashSet::with_capacity(rows.len());
        for row in rows {
            let timeframe = row.timeframe.parse().map_err(RepositoryError::invalid)?;
            kept.insert((SymbolId::new(row.symbol_id), timeframe, row.open_time));
        }
        Ok(Self(kept))
    }

    /// The one that `tick` would belong to: its width and its start.
    pub(super) fn of(&self, tick: &Tick) -> Option<(Timeframe, DateTime<Utc>)> {
        Timeframe::ALL.into_iter().find_map(|timeframe| {
            let start = timeframe.bucket_start(tick.tick_time);
            let is_kept = self.0.contains(&(tick.symbol_id, timeframe, start));
            is_kept.then_some((timeframe, start))
        })
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Whether there is any sealed candle of these symbols between the first and the last tick. Seldom there
/// is one, and an index of sealed candles alone tells.
fn is_any_sealed(
    connection: &mut PgConnection,
    spans: &[Span],
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> Result<bool, DbError> {
    let mut symbols = column(spans, |span| span.symbol_id.get());
    symbols.dedup();
    let row: Found = sql_query(format!(
        "SELECT EXISTS (SELECT FROM ohlc_candles WHERE source = '{SEALED}' AND symbol_id = ANY($1) \
         AND open_time >= $2 AND open_time <= $3) AS found"
    ))
    .bind::<Array<BigInt>, _>(symbols)
    .bind::<Timestamptz, _>(Timeframe::D1.bucket_start(first))
    .bind::<Timestamptz, _>(last)
    .get_result(connection)?;
    Ok(row.found)
}

fn column<T>(spans: &[Span], of: impl Fn(&Span) -> T) -> Vec<T> {
    spans.iter().map(of).collect()
}

fn spans<'a>(ticks: impl Iterator<Item = &'a Tick>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for tick in ticks {
        let day = |time| Timeframe::D1.bucket_start(time);
        match spans.last_mut() {
            Some(span)
                if span.symbol_id == tick.symbol_id && day(span.first) == day(tick.tick_time) =>
            {
                span.last = tick.tick_time;
            }
            _ => spans.push(Span {
                symbol_id: tick.symbol_id,
                first: tick.tick_time,
                last: tick.tick_time,
            }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn spans_are_of_one_symbol_and_day() {
        let tick = |symbol_id, hour| {
            let time = DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
            Tick::quote(SymbolId::new(symbol_id), time, Decimal::ONE, Decimal::ONE)
        };
        let ticks = [
            tick(1, 0),
            tick(1, 1),
            tick(1, 23),
            tick(1, 24),
            tick(2, 24),
        ];
        let found = spans(ticks.iter());
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    it.symbol_id.get(),
                    it.first.timestamp() / 3_600,
                    it.last.timestamp() / 3_600,
                )
            })
            .collect();
        assert_eq!(found, [(1, 0, 23), (1, 24, 24), (2, 24, 24)]);
    }
}
