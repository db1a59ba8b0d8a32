//! Trades in responses.

use serde::{Deserialize, Serialize};
use tickbook::domain::{AggressorSide, Page, Trade, TradeCursor};
use tickbook::repository::{DeletedTrades, TradeQuery};
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::element::Value;
use super::rejection::{Rejection, RejectionReason};
use super::time::TimeText;
use crate::cursor::RangeCursorText as _;

/// The side of the order that removed liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AggressorSideText {
    /// A buyer took an offer.
    Buy,
    /// A seller hit a bid.
    Sell,
}

impl AggressorSideText {
    /// Parses `buy` or `sell`.
    pub(super) fn read(value: Value<'_>) -> Result<Self, Rejection> {
        let text = value.string()?;
        let side: Result<AggressorSide, _> = text.parse();
        let side = side.map_err(|error| {
            let reason = RejectionReason::UnknownSide;
            Rejection::of_field("aggressor_side", reason, error.to_string())
        });
        side.map(Into::into)
    }
}

impl From<AggressorSide> for AggressorSideText {
    fn from(side: AggressorSide) -> Self {
        match side {
            AggressorSide::Buy => Self::Buy,
            AggressorSide::Sell => Self::Sell,
        }
    }
}

impl From<AggressorSideText> for AggressorSide {
    fn from(side: AggressorSideText) -> Self {
        match side {
            AggressorSideText::Buy => Self::Buy,
            AggressorSideText::Sell => Self::Sell,
        }
    }
}

/// One trade of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292000Z", "sequence": 8812345,
    "price": "452.13", "quantity": "1.5", "aggressor_side": "buy", "is_block": false,
    "trade_id": null, "received_at": null
}))]
pub struct TradeBody {
    /// The symbol of the trade.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue.
    pub trade_time: TimeText,
    /// Its number at the venue, or its position within that instant; exact, up to 2^63 - 1.
    #[schema(example = 8812345)]
    pub sequence: i64,
    /// Price of one unit.
    pub price: DecimalText,
    /// Traded quantity.
    pub quantity: DecimalText,
    /// Side of the order that removed liquidity; null if unknown.
    pub aggressor_side: Option<AggressorSideText>,
    /// Whether the trade was negotiated outside of the order book.
    pub is_block: bool,
    /// Id of a venue whose ids are not integers; null without one.
    pub trade_id: Option<String>,
    /// When the sender received it; null if unknown.
    pub received_at: Option<TimeText>,
}

/// The trades that a request has deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "trades": 2, "first": "2014-05-01T00:00:00.292000Z", "last": "2014-05-01T17:03:11.000000Z"
}))]
pub struct DeletedTradesBody {
    /// The number of trades.
    pub trades: u64,
    /// The time of the first one; null if there were none.
    pub first: Option<TimeText>,
    /// The time of the last one; null if there were none.
    pub last: Option<TimeText>,
}

impl From<DeletedTrades> for DeletedTradesBody {
    fn from(deleted: DeletedTrades) -> Self {
        Self {
            trades: deleted.trades,
            first: deleted.span.map(|span| TimeText(span.first)),
            last: deleted.span.map(|span| TimeText(span.last)),
        }
    }
}

/// A page of trades, by ascending `(trade_time, sequence)` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TradeList {
    /// The trades.
    pub data: Vec<TradeBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Trade> for TradeBody {
    fn from(trade: Trade) -> Self {
        Self {
            symbol_id: trade.symbol_id.get(),
            trade_time: TimeText(trade.trade_time),
            sequence: trade.sequence,
            price: DecimalText(trade.price),
            quantity: DecimalText(trade.quantity),
            aggressor_side: trade.aggressor_side.map(Into::into),
            is_block: trade.is_block,
            trade_id: trade.trade_id,
            received_at: trade.received_at.map(TimeText),
        }
    }
}

impl TradeList {
    /// The page for `query`.
    #[must_use]
    pub fn new(page: Page<Trade, TradeCursor>, query: &TradeQuery) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next
                .map(|cursor| cursor.encode(query.symbol_id, query.range, query.order)),
        }
    }

    /// A list of all trades, without a further page.
    #[must_use]
    pub fn complete(trades: Vec<Trade>) -> Self {
        Self {
            data: trades.into_iter().map(Into::into).collect(),
            next_cursor: None,
        }
    }
}
