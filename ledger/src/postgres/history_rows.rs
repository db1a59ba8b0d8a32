//! Rows of the order history.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Numeric, Text, Timestamptz};
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::amount::PgAmount;
use super::json::{PgJson, event_of};
use super::stored::invalid;
use crate::domain::{
    AccountId, Currency, Fee, FillReport, OrderId, PositionAfter, PositionKey, PositionState,
    RecordedEvent, StrategyId,
};

#[derive(Debug, QueryableByName)]
pub(super) struct EventRow {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    order_id: String,
    #[diesel(sql_type = Jsonb)]
    payload: PgJson,
}

impl EventRow {
    pub(super) fn into_event(self) -> Result<RecordedEvent, RepositoryError> {
        let sequence = self.sequence;
        Ok(RecordedEvent {
            sequence,
            recorded_at: self.recorded_at,
            order_id: OrderId::new(self.order_id)
                .map_err(|error| invalid(Entity::OrderEvent, sequence, "order_id", error))?,
            event: event_of(sequence, &self.payload)?,
        })
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct FillRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = Timestamptz)]
    trade_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    order_id: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Text)]
    side: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    strategy_id: Option<i64>,
    #[diesel(sql_type = Nullable<Numeric>)]
    quantity: Option<PgDecimal>,
    #[diesel(sql_type = Nullable<Numeric>)]
    price: Option<PgDecimal>,
    #[diesel(sql_type = Text)]
    venue: String,
    #[diesel(sql_type = Nullable<Text>)]
    exec_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    ref_exec_id: Option<String>,
    #[diesel(sql_type = Nullable<Numeric>)]
    fee_amount: Option<PgDecimal>,
    #[diesel(sql_type = Nullable<Text>)]
    fee_currency: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    fee_is_taken_from_quantity: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    liquidity: Option<String>,
}

/// Reads an id or a name of the fill with this number.
fn parsed<T: FromStr<Err: Display>>(
    sequence: i64,
    column: &str,
    text: &str,
) -> Result<T, RepositoryError> {
    let parsed = text.parse();
    parsed.map_err(|error| invalid(Entity::Fill, sequence, column, error))
}

fn optional<T: FromStr<Err: Display>>(
    sequence: i64,
    column: &str,
    text: Option<&String>,
) -> Result<Option<T>, RepositoryError> {
    let parsed = text.map(|text| parsed(sequence, column, text));
    parsed.transpose()
}

impl FillRow {
    pub(super) fn into_report(self) -> Result<FillReport, RepositoryError> {
        let sequence = self.sequence;
        let currency: Option<Currency> =
            optional(sequence, "fee_currency", self.fee_currency.as_ref())?;
        let fee = self.fee_amount.zip(currency).map(|(amount, currency)| {
            let mut fee = Fee::new(amount.0, currency);
            fee.is_taken_from_quantity = self.fee_is_taken_from_quantity.unwrap_or_default();
            fee
        });
        let last = self.quantity.zip(self.price);
        Ok(FillReport {
            account_id: AccountId::new(self.account_id),
            trade_time: self.trade_time,
            sequence,
            recorded_at: self.recorded_at,
            order_id: parsed(sequence, "order_id", &self.order_id)?,
            kind: parsed(sequence, "kind", &self.kind)?,
            symbol_id: SymbolId::new(self.symbol_id),
            side: parsed(sequence, "side", &self.side)?,
            strategy_id: self.strategy_id.map(StrategyId::new),
            last: last.map(|(quantity, price)| (quantity.0, price.0)),
            venue: parsed(sequence, "venue", &self.venue)?,
            exec_id: optional(sequence, "exec_id", self.exec_id.as_ref())?,
            ref_exec_id: optional(sequence, "ref_exec_id", self.ref_exec_id.as_ref())?,
            fee,
            liquidity: optional(sequence, "liquidity", self.liquidity.as_ref())?,
        })
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct PositionRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    as_of: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    strategy_id: Option<i64>,
    #[diesel(sql_type = Text)]
    position_name: String,
    #[diesel(sql_type = Numeric)]
    quantity: PgDecimal,
    #[diesel(sql_type = Numeric)]
    open_cost: PgAmount,
    #[diesel(sql_type = Numeric)]
    realized: PgAmount,
}

impl PositionRow {
    pub(super) fn into_state(self) -> Result<PositionState, RepositoryError> {
        let name = self.position_name;
        let strategy_id = self.strategy_id.map(StrategyId::new);
        let key = PositionKey::new(strategy_id, SymbolId::new(self.symbol_id), name.clone());
        let (quantity, open_cost) = (self.quantity.0, self.open_cost.0);
        Ok(PositionState {
            account_id: AccountId::new(self.account_id),
            key,
            as_of: self.as_of,
            sequence: self.sequence,
            recorded_at: self.recorded_at,
            after: PositionAfter::new(name, quantity, open_cost, self.realized.0),
        })
    }
}
