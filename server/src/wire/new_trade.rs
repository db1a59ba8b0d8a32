//! Trades as clients send them.

use serde::Serialize;
use tickbook::domain::{InvalidTrade, SymbolId, Trade};
use tickbook::ingest::OccurrenceCounter;
use utoipa::ToSchema;

use super::decimal::DecimalInput;
use super::element::{Field, Value, sequence_schema};
use super::rejection::Rejection;
use super::time::TimeText;
use super::trade::AggressorSideText;

/// A trade to be stored. Unknown and repeated fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292Z", "sequence": 8812345,
    "price": "452.13", "quantity": "1.5", "aggressor_side": "buy", "is_block": false,
    "trade_id": null, "received_at": null
}))]
pub struct NewTrade {
    /// The symbol of the trade; a JSON number without decimal point and exponent.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue, from 1970 to 2099, and at most five minutes ahead of the server's clock
    /// unless its settings say otherwise.
    pub trade_time: TimeText,
    /// The number that the venue gave the trade. Omit it if the venue does not number trades: then a trade that
    /// is already stored is not stored again, and equal trades of one request are all stored.
    #[serde(default)]
    #[schema(schema_with = sequence_schema)]
    pub sequence: Option<i64>,
    /// Price of one unit; may be negative.
    pub price: DecimalInput,
    /// Traded quantity, greater than zero.
    pub quantity: DecimalInput,
    /// Side of the order that removed liquidity. Null or omitted if unknown.
    #[serde(default)]
    pub aggressor_side: Option<AggressorSideText>,
    /// Whether the trade was negotiated outside of the order book; false if omitted.
    #[serde(default)]
    pub is_block: bool,
    /// Id of a venue whose ids are not integers, 1 to 100 printable characters. Null or omitted without one.
    #[serde(default)]
    pub trade_id: Option<String>,
    /// When the sender received it.
    #[serde(default)]
    pub received_at: Option<TimeText>,
}

/// The fields of a trade, in the order of [`NewTrade`].
const FIELDS: [&str; 9] = [
    "symbol_id",
    "trade_time",
    "sequence",
    "price",
    "quantity",
    "aggressor_side",
    "is_block",
    "trade_id",
    "received_at",
];

impl NewTrade {
    /// Parses one trade from valid JSON.
    ///
    /// # Errors
    /// The first problem of the trade.
    pub fn read(json: &str) -> Result<Self, Rejection> {
        let [
            symbol_id,
            trade_time,
            sequence,
            price,
            quantity,
            aggressor_side,
            is_block,
            trade_id,
            received_at,
        ] = Field::all_of(json, "trade", FIELDS)?;
        Ok(Self {
            symbol_id: symbol_id.required()?.integer(1, i64::MAX)?,
            trade_time: trade_time.required()?.time()?,
            sequence: sequence
                .given()
                .map(|sequence| sequence.integer_or_digits(0, i64::MAX))
                .transpose()?,
            price: price.required()?.decimal()?,
            quantity: quantity.required()?.decimal()?,
            aggressor_side: aggressor_side
                .not_null()
                .map(AggressorSideText::read)
                .transpose()?,
            is_block: is_block
                .given()
                .map(Value::boolean)
                .transpose()?
                .unwrap_or_default(),
            trade_id: trade_id.not_null().map(Value::string).transpose()?,
            received_at: received_at.not_null().map(Value::time).transpose()?,
        })
    }

    /// Returns the trade in its stored form. A trade without a sequence is counted among the equal trades of
    /// its request.
    ///
    /// # Errors
    /// The trade is invalid.
    pub fn normalized(
        &self,
        occurrences: &mut OccurrenceCounter<Trade>,
    ) -> Result<Trade, InvalidTrade> {
        let trade = Trade::new(
            SymbolId::new(self.symbol_id),
            self.trade_time.0,
            self.price.0,
            self.quantity.0,
        );
        let trade = trade
            .with_sequence(self.sequence.unwrap_or(0))
            .with_aggressor_side(self.aggressor_side.map(Into::into))
            .with_block(self.is_block)
            .with_trade_id(self.trade_id.clone())
            .with_received_at(self.received_at.map(|time| time.0));
        let mut trade = trade.normalized()?;
        if self.sequence.is_none() {
            occurrences.count(&mut trade);
        }
        Ok(trade)
    }
}
