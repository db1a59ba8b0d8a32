//! Restores candles whose ticks or trades are not stored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use super::stored::{Call, CandleArrays, Replaced, different};
use crate::db::{DbError, transaction};
use crate::domain::{Candle, CandleInput, CandleSource, SymbolId, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::postgres::timescale::CandleRows;
use crate::postgres::timescale::retention::keep_writers_out;
use crate::repository::{RestoredCandles, may_get_ticks};

const DOWNSAMPLED: &str = CandleSource::DOWNSAMPLED;

const OPERATION: &str = "restore_candles";

/// Buckets at most this far apart are looked up together.
const NEARBY: TimeDelta = TimeDelta::days(1);

/// One call: stores all candles or none.
#[derive(Debug)]
pub(super) struct Restore {
    /// Distinct candles, sorted by key.
    candles: Vec<Candle>,
    call: Call,
    now: DateTime<Utc>,
}

impl Restore {
    pub(super) fn new(candles: &[Candle], timeout: Duration, now: DateTime<Utc>) -> Self {
        Self {
            candles: different(candles).cloned().collect(),
            call: Call::begin(OPERATION, timeout),
            now,
        }
    }

    /// Looks up the candles and stores the ones in whose buckets nothing is stored, while no writer of
    /// old ticks is active. Later writers find the candles.
    pub(super) fn run(&self, connection: &mut PgConnection) -> Result<RestoredCandles, DbError> {
        let revision = self.call.revision(connection)?;
        transaction(connection, |connection| {
            keep_writers_out(connection)?;
            let occupied = Occupied::read(connection, &self.candles)?;
            let mut restored = RestoredCandles::default();
            let mut columns = CandleArrays::default();
            let mut count = 0;
            for candle in &self.candles {
                if occupied.holds(candle) {
                    restored.known += 1;
                } else if may_get_ticks(candle, self.now) {
                    restored.recent += 1;
                } else {
                    columns.push(candle, CandleSource::DOWNSAMPLED);
                    count += 1;
                }
            }
            restored.stored =
                columns.store(connection, revision, Replaced::DownsampledOfFewerTicks)?;
            restored.known += count - restored.stored;
            Ok(restored)
        })
    }
}

/// The buckets of some candles for which something is stored.
#[derive(Debug, Default)]
struct Occupied {
    /// Buckets with ticks or trades, or rows of their aggregates, which cover every basis of these.
    of_rows: BTreeSet<(SymbolId, CandleInput, Timeframe, DateTime<Utc>)>,
    /// Buckets with stored candles.
    of_candles: BTreeSet<(SymbolId, Timeframe, DateTime<Utc>, String)>,
}

#[derive(QueryableByName)]
struct BucketRow {
    #[diesel(sql_type = Timestamptz)]
    bucket: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct BucketOfBasis {
    #[diesel(sql_type = Timestamptz)]
    bucket: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    basis: String,
}

#[derive(QueryableByName)]
struct ChunkState {
    #[diesel(sql_type = BigInt)]
    state: i64,
}

/// Neighbouring buckets of one width, ascending.
struct Run {
    symbol_id: SymbolId,
    input: CandleInput,
    timeframe: Timeframe,
    starts: Vec<DateTime<Utc>>,
    /// The end of the last bucket.
    end: DateTime<Utc>,
}

impl Occupied {
    fn read(connection: &mut PgConnection, candles: &[Candle]) -> Result<Self, DbError> {
        let mut occupied = Self::default();
        for run in runs(candles) {
            let rows = CandleRows::tables_of(connection, run.input)?;
            let before = chunks(connection, &run)?;
            occupied.add_made(connection, &run, &rows)?;
            occupied.add_stored(connection, &run)?;
            // a statement that was planned for other chunks may have missed a row
            if chunks(connection, &run)? != before {
                return Err(RepositoryError::Conflict {
                    database: Database::Timeseries,
                    operation: OPERATION,
                    source: "chunks changed meanwhile".into(),
                }
                .into());
            }
        }
        Ok(occupied)
    }

    fn holds(&self, candle: &Candle) -> bool {
        let (symbol_id, timeframe, open_time) =
            (candle.symbol_id, candle.timeframe, candle.open_time);
        let basis = candle.basis.as_str().to_owned();
        let input = candle.basis.input();
        (self.of_rows).contains(&(symbol_id, input, timeframe, open_time))
            || (self.of_candles).contains(&(symbol_id, timeframe, open_time, basis))
    }

    fn add_made(
        &mut self,
        connection: &mut PgConnection,
        run: &Run,
        rows: &[(Timeframe, String)],
    ) -> Result<(), DbError> {
        let width = run.timeframe.duration().num_minutes();
        let within = |table: &str, time: &str| {
            format!(
                "SELECT time_bucket(INTERVAL '{width} minutes', {time}) FROM {table} \
                 WHERE symbol_id = $2 AND {time} >= $3 AND {time} < $4"
            )
        };
        let rows = rows.iter().filter(|(of, _)| *of <= run.timeframe);
        let rows = rows.map(|(_, table)| within(table, "open_time"));
        let stored: Vec<_> = [within(run.input.table(), run.input.time_column())]
            .into_iter()
            .chain(rows)
            .collect();
        let found: Vec<BucketRow> = sql_query(format!(
            "SELECT bucket FROM unnest($1) AS given (bucket) INTERSECT ({})",
            stored.join(" UNION ALL ")
        ))
        .bind::<Array<Timestamptz>, _>(&run.starts)
        .bind::<BigInt, _>(run.symbol_id.get())
        .bind::<Timestamptz, _>(run.start())
        .bind::<Timestamptz, _>(run.end)
        .load(connection)?;
        let found = found.into_iter();
        self.of_rows
            .extend(found.map(|row| (run.symbol_id, run.input, run.timeframe, row.bucket)));
        Ok(())
    }

    /// A downsampled candle of the same key may be replaced; smaller downsampled candles may not.
    fn add_stored(&mut self, connection: &mut PgConnection, run: &Run) -> Result<(), DbError> {
        let smaller = Timeframe::ALL.iter().copied();
        let smaller = smaller.take_while(|one| *one < run.timeframe);
        let width = run.timeframe.duration().num_minutes();
        let found: Vec<BucketOfBasis> = sql_query(format!(
            "SELECT DISTINCT time_bucket(INTERVAL '{width} minutes', open_time) AS bucket, basis \
             FROM ohlc_candles WHERE symbol_id = $1 AND open_time >= $2 AND open_time < $3 \
             AND (timeframe = ANY($4) OR timeframe = $5 AND source <> '{DOWNSAMPLED}')"
        ))
        .bind::<BigInt, _>(run.symbol_id.get())
        .bind::<Timestamptz, _>(run.start())
        .bind::<Timestamptz, _>(run.end)
        .bind::<Array<Text>, _>(smaller.map(Timeframe::as_str).collect::<Vec<_>>())
        .bind::<Text, _>(run.timeframe.as_str())
        .load(connection)?;
        let found = found.into_iter();
        self.of_candles
            .extend(found.map(|row| (run.symbol_id, run.timeframe, row.bucket, row.basis)));
        Ok(())
    }
}

impl Run {
    fn start(&self) -> DateTime<Utc> {
        self.starts.first().copied().unwrap_or(self.end)
    }
}

/// Groups the buckets of `candles` by proximity, so that nothing between distant buckets is read.
fn runs(candles: &[Candle]) -> Vec<Run> {
    let mut starts: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for candle in candles {
        let of = (candle.symbol_id, candle.basis.input(), candle.timeframe);
        starts.entry(of).or_default().insert(candle.open_time);
    }
    let mut runs: Vec<Run> = Vec::new();
    for ((symbol_id, input, timeframe), starts) in starts {
        let first_of_series = runs.len();
        for start in starts {
            let end = timeframe.bucket_end(start);
            match runs[first_of_series..].last_mut() {
                Some(run) if start <= run.end + NEARBY => {
                    run.starts.push(start);
                    run.end = end;
                }
                _ => runs.push(Run {
                    symbol_id,
                    input,
                    timeframe,
                    starts: vec![start],
                    end,
                }),
            }
        }
    }
    runs
}

/// A hash that changes when a chunk within the time of `run` is created, dropped, compressed or decompressed.
fn chunks(connection: &mut PgConnection, run: &Run) -> Result<i64, DbError> {
    let row: ChunkState = sql_query(
        "SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', \
         chunk_schema, chunk_name, is_compressed), 0)), 0) AS state \
         FROM timescaledb_information.chunks WHERE range_start < $2 AND range_end > $1 \
         AND ((hypertable_schema = current_schema() AND hypertable_name IN ('ticks', 'trades', 'ohlc_candles')) \
         OR (hypertable_schema, hypertable_name) IN (SELECT materialization_hypertable_schema, \
         materialization_hypertable_name FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema()))",
    )
    .bind::<Timestamptz, _>(run.start())
    .bind::<Timestamptz, _>(run.end)
    .get_result(connection)?;
    Ok(row.state)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{CandleSource, PriceBasis};

    fn candle(timeframe: Timeframe, basis: PriceBasis, minute: i64) -> Candle {
        Candle {
            symbol_id: SymbolId::new(1),
            timeframe,
            basis,
            open_time: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
            open: Decimal::ONE,
            high: Decimal::ONE,
            low: Decimal::ONE,
            close: Decimal::ONE,
            volume: Decimal::ZERO,
            tick_count: 1,
            trade_volumes: None,
            closed: true,
            source: CandleSource::Ticks,
        }
    }

    #[test]
    fn distant_buckets_are_looked_up_apart() {
        let (bid, ask, day) = (PriceBasis::Bid, PriceBasis::Ask, 1_440);
        let candles = [
            candle(Timeframe::M1, bid, 0),
            candle(Timeframe::M1, bid, day + 1),
            candle(Timeframe::M1, ask, 0),
            candle(Timeframe::M1, ask, 2 * day + 3),
            candle(Timeframe::H1, ask, 2 * day),
        ];
        let found = runs(&candles);
        let minute = |time: DateTime<Utc>| time.timestamp() / 60;
        let found: Vec<_> = found
            .iter()
            .map(|run| {
                (
                    run.timeframe,
                    run.starts.len(),
                    minute(run.start()),
                    minute(run.end),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (Timeframe::M1, 2, 0, day + 2),
                (Timeframe::M1, 1, 2 * day + 3, 2 * day + 4),
                (Timeframe::H1, 1, 2 * day, 2 * day + 60),
            ]
        );
    }
}
