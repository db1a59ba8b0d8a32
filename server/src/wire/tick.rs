//! Ticks and receipts as JSON.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tickbook::domain::{InvalidTick, Page, SymbolId, Tick, TickCursor};
use tickbook::repository::{InsertReceipt, RejectedTick, TickConflict, TickQuery};
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::time::TimeText;

/// One quote of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292000Z", "sequence": 0,
    "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "0", "ask_volume": "0",
    "received_at": null
}))]
pub struct TickBody {
    /// Whose tick it is.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue.
    pub tick_time: TimeText,
    /// Its place within that instant.
    #[schema(example = 0)]
    pub sequence: i32,
    /// Price at which one can sell.
    pub bid_price: DecimalText,
    /// Price at which one can buy.
    pub ask_price: DecimalText,
    /// Quantity offered at the bid; 0 when the feed does not say.
    pub bid_volume: DecimalText,
    /// Quantity offered at the ask; 0 when the feed does not say.
    pub ask_volume: DecimalText,
    /// When this side saw it, where that was said.
    pub received_at: Option<TimeText>,
}

/// A tick to be stored. A field that is not listed here is refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292Z", "sequence": 0,
    "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "0", "ask_volume": "0",
    "received_at": null
}))]
pub struct NewTick {
    /// Whose tick it is.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue, from 1970 to 2099.
    pub tick_time: TimeText,
    /// Its place within that instant, 0 unless given. Two ticks of one symbol and one
    /// microsecond need different ones: count 0, 1, 2 … in the order they came, or the second is
    /// a duplicate or a conflict of the first.
    #[serde(default)]
    #[schema(example = 0, minimum = 0)]
    pub sequence: i32,
    /// Price at which one can sell; may be negative.
    pub bid_price: DecimalText,
    /// Price at which one can buy; may be negative, and below the bid.
    pub ask_price: DecimalText,
    /// Quantity offered at the bid, not negative; 0 unless given.
    #[serde(default)]
    pub bid_volume: DecimalText,
    /// Quantity offered at the ask, not negative; 0 unless given.
    #[serde(default)]
    pub ask_volume: DecimalText,
    /// When the sender saw it.
    #[serde(default)]
    pub received_at: Option<TimeText>,
}

/// A tick that came as a JSON object. Deserialized by itself it could also be an array of its
/// fields in their order, where a mistake goes unnoticed.
#[derive(Debug)]
pub(crate) struct TickObject(pub(crate) NewTick);

impl<'de> Deserialize<'de> for TickObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = TickObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tick as an object: send {\"symbol_id\": …}")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<TickObject, A::Error> {
        NewTick::deserialize(MapAccessDeserializer::new(fields)).map(TickObject)
    }
}

impl NewTick {
    /// The tick in the form in which it is stored.
    ///
    /// # Errors
    /// What no store can keep.
    pub fn normalized(&self) -> Result<Tick, InvalidTick> {
        let tick = Tick {
            symbol_id: SymbolId::new(self.symbol_id),
            tick_time: self.tick_time.0,
            sequence: self.sequence,
            bid_price: self.bid_price.0,
            ask_price: self.ask_price.0,
            bid_volume: self.bid_volume.0,
            ask_volume: self.ask_volume.0,
            received_at: self.received_at.map(|time| time.0),
        };
        tick.normalized()
    }
}

/// A page of ticks, by ascending `(tick_time, sequence)` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TickList {
    /// The ticks.
    pub data: Vec<TickBody>,
    /// Pass it as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

/// What became of each tick of a request: `inserted`, `duplicates`, and the lengths of `conflicts`
/// and `rejected` add up to the number of ticks sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptBody {
    /// Ticks that are stored now and were not before.
    #[schema(example = 998)]
    pub inserted: u64,
    /// Ticks that were stored already, or came twice in the request.
    #[schema(example = 2)]
    pub duplicates: u64,
    /// Ticks whose (symbol_id, tick_time, sequence) is taken by other content.
    pub conflicts: Vec<ConflictBody>,
    /// Ticks that the database can never keep.
    pub rejected: Vec<RejectedBody>,
    /// Ticks of the request whose bid is above the ask. They are stored all the same.
    #[schema(example = 0)]
    pub crossed: u64,
}

/// Two ticks of one key and different content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictBody {
    /// What is stored, and stays.
    pub stored: TickBody,
    /// What came, and was not stored.
    pub refused: TickBody,
}

/// A tick that can never be stored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RejectedBody {
    /// The tick.
    pub tick: TickBody,
    /// Why, and what to send instead.
    pub reason: String,
}

impl From<Tick> for TickBody {
    fn from(tick: Tick) -> Self {
        Self {
            symbol_id: tick.symbol_id.get(),
            tick_time: TimeText(tick.tick_time),
            sequence: tick.sequence,
            bid_price: DecimalText(tick.bid_price),
            ask_price: DecimalText(tick.ask_price),
            bid_volume: DecimalText(tick.bid_volume),
            ask_volume: DecimalText(tick.ask_volume),
            received_at: tick.received_at.map(TimeText),
        }
    }
}

impl TickList {
    /// The page that answered `query`.
    #[must_use]
    pub fn new(page: Page<Tick, TickCursor>, query: &TickQuery) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next
                .map(|cursor| cursor.encode(query.symbol_id, query.range, query.order)),
        }
    }

    /// All there is.
    #[must_use]
    pub fn complete(ticks: Vec<Tick>) -> Self {
        Self {
            data: ticks.into_iter().map(Into::into).collect(),
            next_cursor: None,
        }
    }
}

impl ReceiptBody {
    /// The receipt of a request with `crossed` crossed ticks.
    #[must_use]
    pub fn new(receipt: InsertReceipt, crossed: u64) -> Self {
        Self {
            inserted: receipt.inserted,
            duplicates: receipt.duplicates,
            conflicts: receipt.conflicts.into_iter().map(Into::into).collect(),
            rejected: receipt.rejected.into_iter().map(Into::into).collect(),
            crossed,
        }
    }
}

impl From<TickConflict> for ConflictBody {
    fn from(conflict: TickConflict) -> Self {
        Self {
            stored: conflict.stored.into(),
            refused: conflict.refused.into(),
        }
    }
}

impl From<RejectedTick> for RejectedBody {
    fn from(rejected: RejectedTick) -> Self {
        Self {
            tick: rejected.tick.into(),
            reason: rejected.reason,
        }
    }
}
