//! Trades in responses.

use serde::{Deserialize, Serialize};
use tickbook::domain::{AggressorSide, Page, Trade, TradeCursor};
use tickbook::repository::TradeQuery;
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::time::TimeText;
use crate::cursor::EventCursorText as _;

/// The side of the order that removed liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AggressorSideText {
    /// A buyer took an offer.
    Buy,
    /// A seller hit a bid.
    Sell,
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
