//! Fills as rows.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::Queryable;
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Integer, Nullable, Numeric, Text, Timestamptz,
};
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::stored::{StoredText, invalid};
use crate::domain::{
    ContentHash, Contract, Currency, ExecId, Fee, Fill, FillId, FillOrder, Liquidity, OrderId,
    PositionEffect, PositionKey, Side, StrategyId, Venue,
};

/// The columns of a [`FillRow`], of the table `fills` with the name `f`.
macro_rules! fill_columns {
    () => {
        "f.sequence, f.order_id, f.venue, f.exec_id, f.effect, f.content_hash, f.trade_time, f.venue_sequence, \
         f.strategy_id, f.symbol_id, f.position_name, f.side, f.quantity, f.price, f.fee_amount, f.fee_currency, \
         f.fee_is_taken_from_quantity, f.liquidity, f.multiplier, f.is_inverse, f.trading_day, f.latest_exec_id, \
         f.versions, f.is_busted"
    };
}

pub(super) use fill_columns;

pub(super) type FillColumns = (
    BigInt,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Binary>,
    Timestamptz,
    BigInt,
    Nullable<BigInt>,
    BigInt,
    Text,
    Text,
    Numeric,
    Numeric,
    Nullable<Numeric>,
    Nullable<Text>,
    Nullable<Bool>,
    Nullable<Text>,
    Numeric,
    Bool,
    Nullable<Date>,
    Nullable<Text>,
    Integer,
    Bool,
);

#[derive(Debug, Queryable)]
pub(super) struct FillRow {
    sequence: i64,
    order_id: StoredText<OrderId>,
    venue: Option<StoredText<Venue>>,
    exec_id: Option<StoredText<ExecId>>,
    effect: Option<StoredText<PositionEffect>>,
    content_hash: Option<Vec<u8>>,
    trade_time: DateTime<Utc>,
    venue_sequence: i64,
    strategy_id: Option<i64>,
    symbol_id: i64,
    position_name: String,
    side: StoredText<Side>,
    quantity: PgDecimal,
    price: PgDecimal,
    fee_amount: Option<PgDecimal>,
    fee_currency: Option<StoredText<Currency>>,
    fee_is_taken_from_quantity: Option<bool>,
    liquidity: Option<StoredText<Liquidity>>,
    multiplier: PgDecimal,
    is_inverse: bool,
    trading_day: Option<NaiveDate>,
    latest_exec_id: Option<StoredText<ExecId>>,
    versions: i32,
    is_busted: bool,
}

impl FillRow {
    pub(super) fn into_fill(self) -> Result<Fill, RepositoryError> {
        let sequence = self.sequence;
        let error = |column: &'static str| {
            move |reason: String| invalid(Entity::Fill, sequence, column, reason)
        };
        let fee = match (self.fee_amount, self.fee_currency) {
            (Some(amount), Some(currency)) => {
                let currency = currency.0.map_err(error("fee_currency"))?;
                let mut fee = Fee::new(amount.0, currency);
                fee.is_taken_from_quantity = self.fee_is_taken_from_quantity.unwrap_or_default();
                Some(fee)
            }
            _ => None,
        };
        let columns = (self.venue, self.exec_id, self.effect, self.content_hash);
        let fill_id = fill_id(columns).map_err(error("fill id"))?;
        let mut contract = Contract::linear(self.multiplier.0);
        contract.is_inverse = self.is_inverse;
        Ok(Fill {
            fill_id,
            order: FillOrder {
                trade_time: self.trade_time,
                venue_sequence: self.venue_sequence,
                sequence,
            },
            order_id: self.order_id.0.map_err(error("order_id"))?,
            position: PositionKey::new(
                self.strategy_id.map(StrategyId::new),
                SymbolId::new(self.symbol_id),
                self.position_name,
            ),
            side: self.side.0.map_err(error("side"))?,
            quantity: self.quantity.0,
            price: self.price.0,
            fee,
            liquidity: optional(self.liquidity).map_err(error("liquidity"))?,
            contract,
            trading_day: self.trading_day,
            latest_exec_id: optional(self.latest_exec_id).map_err(error("latest_exec_id"))?,
            versions: u32::try_from(self.versions).unwrap_or_default(),
            is_busted: self.is_busted,
        })
    }
}

fn optional<T>(text: Option<StoredText<T>>) -> Result<Option<T>, String> {
    text.map(|text| text.0).transpose()
}

/// The columns `venue`, `exec_id`, `effect` and `content_hash` of a new row.
pub(super) type FillIdTexts = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Vec<u8>>,
);

/// The columns `venue`, `exec_id`, `effect` and `content_hash` of a stored row.
pub(super) type FillIdColumns = (
    Option<StoredText<Venue>>,
    Option<StoredText<ExecId>>,
    Option<StoredText<PositionEffect>>,
    Option<Vec<u8>>,
);

/// The columns of the id of a fill.
pub(super) fn columns_of(fill_id: &FillId) -> FillIdTexts {
    match fill_id {
        FillId::Report {
            venue,
            exec_id,
            effect,
        } => (
            Some(venue.as_str().to_owned()),
            Some(exec_id.as_str().to_owned()),
            effect.map(|effect| effect.as_str().to_owned()),
            None,
        ),
        FillId::Content(hash) => (None, None, None, Some(hash.as_bytes().to_vec())),
    }
}

/// The id of a fill.
pub(super) fn fill_id(columns: FillIdColumns) -> Result<FillId, String> {
    match columns {
        (Some(venue), Some(exec_id), effect, None) => Ok(FillId::Report {
            venue: venue.0?,
            exec_id: exec_id.0?,
            effect: optional(effect)?,
        }),
        (None, None, None, Some(hash)) => Ok(FillId::Content(content_hash(&hash)?)),
        _ => Err("neither the id of a report nor a digest".to_owned()),
    }
}

pub(super) fn content_hash(bytes: &[u8]) -> Result<ContentHash, String> {
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| "a digest has 32 bytes".to_owned())?;
    Ok(ContentHash::from_bytes(bytes))
}
