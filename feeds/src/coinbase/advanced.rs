//! The feed of Coinbase Advanced Trade.

use serde::Deserialize;
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::side::MakerSide;
use crate::books::{BookMessage, Books, Outcome, no_request};
use crate::error::ProtocolError;
use crate::event::{FeedEvent, Request, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::wire::{Collect, Instant, Levels, Number, Text, collect, read};

/// Books (`level2`), quotes (`ticker`) and trades (`market_trades`) of Coinbase Advanced Trade.
///
/// The messages of a connection are numbered, of all channels together. After a message with another number
/// than the next one, every book is stale until the next connection: the protocol requests to
/// [`Reconnect`](Request::Reconnect), and reads nothing more of the old connection.
#[derive(Debug)]
pub struct CoinbaseAdvanced {
    books: Books<()>,
    /// The number of the next message; `None` before the first one.
    next: Option<i64>,
    /// Whether a message of this connection was lost.
    is_lost: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    sequence_num: Option<i64>,
    timestamp: Option<Instant>,
    #[serde(borrow, default)]
    events: Vec<Event<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

/// The fields of the events of all channels; each channel has some of them.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, rename = "product_id")]
    product: Option<Text<'a>>,
    updates: Option<Updates>,
    #[serde(borrow, default)]
    trades: Vec<Trade<'a>>,
    #[serde(borrow, default)]
    tickers: Vec<Ticker<'a>>,
}

/// The levels of an event, and the latest of their times.
#[derive(Debug, Default)]
struct Updates {
    bids: Levels,
    asks: Levels,
    latest: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Bid,
    #[serde(alias = "ask")]
    Offer,
}

#[derive(Debug, Deserialize)]
struct Update {
    side: Side,
    event_time: Instant,
    price_level: Number,
    new_quantity: Number,
}

impl Collect for Updates {
    type Item = Update;

    fn add(&mut self, update: Update) {
        let levels = match update.side {
            Side::Bid => &mut self.bids,
            Side::Offer => &mut self.asks,
        };
        levels.push(update.price_level, update.new_quantity);
        self.latest = self.latest.max(Some(update.event_time));
    }
}

impl<'de> Deserialize<'de> for Updates {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect(deserializer)
    }
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    trade_id: Text<'a>,
    #[serde(borrow)]
    product_id: Text<'a>,
    price: Number,
    size: Number,
    side: MakerSide,
    time: Instant,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    product_id: Text<'a>,
    best_bid: Number,
    best_bid_quantity: Number,
    best_ask: Number,
    best_ask_quantity: Number,
}

impl CoinbaseAdvanced {
    /// A protocol for products such as `BTC-USD`.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>) -> Self {
        Self {
            books: Books::new(symbols, usize::MAX),
            next: None,
            is_lost: false,
        }
    }

    /// A protocol for all products that messages are about, for recorded sessions.
    #[must_use]
    pub fn of_any_symbol() -> Self {
        Self {
            books: Books::of_any_symbol(usize::MAX),
            ..Self::new::<String>([])
        }
    }

    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let message: Message<'_> = read(frame.text)?;
        if message.kind.as_ref().is_some_and(|kind| kind.0 == "error") {
            let error = message.message.as_ref().map_or(frame.text, |text| &text.0);
            return Err(ProtocolError::Refused(excerpt(error)));
        }
        let missing = |field| ProtocolError::Unreadable(format!("missing field `{field}`"));
        let number = message
            .sequence_num
            .ok_or_else(|| missing("sequence_num"))?;
        let channel = message.channel.as_ref().ok_or_else(|| missing("channel"))?;
        if let Some(next) = self.next.filter(|next| *next != number) {
            let detail = format!("message {number} of the connection instead of {next}");
            self.lose(StaleReason::Gap, &detail, sink);
            return Ok(());
        }
        self.next = number.checked_add(1);
        let time = message.timestamp;
        match &*channel.0 {
            "l2_data" => {
                for event in &message.events {
                    self.book(event, number, frame, sink)?;
                }
                Ok(())
            }
            "market_trades" => self.trades(&message.events, frame, sink),
            "ticker" | "ticker_batch" => {
                let tickers = message.events.iter().flat_map(|event| &event.tickers);
                for ticker in tickers {
                    self.quote(ticker, time, frame, sink)?;
                }
                Ok(())
            }
            "subscriptions" | "heartbeats" | "candles" | "status" => Ok(()),
            name => Err(ProtocolError::UnknownChannel(excerpt(name))),
        }
    }

    /// Ends the use of this connection.
    fn lose(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.is_lost = true;
        self.books.invalidate(reason, detail, no_request, sink);
        sink(FeedEvent::Request(Request::Reconnect));
    }

    fn book(
        &mut self,
        event: &Event<'_>,
        number: i64,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let missing = |field| ProtocolError::Unreadable(format!("missing field `{field}`"));
        let symbol = &*event
            .product
            .as_ref()
            .ok_or_else(|| missing("product_id"))?
            .0;
        let updates = event.updates.as_ref().ok_or_else(|| missing("updates"))?;
        let is_snapshot = match event.kind.as_ref().map(|kind| &*kind.0) {
            Some("snapshot") => true,
            Some("update") => false,
            _ => return Err(missing("type")),
        };
        let symbol_book = self.books.get_mut(symbol)?;
        let message = BookMessage {
            symbol,
            is_snapshot,
            // levels of a snapshot may have times of 1970
            time: updates.latest.filter(|_| !is_snapshot).map(|time| time.0),
            received_at: frame.received_at,
            sequence: Some(number),
            checksum: None,
            bids: &updates.bids,
            asks: &updates.asks,
        };
        if message.apply(&mut symbol_book.book, |_| Ok(()), sink) == Outcome::Stale {
            sink(FeedEvent::Request(Request::Resubscribe { symbol }));
        }
        Ok(())
    }

    fn quote(
        &self,
        ticker: &Ticker<'_>,
        time: Option<Instant>,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let symbol = &*ticker.product_id.0;
        self.books.check(symbol)?;
        let side = |price: Number, quantity: Number| {
            let price = price.decimal(symbol, "price")?;
            let quantity = quantity.decimal(symbol, "quantity")?;
            Ok::<_, ProtocolError>((!price.is_zero()).then_some((price, Some(quantity))))
        };
        sink(FeedEvent::Quote(VenueQuote {
            symbol,
            time: time.map_or(frame.received_at, |time| time.0),
            received_at: frame.received_at,
            // the number of the message counts those of the connection
            sequence: None,
            bid: side(ticker.best_bid, ticker.best_bid_quantity)?,
            ask: side(ticker.best_ask, ticker.best_ask_quantity)?,
        }));
        Ok(())
    }

    fn trades(
        &self,
        events: &[Event<'_>],
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        for event in events {
            let is_snapshot = event.kind.as_ref().is_some_and(|kind| kind.0 == "snapshot");
            for trade in &event.trades {
                let symbol = &*trade.product_id.0;
                self.books.check(symbol)?;
                let id = &*trade.trade_id.0;
                sink(FeedEvent::Trade(VenueTrade {
                    symbol,
                    time: trade.time.0,
                    received_at: frame.received_at,
                    price: trade.price.decimal(symbol, "price")?,
                    quantity: trade.size.decimal(symbol, "size")?,
                    aggressor: trade.side.aggressor(),
                    id: id.parse().map_or(TradeId::Text(id), TradeId::Number),
                    merged: 1,
                    is_replayed: is_snapshot,
                }));
            }
        }
        Ok(())
    }
}

impl Protocol for CoinbaseAdvanced {
    fn opened(&mut self) {
        self.books.reset();
        self.next = None;
        self.is_lost = false;
    }

    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        if self.is_lost {
            return Ok(());
        }
        let received = self.dispatch(frame, sink);
        if let Err(ProtocolError::Unreadable(detail)) = &received {
            // its number is lost too
            self.lose(StaleReason::Malformed, detail, sink);
        }
        received
    }

    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.books.invalidate(reason, detail, no_request, sink);
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.books.get(symbol)
    }

    fn symbols(&self) -> Vec<&str> {
        self.books.symbols()
    }
}
