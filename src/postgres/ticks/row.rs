//! The columns of the table of ticks, and the decoding of its rows.

use std::fmt::Display;

use diesel::sql_types::{BigInt, Nullable, Numeric, Timestamptz};
use diesel::{Queryable, QueryableByName};

use crate::domain::{SymbolId, Tick};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::timeseries::ticks;
use crate::postgres::stored_time::StoredTime;
use crate::postgres::writing::Column;

/// The columns of a tick in any table whose rows have a tick, in the order of the schema and of a
/// [`TickRow`], followed by other columns.
macro_rules! tick_columns {
    ($table:ident, |$row:ident| $tick:expr $(, $other:expr)* $(,)?) => {
        &[
            Column::big_int($table::symbol_id, |$row| Some($tick.symbol_id.get())),
            Column::timestamptz($table::tick_time, |$row| Some($tick.tick_time)),
            Column::big_int($table::sequence, |$row| Some($tick.sequence)),
            Column::numeric($table::bid_price, |$row| $tick.bid_price),
            Column::numeric($table::ask_price, |$row| $tick.ask_price),
            Column::numeric($table::bid_volume, |$row| $tick.bid_volume),
            Column::numeric($table::ask_volume, |$row| $tick.ask_volume),
            Column::timestamptz($table::received_at, |$row| $tick.received_at),
            $($other,)*
        ]
    };
}

pub(in crate::postgres) use tick_columns;

/// The columns of the table of ticks.
pub(super) const COLUMNS: &[Column<Tick>] = tick_columns!(ticks, |tick| tick);

#[derive(Debug, Queryable, QueryableByName)]
pub(in crate::postgres) struct TickRow {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    tick_time: StoredTime,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Nullable<Numeric>)]
    bid_price: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Numeric>)]
    ask_price: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Numeric>)]
    bid_volume: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Numeric>)]
    ask_volume: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    received_at: Option<StoredTime>,
}

impl TickRow {
    pub(super) fn into_tick(self) -> Result<Tick, RepositoryError> {
        let (symbol, time, sequence) = (self.symbol_id, self.tick_time, self.sequence);
        self.into_tick_or(|reason| {
            let at = match time.0 {
                Ok(time) => time.to_string(),
                Err(error) => error.to_string(),
            };
            RepositoryError::Data {
                entity: Entity::Tick,
                key: format!("of symbol {symbol} at {at} with sequence {sequence}"),
                reason,
            }
        })
    }

    /// Returns the tick. `invalid` creates the error of a value that is not valid, from its column and the
    /// reason.
    pub(in crate::postgres) fn into_tick_or(
        self,
        invalid: impl Fn(String) -> RepositoryError,
    ) -> Result<Tick, RepositoryError> {
        let data = |column: &str, error: &dyn Display| invalid(format!("{column}: {error}"));
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
