//! The columns of the table of ticks, and the decoding of its rows.

use std::fmt::Display;

use diesel::Queryable;

use crate::domain::{SymbolId, Tick};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::timeseries::ticks;
use crate::postgres::stored_time::StoredTime;
use crate::postgres::writing::Column;

/// The columns, in the order of the schema and of a [`TickRow`].
pub(super) const COLUMNS: &[Column<Tick>] = &[
    Column::big_int(ticks::symbol_id, |tick| Some(tick.symbol_id.get())),
    Column::timestamptz(ticks::tick_time, |tick| Some(tick.tick_time)),
    Column::big_int(ticks::sequence, |tick| Some(tick.sequence)),
    Column::numeric(ticks::bid_price, |tick| tick.bid_price),
    Column::numeric(ticks::ask_price, |tick| tick.ask_price),
    Column::numeric(ticks::bid_volume, |tick| tick.bid_volume),
    Column::numeric(ticks::ask_volume, |tick| tick.ask_volume),
    Column::timestamptz(ticks::received_at, |tick| tick.received_at),
];

/// The SQL types of [`COLUMNS`].
pub(super) type TickSqlType = ticks::SqlType;

#[derive(Debug, Queryable)]
pub(in crate::postgres) struct TickRow {
    symbol_id: i64,
    tick_time: StoredTime,
    sequence: i64,
    bid_price: Option<StoredNumeric>,
    ask_price: Option<StoredNumeric>,
    bid_volume: Option<StoredNumeric>,
    ask_volume: Option<StoredNumeric>,
    received_at: Option<StoredTime>,
}

impl TickRow {
    pub(super) fn into_tick(self) -> Result<Tick, RepositoryError> {
        let data = |column: &str, error: &dyn Display| {
            let at = match self.tick_time.0 {
                Ok(time) => time.to_string(),
                Err(error) => error.to_string(),
            };
            let (symbol, sequence) = (self.symbol_id, self.sequence);
            RepositoryError::Data {
                entity: Entity::Tick,
                key: format!("of symbol {symbol} at {at} with sequence {sequence}"),
                reason: format!("{column}: {error}"),
            }
        };
        let number = |column: &str, value: Option<StoredNumeric>| {
            let number = value.map(|value| value.0.map_err(|error| data(column, &error)));
            number.transpose()
        };
        let time = |column: &str, value: StoredTime| value.0.map_err(|error| data(column, &error));
        Ok(Tick {
            symbol_id: SymbolId::new(self.symbol_id),
            tick_time: time("tick_time", self.tick_time)?,
            sequence: self.sequence,
            occurrence: None,
            bid_price: number("bid_price", self.bid_price)?,
            ask_price: number("ask_price", self.ask_price)?,
            bid_volume: number("bid_volume", self.bid_volume)?,
            ask_volume: number("ask_volume", self.ask_volume)?,
            received_at: self
                .received_at
                .map(|value| time("received_at", value))
                .transpose()?,
        })
    }
}
