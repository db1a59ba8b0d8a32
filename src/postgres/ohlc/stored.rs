//! Stored candles.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, Text, Timestamptz};
use diesel::{
    ExpressionMethods as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _,
    sql_query,
};

use crate::db::DbError;
use crate::domain::{Candle, CandleSource, ExactCandle, SortOrder, TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::postgres::numeric::{PgAmount, PgDecimal};
use crate::postgres::schema::timeseries::ohlc_candles;
use crate::repository::CandleQuery;

use super::row::CandleRow;

const DOWNSAMPLED: &str = CandleSource::DOWNSAMPLED;

/// The first `limit` stored candles whose open time is in `range`.
fn read(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ExactCandle>, DbError> {
    let select = ohlc_candles::table
        .filter(ohlc_candles::symbol_id.eq(query.symbol_id.get()))
        .filter(ohlc_candles::timeframe.eq(query.timeframe.as_str()))
        .filter(ohlc_candles::basis.eq(query.basis.as_str()))
        .filter(ohlc_candles::open_time.ge(range.start()))
        .filter(ohlc_candles::open_time.lt(range.end()))
        // at most 10,080
        .limit(limit as i64)
        .select((
            (
                ohlc_candles::open_time,
                ohlc_candles::open_price,
                ohlc_candles::high_price,
                ohlc_candles::low_price,
                ohlc_candles::close_price,
                ohlc_candles::volume,
                ohlc_candles::tick_count,
                ohlc_candles::buy_volume,
                ohlc_candles::notional,
            ),
            ohlc_candles::source,
        ));
    let rows: Vec<(CandleRow, String)> = match query.order {
        SortOrder::Ascending => select
            .order(ohlc_candles::open_time.asc())
            .load(connection)?,
        SortOrder::Descending => select
            .order(ohlc_candles::open_time.desc())
            .load(connection)?,
    };
    rows.into_iter()
        .map(|(row, by)| Ok(row.into_candle(query, CandleSource::Stored(by), now)?))
        .collect()
}

/// All stored candles with a smaller timeframe than `query` and an open time in `range`.
pub(super) fn read_smaller(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<Vec<ExactCandle>, DbError> {
    let mut candles = Vec::new();
    for &timeframe in Timeframe::ALL {
        if timeframe < query.timeframe {
            let query = CandleQuery {
                timeframe,
                ..*query
            };
            // every bucket of the range
            let max_candles = (range.end() - range.start()).num_minutes() as usize;
            candles.extend(read(connection, &query, range, max_candles, now)?);
        }
    }
    Ok(candles)
}

/// A call that stores candles.
///
/// An abandoned write may reach the server after a newer write of the same candles. Each call therefore
/// first takes a number from a sequence of the database, and does not overwrite candles with a higher
/// number. Times cannot replace these numbers, since clocks may be set back.
#[derive(Debug)]
pub(super) struct Call {
    operation: &'static str,
    /// The number, which all attempts of the call share.
    revision: OnceLock<i64>,
    begun: Instant,
    timeout: Duration,
}

impl Call {
    /// Starts a call whose caller waits for `timeout`.
    pub(super) fn begin(operation: &'static str, timeout: Duration) -> Self {
        Self {
            operation,
            revision: OnceLock::new(),
            begun: Instant::now(),
            timeout,
        }
    }

    /// The number of the call.
    pub(super) fn revision(&self, connection: &mut PgConnection) -> Result<i64, DbError> {
        let revision = match self.revision.get() {
            Some(revision) => *revision,
            None => {
                let next = "SELECT nextval('ohlc_candles_revision') AS revision";
                let row: Revision = sql_query(next).get_result(connection)?;
                *self.revision.get_or_init(|| row.revision)
            }
        };
        if self.begun.elapsed() >= self.timeout {
            // the caller no longer waits, and a number that is taken so late may be higher than that of a
            // newer write
            return Err(RepositoryError::Timeout {
                database: Database::Timeseries,
                operation: self.operation,
                begun: false,
            }
            .into());
        }
        Ok(revision)
    }
}

#[derive(QueryableByName)]
struct Revision {
    #[diesel(sql_type = BigInt)]
    revision: i64,
}

/// Stores any number of candles, all or none.
#[derive(Debug)]
pub(super) struct Upsert {
    columns: CandleArrays,
    call: Call,
}

impl Upsert {
    pub(super) fn new(candles: &[Candle], timeout: Duration) -> Result<Self, RepositoryError> {
        let mut columns = CandleArrays::default();
        for candle in different(candles) {
            let CandleSource::Stored(source) = &candle.source else {
                return Err(RepositoryError::invalid(
                    "a candle with the source ticks cannot be stored: name who computed it",
                ));
            };
            if source.contains('\0') {
                return Err(RepositoryError::invalid(format!(
                    "source {source:?} contains a NUL character: remove it"
                )));
            }
            columns.push(candle, source);
        }
        let call = Call::begin("upsert_candles", timeout);
        Ok(Self { columns, call })
    }

    /// Returns the number of candles. Does not overwrite candles of a newer write.
    pub(super) fn run(&self, connection: &mut PgConnection) -> Result<u64, DbError> {
        let revision = self.call.revision(connection)?;
        self.columns.store(connection, revision, Replaced::All)?;
        Ok(self.columns.symbol_ids.len() as u64)
    }
}

/// The last of the candles of each key, sorted by key. All writers lock rows in this order, so they cannot
/// deadlock.
pub(super) fn different(candles: &[Candle]) -> impl Iterator<Item = &Candle> {
    let key = |candle: &Candle| {
        let Candle {
            symbol_id,
            timeframe,
            basis,
            open_time,
            ..
        } = *candle;
        (symbol_id, timeframe, basis, open_time)
    };
    let different: BTreeMap<_, _> = candles.iter().map(|one| (key(one), one)).collect();
    different.into_values()
}

/// The stored candles to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    All,
    /// Downsampled candles with at most as many ticks.
    DownsampledOfFewerTicks,
}

#[derive(Debug, Default)]
pub(super) struct CandleArrays {
    symbol_ids: Vec<i64>,
    timeframes: Vec<&'static str>,
    bases: Vec<&'static str>,
    open_times: Vec<DateTime<Utc>>,
    close_times: Vec<DateTime<Utc>>,
    opens: Vec<PgDecimal>,
    highs: Vec<PgDecimal>,
    lows: Vec<PgDecimal>,
    closes: Vec<PgDecimal>,
    volumes: Vec<PgDecimal>,
    tick_counts: Vec<i64>,
    buy_volumes: Vec<Option<PgDecimal>>,
    notionals: Vec<Option<PgAmount>>,
    sources: Vec<String>,
}

impl CandleArrays {
    pub(super) fn push(&mut self, candle: &Candle, source: &str) {
        self.symbol_ids.push(candle.symbol_id.get());
        self.timeframes.push(candle.timeframe.as_str());
        self.bases.push(candle.basis.as_str());
        self.open_times.push(candle.open_time);
        self.close_times.push(candle.close_time());
        self.opens.push(PgDecimal(candle.open));
        self.highs.push(PgDecimal(candle.high));
        self.lows.push(PgDecimal(candle.low));
        self.closes.push(PgDecimal(candle.close));
        self.volumes.push(PgDecimal(candle.volume));
        self.tick_counts.push(candle.tick_count);
        let volumes = candle.trade_volumes;
        self.buy_volumes
            .push(volumes.map(|volumes| PgDecimal(volumes.buy_volume)));
        self.notionals
            .push(volumes.map(|volumes| PgAmount(volumes.notional)));
        self.sources.push(source.to_owned());
    }

    /// Returns the number of candles that were stored.
    pub(super) fn store(
        &self,
        connection: &mut PgConnection,
        revision: i64,
        replaced: Replaced,
    ) -> Result<u64, DbError> {
        let downsampled = match replaced {
            Replaced::All => String::new(),
            Replaced::DownsampledOfFewerTicks => format!(
                " AND ohlc_candles.source = '{DOWNSAMPLED}' \
                 AND ohlc_candles.tick_count <= EXCLUDED.tick_count"
            ),
        };
        let stored = sql_query(format!(
            "INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, \
             open_price, high_price, low_price, close_price, volume, tick_count, buy_volume, notional, \
             source, revision) SELECT *, $15 \
             FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             ON CONFLICT (symbol_id, timeframe, basis, open_time) DO UPDATE SET \
             close_time = EXCLUDED.close_time, open_price = EXCLUDED.open_price, \
             high_price = EXCLUDED.high_price, low_price = EXCLUDED.low_price, \
             close_price = EXCLUDED.close_price, volume = EXCLUDED.volume, \
             tick_count = EXCLUDED.tick_count, buy_volume = EXCLUDED.buy_volume, \
             notional = EXCLUDED.notional, source = EXCLUDED.source, \
             revision = EXCLUDED.revision WHERE ohlc_candles.revision <= EXCLUDED.revision{downsampled}"
        ))
        .bind::<Array<BigInt>, _>(&self.symbol_ids)
        .bind::<Array<Text>, _>(&self.timeframes)
        .bind::<Array<Text>, _>(&self.bases)
        .bind::<Array<Timestamptz>, _>(&self.open_times)
        .bind::<Array<Timestamptz>, _>(&self.close_times)
        .bind::<Array<Numeric>, _>(&self.opens)
        .bind::<Array<Numeric>, _>(&self.highs)
        .bind::<Array<Numeric>, _>(&self.lows)
        .bind::<Array<Numeric>, _>(&self.closes)
        .bind::<Array<Numeric>, _>(&self.volumes)
        .bind::<Array<BigInt>, _>(&self.tick_counts)
        .bind::<Array<Nullable<Numeric>>, _>(&self.buy_volumes)
        .bind::<Array<Nullable<Numeric>>, _>(&self.notionals)
        .bind::<Array<Text>, _>(&self.sources)
        .bind::<BigInt, _>(revision)
        .execute(connection)?;
        Ok(stored as u64)
    }
}
