//! Decodes candle rows.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Numeric, Timestamptz};

use crate::domain::{Candle, CandleSource, ExactCandle, TradeVolumes};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::{StoredAmount, StoredNumeric, StoredSum};
use crate::postgres::stored_time::StoredTime;
use crate::repository::CandleQuery;

/// Open time, open, high, low, close, volume, count, buy volume, notional.
pub(super) type CandleSqlType = (
    Timestamptz,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    BigInt,
    Nullable<Numeric>,
    Nullable<Numeric>,
);

#[derive(Debug, Queryable)]
pub(super) struct CandleRow {
    open_time: StoredTime,
    open: StoredNumeric,
    high: StoredNumeric,
    low: StoredNumeric,
    close: StoredNumeric,
    volume: StoredSum,
    tick_count: i64,
    buy_volume: Option<StoredSum>,
    notional: Option<StoredAmount>,
}

impl CandleRow {
    /// Whether it is the row that a statement of a settled page adds to the candles. Candles have rows.
    pub(super) fn is_mark(&self) -> bool {
        self.tick_count < 0
    }

    /// The open time, or an error for a value that cannot be a time.
    pub(super) fn open_time(&self, query: &CandleQuery) -> Result<DateTime<Utc>, RepositoryError> {
        open_time(query, self.open_time)
    }

    pub(super) fn into_candle(
        self,
        query: &CandleQuery,
        source: CandleSource,
        now: DateTime<Utc>,
    ) -> Result<ExactCandle, RepositoryError> {
        let at = self.open_time;
        let data = |column: &str, error: &dyn Display| not_a_candle(query, at, column, error);
        let open_time = open_time(query, at)?;
        let number =
            |column: &str, value: StoredNumeric| value.0.map_err(|error| data(column, &error));
        let (volume, sum) = self.volume.0.map_err(|error| data("volume", &error))?;
        let (mut trade_volumes, mut buy_sum) = (None, None);
        if let Some((bought, notional)) = self.buy_volume.zip(self.notional) {
            let (buy_volume, exact) = bought.0.map_err(|error| data("buy_volume", &error))?;
            let notional = notional.0.map_err(|error| data("notional", &error))?;
            trade_volumes = Some(TradeVolumes::new(buy_volume, notional));
            buy_sum = exact;
        }
        let candle = Candle {
            symbol_id: query.symbol_id,
            timeframe: query.timeframe,
            basis: query.basis,
            open_time,
            open: number("open", self.open)?,
            high: number("high", self.high)?,
            low: number("low", self.low)?,
            close: number("close", self.close)?,
            volume,
            tick_count: self.tick_count,
            trade_volumes,
            closed: query.timeframe.bucket_end(open_time) <= now,
            source,
        };
        Ok(ExactCandle::new(candle, sum, buy_sum))
    }
}

/// The open time of a candle of `query`, or an error for a value that cannot be a time.
pub(super) fn open_time(
    query: &CandleQuery,
    stored: StoredTime,
) -> Result<DateTime<Utc>, RepositoryError> {
    stored
        .0
        .map_err(|error| not_a_candle(query, stored, "open_time", &error))
}

fn not_a_candle(
    query: &CandleQuery,
    at: StoredTime,
    column: &str,
    error: &dyn Display,
) -> RepositoryError {
    let at = match at.0 {
        Ok(time) => time.to_string(),
        Err(error) => error.to_string(),
    };
    RepositoryError::Data {
        entity: Entity::Candle,
        key: format!(
            "{} {} of symbol {} at {at}",
            query.timeframe, query.basis, query.symbol_id
        ),
        reason: format!("{column}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use crate::domain::{PriceBasis, SymbolId, TimeRange, Timeframe};
    use crate::postgres::stored_time::TimeError;

    use super::*;

    fn row(open_time: StoredTime) -> CandleRow {
        let number = || StoredNumeric(Ok(Decimal::ONE));
        CandleRow {
            open_time,
            open: number(),
            high: number(),
            low: number(),
            close: number(),
            volume: StoredSum(Ok((Decimal::ONE, None))),
            tick_count: 1,
            buy_volume: None,
            notional: None,
        }
    }

    #[test]
    fn invalid_time_is_reported_with_its_key() {
        let (symbol, range) = (SymbolId::new(7), TimeRange::all());
        let query = CandleQuery::new(symbol, Timeframe::M5, PriceBasis::Mid, range);
        for error in [
            TimeError::Infinity,
            TimeError::MinusInfinity,
            TimeError::TooFar,
        ] {
            let row = row(StoredTime(Err(error)));
            let read = row.into_candle(&query, CandleSource::Ticks, DateTime::UNIX_EPOCH);
            let error = read.expect_err("no time");
            assert!(matches!(error, RepositoryError::Data { .. }), "{error:?}");
            let text = error.to_string();
            for part in ["5m mid of symbol 7", "open_time: ", "correct the row"] {
                assert!(text.contains(part), "{text}");
            }
        }
        let row = row(StoredTime(Ok(DateTime::UNIX_EPOCH)));
        let read = row.into_candle(&query, CandleSource::Ticks, DateTime::UNIX_EPOCH);
        assert!(read.is_ok_and(|candle| !candle.closed));
    }
}
