//! The feed of Coinbase Exchange, formerly Pro.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::scanned;
use super::side::MakerSide;
use crate::books::{BookMessage, Books, Outcome, no_request, resubscribe};
use crate::error::ProtocolError;
use crate::event::{FeedEvent, Request, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::scan::scan;
use crate::wire::{Collect, Instant, Levels, Number, Text, collect, read};

/// Books (`level2`), quotes (`ticker`) and trades (`matches`) of Coinbase Exchange.
///
/// The first ticker and the `last_match` of each product repeat the last trade before the subscription.
#[derive(Debug)]
pub struct CoinbaseExchange {
    books: Books<()>,
}

/// The fields of all types of messages; each type has some of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, rename = "product_id")]
    pub(super) product: Option<Text<'a>>,
    pub(super) bids: Option<Levels>,
    pub(super) asks: Option<Levels>,
    pub(super) changes: Option<SideLevels>,
    pub(super) time: Option<Instant>,
    pub(super) side: Option<MakerSide>,
    pub(super) price: Option<Number>,
    pub(super) size: Option<Number>,
    pub(super) trade_id: Option<i64>,
    pub(super) sequence: Option<i64>,
    pub(super) best_bid: Option<Number>,
    pub(super) best_bid_size: Option<Number>,
    pub(super) best_ask: Option<Number>,
    pub(super) best_ask_size: Option<Number>,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reason: Option<Text<'a>>,
}

/// Levels of side, price and quantity.
#[derive(Debug, Default)]
pub(super) struct SideLevels {
    pub(super) bids: Levels,
    pub(super) asks: Levels,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

#[derive(Debug)]
pub(super) struct SideLevel {
    side: Side,
    price: Number,
    quantity: Number,
}

impl<'de> Deserialize<'de> for SideLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = SideLevel;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of side, price and quantity")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<SideLevel, A::Error> {
                let missing = |at| A::Error::invalid_length(at, &"side, price and quantity");
                let side = fields.next_element()?.ok_or_else(|| missing(0))?;
                let price = fields.next_element()?.ok_or_else(|| missing(1))?;
                let quantity = fields.next_element()?.ok_or_else(|| missing(2))?;
                while fields.next_element::<IgnoredAny>()?.is_some() {}
                Ok(SideLevel {
                    side,
                    price,
                    quantity,
                })
            }
        }

        deserializer.deserialize_seq(Fields)
    }
}

impl Collect for SideLevels {
    type Item = SideLevel;

    fn add(&mut self, level: SideLevel) {
        let levels = match level.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        levels.push(level.price, level.quantity);
    }
}

impl<'de> Deserialize<'de> for SideLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect(deserializer)
    }
}

/// The value of a field that a type of messages requires.
fn required<T>(value: Option<T>, field: &str) -> Result<T, ProtocolError> {
    value.ok_or_else(|| ProtocolError::Unreadable(format!("missing field `{field}`")))
}

impl CoinbaseExchange {
    /// A protocol for products such as `BTC-USD`.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>) -> Self {
        Self {
            books: Books::new(symbols, usize::MAX),
        }
    }

    /// A protocol for all products that messages are about, for recorded sessions.
    #[must_use]
    pub fn of_any_symbol() -> Self {
        Self {
            books: Books::of_any_symbol(usize::MAX),
        }
    }

    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let message = match scan(frame.text, scanned::message) {
            Some(message) => message,
            None => read(frame.text)?,
        };
        let kind = &*message.kind.0;
        match kind {
            "subscriptions" | "heartbeat" => return Ok(()),
            "error" => {
                let texts = [&message.message, &message.reason];
                let texts: Vec<_> = texts.into_iter().flatten().map(|text| &*text.0).collect();
                return Err(ProtocolError::Refused(excerpt(texts.join(": "))));
            }
            _ => {}
        }
        let symbol = required(message.product.as_ref(), "product_id")?;
        let symbol = &*symbol.0;
        match kind {
            "snapshot" => {
                let bids = required(message.bids.as_ref(), "bids")?;
                let asks = required(message.asks.as_ref(), "asks")?;
                self.book(symbol, None, frame, true, (bids, asks), sink)
            }
            "l2update" => {
                let changes = required(message.changes.as_ref(), "changes")?;
                let time = Some(required(message.time, "time")?);
                self.book(
                    symbol,
                    time,
                    frame,
                    false,
                    (&changes.bids, &changes.asks),
                    sink,
                )
            }
            "ticker" => self.quote(symbol, &message, frame, sink),
            "match" | "last_match" => self.trade(symbol, &message, frame, sink),
            _ => Err(ProtocolError::UnknownChannel(excerpt(kind))),
        }
    }

    fn book(
        &mut self,
        symbol: &str,
        time: Option<Instant>,
        frame: Frame<'_>,
        is_snapshot: bool,
        (bids, asks): (&Levels, &Levels),
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let symbol_book = self.books.get_mut(symbol)?;
        let message = BookMessage {
            symbol,
            is_snapshot,
            time: time.map(|time| time.0),
            received_at: frame.received_at,
            sequence: None,
            checksum: None,
            bids,
            asks,
        };
        if message.apply(&mut symbol_book.book, |_| Ok(()), sink) == Outcome::Stale {
            sink(FeedEvent::Request(Request::Resubscribe { symbol }));
        }
        Ok(())
    }

    fn quote(
        &self,
        symbol: &str,
        ticker: &Message<'_>,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        self.books.check(symbol)?;
        let side = |price: Option<Number>, size: Option<Number>| {
            let price = required(price, "best price")?.decimal(symbol, "price")?;
            let size = size.map(|size| size.decimal(symbol, "size")).transpose()?;
            Ok::<_, ProtocolError>((!price.is_zero()).then_some((price, size)))
        };
        sink(FeedEvent::Quote(VenueQuote {
            symbol,
            // a product without trades has none
            time: ticker.time.map_or(frame.received_at, |time| time.0),
            received_at: frame.received_at,
            sequence: ticker.sequence,
            bid: side(ticker.best_bid, ticker.best_bid_size)?,
            ask: side(ticker.best_ask, ticker.best_ask_size)?,
        }));
        Ok(())
    }

    fn trade(
        &self,
        symbol: &str,
        trade: &Message<'_>,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        self.books.check(symbol)?;
        let price = required(trade.price, "price")?;
        let size = required(trade.size, "size")?;
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: required(trade.time, "time")?.0,
            received_at: frame.received_at,
            price: price.decimal(symbol, "price")?,
            quantity: size.decimal(symbol, "size")?,
            aggressor: required(trade.side, "side")?.aggressor(),
            id: TradeId::Number(required(trade.trade_id, "trade_id")?),
            merged: 1,
            is_replayed: trade.kind.0 == "last_match",
        }));
        Ok(())
    }
}

impl Protocol for CoinbaseExchange {
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
