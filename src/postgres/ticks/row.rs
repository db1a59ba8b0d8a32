//! A row of the table of ticks, read.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Integer, Nullable, Numeric, Timestamptz};
use rust_decimal::Decimal;

use crate::domain::{SymbolId, Tick};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;

/// The columns of a [`TickRow`], in its order.
pub(super) const COLUMNS: &str = "symbol_id, tick_time, sequence, bid_price, ask_price, \
                                  bid_volume, ask_volume, received_at";

/// The types of [`COLUMNS`].
pub(super) type TickSqlType = (
    BigInt,
    Timestamptz,
    Integer,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
pub(super) struct TickRow {
    symbol_id: i64,
    tick_time: DateTime<Utc>,
    sequence: i32,
    bid_price: StoredNumeric,
    ask_price: StoredNumeric,
    bid_volume: StoredNumeric,
    ask_volume: StoredNumeric,
    received_at: Option<DateTime<Utc>>,
}

impl TickRow {
    pub(super) fn into_tick(self) -> Result<Tick, RepositoryError> {
        let number = |column: &str, value: StoredNumeric| -> Result<Decimal, RepositoryError> {
            value.0.map_err(|error| RepositoryError::Data {
                entity: Entity::Tick,
                key: format!(
                    "of symbol {} at {} with sequence {}",
                    self.symbol_id, self.tick_time, self.sequence
                ),
                reason: format!("{column}: {error}"),
            })
        };
        Ok(Tick {
            symbol_id: SymbolId::new(self.symbol_id),
            tick_time: self.tick_time,
            sequence: self.sequence,
            bid_price: number("bid_price", self.bid_price)?,
            ask_price: number("ask_price", self.ask_price)?,
            bid_volume: number("bid_volume", self.bid_volume)?,
            ask_volume: number("ask_volume", self.ask_volume)?,
            received_at: self.received_at,
        })
    }
}
