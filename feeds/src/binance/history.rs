//! The history of trades of Binance spot.

use serde::Deserialize;

use super::spot::instant;
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueTrade};
use crate::history::{HistoryPage, HistoryRequest};
use crate::protocol::{EventSink, Frame};
use crate::wire::{Number, invalid, read};

/// The largest number of trades of a page.
const PAGE: i64 = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    id: i64,
    price: Number,
    qty: Number,
    time: i64,
    is_buyer_maker: bool,
}

/// The trades before a number. Times are in microseconds, as in the streams.
pub(super) fn request(http: &str, page: &HistoryPage<'_>) -> HistoryRequest {
    let HistoryPage { symbol, before, .. } = page;
    let from = (before - PAGE).max(0);
    let limit = (before - from).max(1);
    let path = format!("/api/v3/historicalTrades?symbol={symbol}&fromId={from}&limit={limit}");
    HistoryRequest::new(format!("{http}{path}")).with_header("x-mbx-time-unit", "MICROSECOND")
}

/// Reads the body of `GET /api/v3/historicalTrades`.
pub(super) fn trades(
    symbol: &str,
    body: Frame<'_>,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    let trades: Vec<Trade> = read(body.text)?;
    for trade in trades {
        let time = instant(trade.time);
        let time = time.ok_or_else(|| invalid(symbol, "time", trade.time))?;
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: time.0,
            received_at: body.received_at,
            price: trade.price.decimal(symbol, "price")?,
            quantity: trade.qty.decimal(symbol, "quantity")?,
            aggressor: match trade.is_buyer_maker {
                true => Aggressor::Sell,
                false => Aggressor::Buy,
            },
            id: TradeId::Number(trade.id),
            merged: 1,
            is_replayed: true,
        }));
    }
    Ok(())
}
