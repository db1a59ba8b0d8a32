//! Ticks in responses.

use serde::{Deserialize, Serialize};
use tickbook::domain::{Page, Tick, TickCursor};
use tickbook::repository::TickQuery;
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::time::TimeText;
use crate::cursor::RangeCursorText as _;

/// One quote of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292000Z", "sequence": 0,
    "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "500000", "ask_volume": null,
    "received_at": null
}))]
pub struct TickBody {
    /// The symbol of the tick.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue.
    pub tick_time: TimeText,
    /// Its position within that instant; exact, up to 2^63 - 1.
    #[schema(example = 0)]
    pub sequence: i64,
    /// Price at which one can sell; null without a bid.
    pub bid_price: Option<DecimalText>,
    /// Price at which one can buy; null without an ask.
    pub ask_price: Option<DecimalText>,
    /// Quantity offered at the bid; null if unknown.
    pub bid_volume: Option<DecimalText>,
    /// Quantity offered at the ask; null if unknown.
    pub ask_volume: Option<DecimalText>,
    /// When the sender received it; null if unknown.
    pub received_at: Option<TimeText>,
}

/// A page of ticks, by ascending `(tick_time, sequence)` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TickList {
    /// The ticks.
    pub data: Vec<TickBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Tick> for TickBody {
    fn from(tick: Tick) -> Self {
        Self {
            symbol_id: tick.symbol_id.get(),
            tick_time: TimeText(tick.tick_time),
            sequence: tick.sequence,
            bid_price: tick.bid_price.map(DecimalText),
            ask_price: tick.ask_price.map(DecimalText),
            bid_volume: tick.bid_volume.map(DecimalText),
            ask_volume: tick.ask_volume.map(DecimalText),
            received_at: tick.received_at.map(TimeText),
        }
    }
}

impl TickList {
    /// The page for `query`.
    #[must_use]
    pub fn new(page: Page<Tick, TickCursor>, query: &TickQuery) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next
                .map(|cursor| cursor.encode(query.symbol_id, query.range, query.order)),
        }
    }

    /// A list of all ticks, without a further page.
    #[must_use]
    pub fn complete(ticks: Vec<Tick>) -> Self {
        Self {
            data: ticks.into_iter().map(Into::into).collect(),
            next_cursor: None,
        }
    }
}
