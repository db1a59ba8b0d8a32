//! Ticks as clients send them.

use serde::Serialize;
use tickbook::domain::{InvalidTick, SymbolId, Tick};
use tickbook::ingest::OccurrenceCounter;
use utoipa::ToSchema;

use super::decimal::DecimalInput;
use super::element::{Field, Value, sequence_schema};
use super::rejection::Rejection;
use super::time::TimeText;

/// A tick to be stored. Unknown and repeated fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292Z", "sequence": 0,
    "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "0", "ask_volume": "0",
    "received_at": null
}))]
pub struct NewTick {
    /// The symbol of the tick; a JSON number without decimal point and exponent.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue, from 1970 to 2099, and at most five minutes ahead of the server's clock
    /// unless its settings say otherwise.
    pub tick_time: TimeText,
    /// The sequence number of the venue. Omit it if the venue does not number ticks: then a tick that is
    /// already stored is not stored again, and equal ticks of one request are all stored.
    #[serde(default)]
    #[schema(schema_with = sequence_schema)]
    pub sequence: Option<i64>,
    /// Price at which one can sell; may be negative. Null or omitted without a bid; a tick has at least
    /// one price.
    #[serde(default)]
    pub bid_price: Option<DecimalInput>,
    /// Price at which one can buy; may be negative, and below the bid. Null or omitted without an ask.
    #[serde(default)]
    pub ask_price: Option<DecimalInput>,
    /// Quantity offered at the bid, not negative. Null or omitted if unknown.
    #[serde(default)]
    pub bid_volume: Option<DecimalInput>,
    /// Quantity offered at the ask, not negative. Null or omitted if unknown.
    #[serde(default)]
    pub ask_volume: Option<DecimalInput>,
    /// When the sender received it.
    #[serde(default)]
    pub received_at: Option<TimeText>,
}

/// The fields of a tick, in the order of [`NewTick`].
const FIELDS: [&str; 8] = [
    "symbol_id",
    "tick_time",
    "sequence",
    "bid_price",
    "ask_price",
    "bid_volume",
    "ask_volume",
    "received_at",
];

impl NewTick {
    /// Parses one tick from valid JSON.
    ///
    /// # Errors
    /// The first problem of the tick.
    pub fn read(json: &str) -> Result<Self, Rejection> {
        let [
            symbol_id,
            tick_time,
            sequence,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            received_at,
        ] = Field::all_of(json, "tick", FIELDS)?;
        Ok(Self {
            symbol_id: symbol_id.required()?.integer(1, i64::MAX)?,
            tick_time: tick_time.required()?.time()?,
            sequence: sequence
                .given()
                .map(|sequence| sequence.integer_or_digits(0, i64::MAX))
                .transpose()?,
            bid_price: bid_price.not_null().map(Value::decimal).transpose()?,
            ask_price: ask_price.not_null().map(Value::decimal).transpose()?,
            bid_volume: bid_volume.not_null().map(Value::decimal).transpose()?,
            ask_volume: ask_volume.not_null().map(Value::decimal).transpose()?,
            received_at: received_at.not_null().map(Value::time).transpose()?,
        })
    }

    /// Returns the tick in its stored form. A tick without a sequence is counted among the equal ticks of its
    /// request.
    ///
    /// # Errors
    /// The tick is invalid.
    pub fn normalized(&self, occurrences: &mut OccurrenceCounter) -> Result<Tick, InvalidTick> {
        let number = |input: Option<DecimalInput>| input.map(|input| input.0);
        let tick = Tick::new(SymbolId::new(self.symbol_id), self.tick_time.0)
            .with_sequence(self.sequence.unwrap_or(0))
            .with_bid(number(self.bid_price))
            .with_ask(number(self.ask_price))
            .with_volumes(number(self.bid_volume), number(self.ask_volume))
            .with_received_at(self.received_at.map(|time| time.0));
        let mut tick = tick.normalized()?;
        if self.sequence.is_none() {
            occurrences.count(&mut tick);
        }
        Ok(tick)
    }
}
