//! Kraken WebSocket 2.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::checksum::{apply, capped};
use super::instruments::pairs;
use crate::books::{BookMessage, Books, no_request, resubscribe};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::wire::{Collect, Instant, Levels, Number, Text, collect, read};

/// Books (`book`), quotes (`ticker`), trades (`trade`) and instruments (`instrument`) of Kraken WebSocket 2.
#[derive(Debug)]
pub struct Kraken {
    books: Books<()>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
}

/// Levels as objects.
#[derive(Debug, Default)]
struct ObjectLevels(Levels);

#[derive(Debug, Deserialize)]
struct ObjectLevel {
    price: Number,
    qty: Number,
}

impl Collect for ObjectLevels {
    type Item = ObjectLevel;

    fn add(&mut self, level: ObjectLevel) {
        self.0.push(level.price, level.qty);
    }
}

impl<'de> Deserialize<'de> for ObjectLevels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect(deserializer)
    }
}

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(default)]
    bids: ObjectLevels,
    #[serde(default)]
    asks: ObjectLevels,
    checksum: u64,
    timestamp: Option<Instant>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    bid: Number,
    bid_qty: Number,
    ask: Number,
    ask_qty: Number,
    timestamp: Option<Instant>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    side: Side,
    price: Number,
    qty: Number,
    trade_id: i64,
    timestamp: Instant,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

impl Kraken {
    /// A protocol for pairs such as `BTC/USD`, with books of `depth` levels on each side.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>, depth: usize) -> Self {
        Self {
            books: Books::new(symbols, depth),
        }
    }

    /// A protocol for all symbols that messages are about, for recorded sessions.
    #[must_use]
    pub fn of_any_symbol(depth: usize) -> Self {
        Self {
            books: Books::of_any_symbol(depth),
        }
    }

    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let message: Message<'_> = read(frame.text)?;
        if message.success == Some(false) || message.error.is_some() {
            let error = message.error.as_ref().map_or(frame.text, |error| &error.0);
            return Err(ProtocolError::Refused(excerpt(error)));
        }
        let Some(Text(channel)) = &message.channel else {
            // an answer to a request
            return Ok(());
        };
        let is_snapshot = message
            .kind
            .as_ref()
            .is_some_and(|kind| kind.0 == "snapshot");
        let data = message.data.map_or("", RawValue::get);
        let data = Frame::new(data, frame.received_at);
        match &**channel {
            "book" => self.books(is_snapshot, data, sink),
            "ticker" => self.tickers(data, sink),
            "trade" => self.trades(is_snapshot, data, sink),
            "instrument" => {
                for instrument in pairs(data.text)? {
                    sink(match instrument {
                        Ok(listed) => FeedEvent::Instrument(listed),
                        Err(refused) => FeedEvent::InstrumentRefused(refused),
                    });
                }
                Ok(())
            }
            "heartbeat" | "status" => Ok(()),
            name => Err(ProtocolError::UnknownChannel(excerpt(name))),
        }
    }

    fn books(
        &mut self,
        is_snapshot: bool,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let books: Vec<Book<'_>> = read(data.text)?;
        for book in &books {
            let symbol_book = self.books.get_mut(&book.symbol.0)?;
            let message = BookMessage {
                symbol: &book.symbol.0,
                is_snapshot,
                time: book.timestamp.map(|time| time.0),
                received_at: data.received_at,
                sequence: None,
                checksum: Some(capped(book.checksum)),
                bids: &book.bids.0,
                asks: &book.asks.0,
            };
            apply(&message, &mut symbol_book.book, sink);
        }
        Ok(())
    }

    fn tickers(&self, data: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let tickers: Vec<Ticker<'_>> = read(data.text)?;
        for ticker in &tickers {
            let symbol = &*ticker.symbol.0;
            self.books.check(symbol)?;
            let side = |price: Number, quantity: Number| {
                let price = price.decimal(symbol, "price")?;
                let quantity = quantity.decimal(symbol, "quantity")?;
                Ok::<_, ProtocolError>(Some((price, Some(quantity))))
            };
            sink(FeedEvent::Quote(VenueQuote {
                symbol,
                time: ticker.timestamp.map_or(data.received_at, |time| time.0),
                received_at: data.received_at,
                sequence: None,
                bid: side(ticker.bid, ticker.bid_qty)?,
                ask: side(ticker.ask, ticker.ask_qty)?,
            }));
        }
        Ok(())
    }

    fn trades(
        &self,
        is_snapshot: bool,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let trades: Vec<Trade<'_>> = read(data.text)?;
        for trade in &trades {
            let symbol = &*trade.symbol.0;
            self.books.check(symbol)?;
            sink(FeedEvent::Trade(VenueTrade {
                symbol,
                time: trade.timestamp.0,
                received_at: data.received_at,
                price: trade.price.decimal(symbol, "price")?,
                quantity: trade.qty.decimal(symbol, "quantity")?,
                aggressor: match trade.side {
                    Side::Buy => Aggressor::Buy,
                    Side::Sell => Aggressor::Sell,
                },
                id: TradeId::Number(trade.trade_id),
                merged: 1,
                is_replayed: is_snapshot,
            }));
        }
        Ok(())
    }
}

impl Protocol for Kraken {
    fn opened(&mut self) {
        self.books.reset();
    }

    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError> {
        let received = self.dispatch(frame, sink);
        if let Err(ProtocolError::Unreadable(detail)) = &received {
            let reason = StaleReason::Malformed;
            self.books.invalidate(reason, detail, resubscribe, sink);
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
