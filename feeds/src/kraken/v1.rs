//! Kraken WebSocket 1, for recorded sessions.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tickbook::domain::book::{OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::checksum::{apply, capped};
use crate::books::{BookMessage, Books, no_request, resubscribe};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::wire::{Collect, Instant, Levels, Number, Text, collect, invalid, read};

/// Books, quotes and trades of Kraken WebSocket 1.
///
/// Only updates have a checksum. Trades have no id, and quotes no time.
#[derive(Debug)]
pub struct KrakenV1 {
    books: Books<()>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow, rename = "errorMessage")]
    error: Option<Text<'a>>,
}

/// Levels of price, quantity, time and, for repeated ones, `r`.
#[derive(Debug, Default)]
struct TimedLevels {
    levels: Levels,
    latest: Option<Instant>,
}

#[derive(Debug)]
struct TimedLevel {
    price: Number,
    quantity: Number,
    time: Instant,
}

impl<'de> Deserialize<'de> for TimedLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = TimedLevel;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of price, quantity and time")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<TimedLevel, A::Error> {
                let missing = |at| A::Error::invalid_length(at, &"price, quantity and time");
                let price = fields.next_element()?.ok_or_else(|| missing(0))?;
                let quantity = fields.next_element()?.ok_or_else(|| missing(1))?;
                let time: Text<'de> = fields.next_element()?.ok_or_else(|| missing(2))?;
                let time = Instant::of_seconds(&time.0)
                    .ok_or_else(|| A::Error::custom("expected seconds since 1970"))?;
                while fields.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TimedLevel {
                    price,
                    quantity,
                    time,
                })
            }
        }

        deserializer.deserialize_seq(Fields)
    }
}

impl Collect for TimedLevels {
    type Item = TimedLevel;

    fn add(&mut self, level: TimedLevel) {
        self.levels.push(level.price, level.quantity);
        self.latest = self.latest.max(Some(level.time));
    }
}

impl<'de> Deserialize<'de> for TimedLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect(deserializer)
    }
}

impl TimedLevels {
    fn append(&mut self, more: Option<Self>) {
        if let Some(more) = more {
            self.levels.changes.extend(more.levels.changes);
            self.levels.invalid = self.levels.invalid.or(more.levels.invalid);
            self.latest = self.latest.max(more.latest);
        }
    }
}

/// One of the maps of a book message.
#[derive(Deserialize)]
struct BookPart<'a> {
    #[serde(rename = "as")]
    all_asks: Option<TimedLevels>,
    #[serde(rename = "bs")]
    all_bids: Option<TimedLevels>,
    #[serde(rename = "a")]
    asks: Option<TimedLevels>,
    #[serde(rename = "b")]
    bids: Option<TimedLevels>,
    #[serde(rename = "c", borrow)]
    checksum: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Ticker {
    #[serde(rename = "b")]
    bid: (Number, IgnoredAny, Number),
    #[serde(rename = "a")]
    ask: (Number, IgnoredAny, Number),
}

/// Price, quantity, seconds, side, type of the order, and further words.
#[derive(Deserialize)]
struct Trade<'a>(
    Number,
    Number,
    #[serde(borrow)] Text<'a>,
    Side,
    IgnoredAny,
    IgnoredAny,
);

#[derive(Deserialize, Clone, Copy)]
enum Side {
    #[serde(rename = "b")]
    Buy,
    #[serde(rename = "s")]
    Sell,
}

impl KrakenV1 {
    /// A protocol for pairs such as `XBT/USD`, with books of `depth` levels on each side.
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
        if !frame.text.trim_start().starts_with('[') {
            return status(frame.text);
        }
        let parts: Vec<&RawValue> = read(frame.text)?;
        let [_, body @ .., channel, symbol] = &parts[..] else {
            let short = format!("array of {} values", parts.len());
            return Err(ProtocolError::Unreadable(short));
        };
        let (channel, symbol): (Text<'_>, Text<'_>) = (read(channel.get())?, read(symbol.get())?);
        let [first, ..] = body else {
            return Err(ProtocolError::Unreadable("array without data".to_owned()));
        };
        let data = Frame::new(first.get(), frame.received_at);
        match &*channel.0 {
            "trade" => self.trades(&symbol.0, data, sink),
            "ticker" => self.ticker(&symbol.0, data, sink),
            name if name.starts_with("book-") => self.book(&symbol.0, body, frame, sink),
            name => Err(ProtocolError::UnknownChannel(excerpt(name))),
        }
    }

    fn book(
        &mut self,
        symbol: &str,
        body: &[&RawValue],
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let (mut bids, mut asks) = (TimedLevels::default(), TimedLevels::default());
        let (mut checksum, mut is_snapshot) = (None, false);
        // the checksum is in the last map, and is of the book after all of them
        for part in body {
            let part: BookPart<'_> = read(part.get())?;
            is_snapshot |= part.all_asks.is_some() || part.all_bids.is_some();
            bids.append(part.all_bids);
            asks.append(part.all_asks);
            bids.append(part.bids);
            asks.append(part.asks);
            if let Some(Text(text)) = part.checksum {
                let number = text.parse().map_err(|_| {
                    ProtocolError::Unreadable(format!(
                        "checksum {} is not a number",
                        excerpt(&*text)
                    ))
                })?;
                checksum = Some(number);
            }
        }
        let symbol_book = self.books.get_mut(symbol)?;
        let message = BookMessage {
            symbol,
            is_snapshot,
            // the times of the levels of a snapshot are those of their last changes
            time: bids
                .latest
                .max(asks.latest)
                .filter(|_| !is_snapshot)
                .map(|time| time.0),
            received_at: frame.received_at,
            sequence: None,
            checksum: checksum.map(capped),
            bids: &bids.levels,
            asks: &asks.levels,
        };
        apply(&message, &mut symbol_book.book, sink);
        Ok(())
    }

    fn ticker(
        &self,
        symbol: &str,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let ticker: Ticker = read(data.text)?;
        self.books.check(symbol)?;
        let side = |(price, _, quantity): (Number, IgnoredAny, Number)| {
            let price = price.decimal(symbol, "price")?;
            let quantity = quantity.decimal(symbol, "quantity")?;
            Ok::<_, ProtocolError>(Some((price, Some(quantity))))
        };
        sink(FeedEvent::Quote(VenueQuote {
            symbol,
            time: data.received_at,
            received_at: data.received_at,
            sequence: None,
            bid: side(ticker.bid)?,
            ask: side(ticker.ask)?,
        }));
        Ok(())
    }

    fn trades(
        &self,
        symbol: &str,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let trades: Vec<Trade<'_>> = read(data.text)?;
        self.books.check(symbol)?;
        for Trade(price, quantity, time, side, ..) in trades {
            let time = Instant::of_seconds(&time.0)
                .ok_or_else(|| invalid(symbol, "time", excerpt(&*time.0)))?;
            sink(FeedEvent::Trade(VenueTrade {
                symbol,
                time: time.0,
                received_at: data.received_at,
                price: price.decimal(symbol, "price")?,
                quantity: quantity.decimal(symbol, "quantity")?,
                aggressor: match side {
                    Side::Buy => Aggressor::Buy,
                    Side::Sell => Aggressor::Sell,
                },
                id: TradeId::Unknown,
                merged: 1,
                is_replayed: false,
            }));
        }
        Ok(())
    }
}

fn status(text: &str) -> Result<(), ProtocolError> {
    let status: Status<'_> = read(text)?;
    let is_error = |text: &Text<'_>| text.0 == "error";
    if is_error(&status.event) || status.status.as_ref().is_some_and(is_error) {
        let error = status.error.as_ref().map_or(text, |error| &error.0);
        return Err(ProtocolError::Refused(excerpt(error)));
    }
    Ok(())
}

impl Protocol for KrakenV1 {
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
