//! The columns of the table of trades, and the decoding of its rows.

use std::fmt::Display;

use diesel::sql_types::{BigInt, Bool, Nullable, Numeric, Text, Timestamptz};
use diesel::{Queryable, QueryableByName};

use crate::domain::{SymbolId, Trade};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::timeseries::trades;
use crate::postgres::stored_time::StoredTime;
use crate::postgres::writing::Column;

/// The columns of a trade in any table whose rows have a trade, in the order of the schema and of a
/// [`TradeRow`], followed by other columns.
macro_rules! trade_columns {
    ($table:ident, |$row:ident| $trade:expr $(, $other:expr)* $(,)?) => {
        &[
            Column::big_int($table::symbol_id, |$row| Some($trade.symbol_id.get())),
            Column::timestamptz($table::trade_time, |$row| Some($trade.trade_time)),
            Column::big_int($table::sequence, |$row| Some($trade.sequence)),
            Column::numeric($table::price, |$row| Some($trade.price)),
            Column::numeric($table::quantity, |$row| Some($trade.quantity)),
            Column::text($table::aggressor_side, |$row| {
                $trade.aggressor_side.map(crate::domain::AggressorSide::as_str)
            }),
            Column::bool($table::is_block, |$row| Some($trade.is_block)),
            Column::text($table::trade_id, |$row| $trade.trade_id.as_deref()),
            Column::timestamptz($table::received_at, |$row| $trade.received_at),
            $($other,)*
        ]
    };
}

pub(in crate::postgres) use trade_columns;

/// The columns of the table of trades.
pub(super) const COLUMNS: &[Column<Trade>] = trade_columns!(trades, |trade| trade);

#[derive(Debug, Queryable, QueryableByName)]
pub(in crate::postgres) struct TradeRow {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    trade_time: StoredTime,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Numeric)]
    price: StoredNumeric,
    #[diesel(sql_type = Numeric)]
    quantity: StoredNumeric,
    #[diesel(sql_type = Nullable<Text>)]
    aggressor_side: Option<String>,
    #[diesel(sql_type = Bool)]
    is_block: bool,
    #[diesel(sql_type = Nullable<Text>)]
    trade_id: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    received_at: Option<StoredTime>,
}

impl TradeRow {
    pub(super) fn into_trade(self) -> Result<Trade, RepositoryError> {
        let (symbol, sequence) = (self.symbol_id, self.sequence);
        let at = match &self.trade_time.0 {
            Ok(time) => time.to_string(),
            Err(error) => error.to_string(),
        };
        self.into_trade_or(|reason| RepositoryError::Data {
            entity: Entity::Trade,
            key: format!("of symbol {symbol} at {at} with sequence {sequence}"),
            reason,
        })
    }

    /// Returns the trade. `invalid` creates the error of a value that is not valid, from its column and the
    /// reason.
    pub(in crate::postgres) fn into_trade_or(
        self,
        invalid: impl Fn(String) -> RepositoryError,
    ) -> Result<Trade, RepositoryError> {
        let data = |column: &str, error: &dyn Display| invalid(format!("{column}: {error}"));
        let number =
            |column: &str, value: StoredNumeric| value.0.map_err(|error| data(column, &error));
        let time = |column: &str, value: StoredTime| value.0.map_err(|error| data(column, &error));
        let side = self.aggressor_side.map(|side| side.parse());
        let side = side.transpose();
        let received_at = self.received_at.map(|value| time("received_at", value));
        let trade = Trade::new(
            SymbolId::new(self.symbol_id),
            time("trade_time", self.trade_time)?,
            number("price", self.price)?,
            number("quantity", self.quantity)?,
        );
        Ok(trade
            .with_sequence(self.sequence)
            .with_trade_id(self.trade_id)
            .with_aggressor_side(side.map_err(|error| data("aggressor_side", &error))?)
            .with_block(self.is_block)
            .with_received_at(received_at.transpose()?))
    }
}
