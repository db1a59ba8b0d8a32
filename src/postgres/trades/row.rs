//! The columns of the table of trades, and the decoding of its rows.

use std::fmt::Display;

use diesel::Queryable;

use crate::domain::{AggressorSide, SymbolId, Trade};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::timeseries::trades;
use crate::postgres::stored_time::StoredTime;
use crate::postgres::writing::Column;

/// The columns of the table of trades, in the order of the schema and of a [`TradeRow`].
pub(super) const COLUMNS: &[Column<Trade>] = &[
    Column::big_int(trades::symbol_id, |trade| Some(trade.symbol_id.get())),
    Column::timestamptz(trades::trade_time, |trade| Some(trade.trade_time)),
    Column::big_int(trades::sequence, |trade| Some(trade.sequence)),
    Column::numeric(trades::price, |trade| Some(trade.price)),
    Column::numeric(trades::quantity, |trade| Some(trade.quantity)),
    Column::text(trades::aggressor_side, |trade| {
        trade.aggressor_side.map(AggressorSide::as_str)
    }),
    Column::bool(trades::is_block, |trade| Some(trade.is_block)),
    Column::text(trades::trade_id, |trade| trade.trade_id.as_deref()),
    Column::timestamptz(trades::received_at, |trade| trade.received_at),
];

#[derive(Debug, Queryable)]
pub(in crate::postgres) struct TradeRow {
    symbol_id: i64,
    trade_time: StoredTime,
    sequence: i64,
    price: StoredNumeric,
    quantity: StoredNumeric,
    aggressor_side: Option<String>,
    is_block: bool,
    trade_id: Option<String>,
    received_at: Option<StoredTime>,
}

impl TradeRow {
    pub(super) fn into_trade(self) -> Result<Trade, RepositoryError> {
        let (symbol, sequence) = (self.symbol_id, self.sequence);
        let at = match &self.trade_time.0 {
            Ok(time) => time.to_string(),
            Err(error) => error.to_string(),
        };
        let data = |column: &str, error: &dyn Display| RepositoryError::Data {
            entity: Entity::Trade,
            key: format!("of symbol {symbol} at {at} with sequence {sequence}"),
            reason: format!("{column}: {error}"),
        };
        let number =
            |column: &str, value: StoredNumeric| value.0.map_err(|error| data(column, &error));
        let time = |column: &str, value: StoredTime| value.0.map_err(|error| data(column, &error));
        let side = self.aggressor_side.map(|side| side.parse());
        let side = side.transpose();
        let received_at = self.received_at.map(|value| time("received_at", value));
        let trade = Trade::new(
            SymbolId::new(symbol),
            time("trade_time", self.trade_time)?,
            number("price", self.price)?,
            number("quantity", self.quantity)?,
        );
        Ok(trade
            .with_sequence(sequence)
            .with_trade_id(self.trade_id)
            .with_aggressor_side(side.map_err(|error| data("aggressor_side", &error))?)
            .with_block(self.is_block)
            .with_received_at(received_at.transpose()?))
    }
}
