//! The streams of Binance spot.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::bridge::{Bridge, Event, Snapshot};
use super::scanned;
use crate::books::{Books, no_request};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, Request, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::scan::scan;
use crate::wire::{Instant, Levels, Number, Text, invalid, read};

/// Times from here on are microseconds, below they are milliseconds of the years until 5138.
const FIRST_MICROS: i64 = 100_000_000_000_000;

/// Books (`depth`), quotes (`bookTicker`) and trades (`aggTrade`, `trade`) of Binance spot, from combined
/// streams with times in milliseconds or microseconds.
///
/// When a subscription is acknowledged, when the first event of a symbol arrives, and after each loss, the protocol
/// requests a snapshot
/// ([`Request::FetchSnapshot`]); pass it to [`snapshot`](Self::snapshot). A
/// snapshot that is older than the events, so that updates between them are missing, is refused and requested
/// again.
///
/// Levels beyond the snapshot are unknown until they change.
#[derive(Debug)]
pub struct BinanceSpot {
    books: Books<Bridge>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) stream: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// The number of the request that this acknowledges.
    id: Option<i64>,
    #[serde(borrow, rename = "e")]
    kind: Option<Text<'a>>,
    /// An event of the connection.
    #[serde(borrow)]
    event: Option<ConnectionEvent<'a>>,
}

#[derive(Deserialize)]
struct ConnectionEvent<'a> {
    #[serde(rename = "e", borrow)]
    kind: Text<'a>,
}

/// The event that announces the end of the connection.
const SHUTDOWN: &str = "serverShutdown";

#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "E")]
    pub(super) time: i64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "U")]
    pub(super) first: i64,
    #[serde(rename = "u")]
    pub(super) last: i64,
    #[serde(rename = "b")]
    pub(super) bids: Levels,
    #[serde(rename = "a")]
    pub(super) asks: Levels,
}

#[derive(Debug, Deserialize)]
pub(super) struct BookTicker<'a> {
    #[serde(rename = "u")]
    pub(super) update: i64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "b")]
    pub(super) bid: Number,
    #[serde(rename = "B")]
    pub(super) bid_quantity: Number,
    #[serde(rename = "a")]
    pub(super) ask: Number,
    #[serde(rename = "A")]
    pub(super) ask_quantity: Number,
}

#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "a")]
    pub(super) aggregate_id: Option<i64>,
    #[serde(rename = "t")]
    pub(super) id: Option<i64>,
    #[serde(rename = "p")]
    pub(super) price: Number,
    #[serde(rename = "q")]
    pub(super) quantity: Number,
    #[serde(rename = "T")]
    pub(super) time: i64,
    #[serde(rename = "m")]
    pub(super) buyer_is_maker: bool,
}

/// A message of a stream.
#[derive(Debug)]
pub(super) enum Data<'a> {
    Depth(Depth<'a>),
    BookTicker(BookTicker<'a>),
    Trade(Trade<'a>),
}

impl<'a> Data<'a> {
    /// Reads a message; `None` if it is not used.
    pub(super) fn read(stream: &str, text: &'a str) -> Result<Option<Self>, ProtocolError> {
        match kind(stream) {
            "depth" => read(text).map(Self::Depth).map(Some),
            "bookTicker" => read(text).map(Self::BookTicker).map(Some),
            "aggTrade" | "trade" => read(text).map(Self::Trade).map(Some),
            kind if kind.starts_with("kline_") => Ok(None),
            _ => Err(ProtocolError::UnknownChannel(excerpt(stream))),
        }
    }
}

/// The type of the messages of a stream such as `ethusdt@depth@100ms`.
pub(super) fn kind(stream: &str) -> &str {
    stream.split('@').nth(1).unwrap_or_default()
}

#[derive(Deserialize)]
struct DepthSnapshot {
    #[serde(rename = "lastUpdateId")]
    last: i64,
    bids: Levels,
    asks: Levels,
}

pub(super) fn instant(time: i64) -> Option<Instant> {
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

    /// A protocol for all symbols that messages are about, for recorded sessions.
    #[must_use]
    pub fn of_any_symbol() -> Self {
        Self {
            books: Books::of_any_symbol(usize::MAX),
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
        if let Some((_, data)) = scan(frame.text, scanned::message) {
            return self.apply(data, frame.received_at, sink);
        }
        let message: Message<'_> = read(frame.text)?;
        if let Some(error) = message.error {
            return Err(ProtocolError::Refused(excerpt(error.get())));
        }
        let event = message.event.as_ref().map(|event| &event.kind);
        let mut kinds = event.into_iter().chain(&message.kind);
        if kinds.any(|kind| kind.0 == SHUTDOWN) {
            sink(FeedEvent::Request(Request::Renew));
            return Ok(());
        }
        let (Some(Text(stream)), Some(data)) = (&message.stream, message.data) else {
            if message.id.is_some() {
                self.books.request_missing(Bridge::request, sink);
            }
            return Ok(());
        };
        match Data::read(stream, data.get())? {
            Some(data) => self.apply(data, frame.received_at, sink),
            None => Ok(()),
        }
    }

    fn apply(
        &mut self,
        data: Data<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        match data {
            Data::Depth(depth) => self.depth(depth, received_at, sink),
            Data::BookTicker(ticker) => self.book_ticker(&ticker, received_at, sink),
            Data::Trade(trade) => self.trade(&trade, received_at, sink),
        }
    }

    fn depth(
        &mut self,
        depth: Depth<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let time = instant(depth.time).ok_or_else(|| {
            ProtocolError::Unreadable(format!("event time {} is out of range", depth.time))
        })?;
        let symbol_book = self.books.get_mut(&depth.symbol.0)?;
        let event = Event {
            first: depth.first,
            last: depth.last,
            time: time.0,
            received_at,
            bids: depth.bids,
            asks: depth.asks,
        };
        symbol_book.event(&depth.symbol.0, event, sink);
        Ok(())
    }

    fn book_ticker(
        &self,
        ticker: &BookTicker<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
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
            time: received_at,
            received_at,
            sequence: Some(ticker.update),
            bid: side(ticker.bid, ticker.bid_quantity)?,
            ask: side(ticker.ask, ticker.ask_quantity)?,
        }));
        Ok(())
    }

    fn trade(
        &self,
        trade: &Trade<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let symbol = &*trade.symbol.0;
        self.books.check(symbol)?;
        let time = instant(trade.time);
        let time = time.ok_or_else(|| invalid(symbol, "time", trade.time))?;
        // `trade` also names the orders with `a`
        let id = trade.id.or(trade.aggregate_id);
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: time.0,
            received_at,
            price: trade.price.decimal(symbol, "price")?,
            quantity: trade.quantity.decimal(symbol, "quantity")?,
            aggressor: match trade.buyer_is_maker {
                true => Aggressor::Sell,
                false => Aggressor::Buy,
            },
            id: id.map_or(TradeId::Unknown, TradeId::Number),
            merged: 1,
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

    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.books.invalidate(reason, detail, no_request, sink);
        // a snapshot that was requested before is ignored
        for bridge in self.books.states_mut() {
            *bridge = Bridge::default();
        }
    }

    fn resync(&mut self, symbol: &str, sink: &mut EventSink<'_>) {
        let is_waiting = |book: &OrderBook| !book.state().is_valid();
        if self.books.get(symbol).is_none_or(|book| !is_waiting(book)) {
            return;
        }
        if let Ok(symbol_book) = self.books.get_mut(symbol) {
            symbol_book.state.request_again();
            sink(FeedEvent::Request(Request::FetchSnapshot { symbol }));
        }
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.books.get(symbol)
    }

    fn symbols(&self) -> Vec<&str> {
        self.books.symbols()
    }
}
