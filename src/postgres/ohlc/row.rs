//! A row that is a candle, read.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Numeric, Timestamptz};
use rust_decimal::Decimal;

use crate::domain::{Candle, CandleSource};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::repository::CandleQuery;

/// Open time, open, high, low, close, volume, count of ticks.
pub(super) type CandleSqlType = (
    Timestamptz,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    BigInt,
);

#[derive(Debug, Queryable)]
pub(super) struct CandleRow {
    open_time: DateTime<Utc>,
    open: StoredNumeric,
    high: StoredNumeric,
    low: StoredNumeric,
    close: StoredNumeric,
    volume: StoredNumeric,
    tick_count: i64,
}

impl CandleRow {
    pub(super) fn into_candle(
        self,
        query: &CandleQuery,
        source: CandleSource,
        now: DateTime<Utc>,
    ) -> Result<Candle, RepositoryError> {
        let number = |column: &str, value: StoredNumeric| -> Result<Decimal, RepositoryError> {
            value.0.map_err(|error| RepositoryError::Data {
                entity: Entity::Candle,
                key: format!(
                    "{} {} of symbol {} at {}",
                    query.timeframe, query.basis, query.symbol_id, self.open_time
                ),
                reason: format!("{column}: {error}"),
            })
        };
        Ok(Candle {
            symbol_id: query.symbol_id,
            timeframe: query.timeframe,
            basis: query.basis,
            open_time: self.open_time,
            open: number("open", self.open)?,
            high: number("high", self.high)?,
            low: number("low", self.low)?,
            close: number("close", self.close)?,
            volume: number("volume", self.volume)?,
            tick_count: self.tick_count,
            closed: self.open_time + query.timeframe.duration() <= now,
            source,
        })
    }
}
