//! The streams of Binance spot.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::bridge::{Bridge, Event, Snapshot};
use crate::books::{Books, no_request};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::wire::{Instant, Levels, Number, Text, invalid, read};

/// Times from here on are microseconds, below they are milliseconds of the years until 5138.
const FIRST_MICROS: i64 = 100_000_000_000_000;

/// Books (`depth`), quotes (`bookTicker`) and trades (`aggTrade`, `trade`) of Binance spot, from combined
/// streams with times in milliseconds or microseconds.
///
/// When the first event of a symbol arrives, and after each loss, the protocol requests a snapshot
/// ([`Request::FetchSnapshot`](crate::Request::FetchSnapshot)); pass it to [`snapshot`](Self::snapshot). A
/// snapshot that is older than the events, so that updates between them are missing, is refused and requested
/// again.
///
/// Levels beyond the snapshot are unknown until they change.
#[derive(Debug)]
pub struct BinanceSpot {
    books: Books<Bridge>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    stream: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(rename = "E")]
    time: i64,
    #[serde(rename = "s", borrow)]
    symbol: Text<'a>,
    #[serde(rename = "U")]
    first: i64,
    #[serde(rename = "u")]
    last: i64,
    #[serde(rename = "b")]
    bids: Levels,
    #[serde(rename = "a")]
    asks: Levels,
}

#[derive(Deserialize)]
struct BookTicker<'a> {
    #[serde(rename = "u")]
    update: i64,
    #[serde(rename = "s", borrow)]
    symbol: Text<'a>,
    #[serde(rename = "b")]
    bid: Number,
    #[serde(rename = "B")]
    bid_quantity: Number,
    #[serde(rename = "a")]
    ask: Number,
    #[serde(rename = "A")]
    ask_quantity: Number,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(rename = "s", borrow)]
    symbol: Text<'a>,
    #[serde(rename = "a")]
    aggregate_id: Option<i64>,
    #[serde(rename = "t")]
    id: Option<i64>,
    #[serde(rename = "p")]
    price: Number,
    #[serde(rename = "q")]
    quantity: Number,
    #[serde(rename = "T")]
    time: i64,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
}

#[derive(Deserialize)]
struct DepthSnapshot {
    #[serde(rename = "lastUpdateId")]
    last: i64,
    bids: Levels,
    asks: Levels,
}

fn instant(time: i64) -> Option<Instant> {
    match time {
        FIRST_MICROS.. => Instant::of_micros(time),
        _ => Instant::of_millis(time),
    }
}

impl BinanceSpot {
    /// A protocol for symbols such as `BTCUSDT`, in upper case.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>) -> Self {
        Self {
            books: Books::new(symbols, usize::MAX),
        }
    }

    /// Applies the body of `GET /api/v3/depth` for `symbol`, and the events that waited for it. A snapshot that
    /// was not requested on this connection is ignored.
    ///
    /// # Errors
    /// A body that is not a snapshot, and an unknown symbol. The protocol still waits for a snapshot then.
    pub fn snapshot(
        &mut self,
        symbol: &str,
        body: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let symbol_book = self.books.get_mut(symbol)?;
        let snapshot: DepthSnapshot = read(body.text)?;
        let snapshot = Snapshot {
            last: snapshot.last,
            received_at: body.received_at,
            bids: snapshot.bids,
            asks: snapshot.asks,
        };
        symbol_book.snapshot(symbol, &snapshot, sink);
        Ok(())
    }

    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let message: Message<'_> = read(frame.text)?;
        if let Some(error) = message.error {
            return Err(ProtocolError::Refused(excerpt(error.get())));
        }
        let (Some(Text(stream)), Some(data)) = (&message.stream, message.data) else {
            // an acknowledgement
            return Ok(());
        };
        let data = Frame::new(data.get(), frame.received_at);
        let kind = stream.split('@').nth(1).unwrap_or_default();
        match kind {
            "depth" => self.depth(data, sink),
            "bookTicker" => self.book_ticker(data, sink),
            "aggTrade" | "trade" => self.trade(data, sink),
            _ if kind.starts_with("kline_") => Ok(()),
            _ => Err(ProtocolError::UnknownChannel(excerpt(&**stream))),
        }
    }

    fn depth(&mut self, data: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let depth: Depth<'_> = read(data.text)?;
        let time = instant(depth.time).ok_or_else(|| {
            ProtocolError::Unreadable(format!("event time {} is out of range", depth.time))
        })?;
        let symbol_book = self.books.get_mut(&depth.symbol.0)?;
        let event = Event {
            first: depth.first,
            last: depth.last,
            time: time.0,
            received_at: data.received_at,
            bids: depth.bids,
            asks: depth.asks,
        };
        symbol_book.event(&depth.symbol.0, event, sink);
        Ok(())
    }

    fn book_ticker(&self, data: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let ticker: BookTicker<'_> = read(data.text)?;
        let symbol = &*ticker.symbol.0;
        self.books.check(symbol)?;
        let side = |price: Number, quantity: Number| -> Result<_, ProtocolError> {
            let price = price.decimal(symbol, "price")?;
            let quantity = quantity.decimal(symbol, "quantity")?;
            // an empty side has price 0
            Ok((price > Decimal::ZERO).then_some((price, Some(quantity))))
        };
        sink(FeedEvent::Quote(VenueQuote {
            symbol,
            time: data.received_at,
            received_at: data.received_at,
            sequence: Some(ticker.update),
            bid: side(ticker.bid, ticker.bid_quantity)?,
            ask: side(ticker.ask, ticker.ask_quantity)?,
        }));
        Ok(())
    }

    fn trade(&self, data: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let trade: Trade<'_> = read(data.text)?;
        let symbol = &*trade.symbol.0;
        self.books.check(symbol)?;
        let time = instant(trade.time);
        let time = time.ok_or_else(|| invalid(symbol, "time", trade.time))?;
        // `trade` also names the orders with `a`
        let id = trade.id.or(trade.aggregate_id);
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: time.0,
            received_at: data.received_at,
            price: trade.price.decimal(symbol, "price")?,
            quantity: trade.quantity.decimal(symbol, "quantity")?,
            aggressor: match trade.buyer_is_maker {
                true => Aggressor::Sell,
                false => Aggressor::Buy,
            },
            id: id.map_or(TradeId::Unknown, TradeId::Number),
            is_replayed: false,
        }));
        Ok(())
    }
}

impl Protocol for BinanceSpot {
    fn opened(&mut self) {
        self.books.reset();
    }

    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let received = self.dispatch(frame, sink);
        if let Err(ProtocolError::Unreadable(detail)) = &received {
            let reason = StaleReason::Malformed;
            self.books.invalidate(reason, detail, Bridge::request, sink);
        }
        received
    }

    fn closed(&mut self, sink: &mut EventSink<'_>) {
        let detail = "the connection ended";
        let reason = StaleReason::Disconnected;
        self.books.invalidate(reason, detail, no_request, sink);
        // a snapshot that was requested before is ignored
        for bridge in self.books.states_mut() {
            *bridge = Bridge::default();
        }
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.books.get(symbol)
    }
}
