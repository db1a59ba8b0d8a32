//! The history of trades of Coinbase.

use serde::Deserialize;

use super::side::MakerSide;
use crate::error::ProtocolError;
use crate::event::{FeedEvent, TradeId, VenueTrade};
use crate::history::{HistoryPage, HistoryRequest};
use crate::protocol::{EventSink, Frame};
use crate::wire::{Instant, Integer, Number, read};

#[derive(Deserialize)]
struct Trade {
    trade_id: Integer,
    price: Number,
    size: Number,
    side: MakerSide,
    time: Instant,
}

/// The trades before a number, the newest first.
pub(super) fn request(http: &str, page: &HistoryPage<'_>) -> HistoryRequest {
    let HistoryPage { symbol, before, .. } = page;
    HistoryRequest::new(format!(
        "{http}/products/{symbol}/trades?after={before}&limit=1000"
    ))
}

/// Reads the body of `GET /products/{product_id}/trades`.
pub(super) fn trades(
    symbol: &str,
    body: Frame<'_>,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    let trades: Vec<Trade> = read(body.text)?;
    for trade in trades {
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: trade.time.0,
            received_at: body.received_at,
            price: trade.price.decimal(symbol, "price")?,
            quantity: trade.size.decimal(symbol, "quantity")?,
            aggressor: trade.side.aggressor(),
            id: TradeId::Number(trade.trade_id.0),
            merged: 1,
            is_replayed: true,
        }));
    }
    Ok(())
}
