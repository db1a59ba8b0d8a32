//! The public channels of OKX.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::book::{BookView, OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::checksum::checksum;
use super::scanned;
use crate::books::{BookMessage, Books, Fault, Outcome, no_request, resubscribe, stale};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, Request, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::scan::scan;
use crate::wire::{Characters, Integer, Levels, Millis, Number, Text, read};

/// The number of levels of each side of the channel `books`.
const DEPTH: usize = 400;

/// Books (`books`), quotes (`tickers`) and trades (`trades`) of OKX WebSocket 5.
///
/// If the messages of a book have numbers (`seqId`, `prevSeqId`), they are checked as well as the checksum.
#[derive(Debug)]
pub struct Okx {
    /// The number of the last message of each book.
    books: Books<Option<i64>>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) arg: Option<Channel<'a>>,
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Channel<'a> {
    #[serde(borrow)]
    pub(super) channel: Text<'a>,
    #[serde(borrow, rename = "instId")]
    pub(super) symbol: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Book {
    pub(super) asks: Levels,
    pub(super) bids: Levels,
    pub(super) ts: Millis,
    pub(super) checksum: Option<i64>,
    #[serde(rename = "seqId")]
    pub(super) number: Option<i64>,
    #[serde(rename = "prevSeqId")]
    pub(super) previous: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trade<'a> {
    #[serde(borrow)]
    pub(super) trade_id: Text<'a>,
    pub(super) px: Number,
    pub(super) sz: Number,
    pub(super) side: Side,
    pub(super) ts: Millis,
    /// The number of trades that the message merges into one.
    pub(super) count: Option<Integer>,
}

#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Buy,
    Sell,
}

/// Fields are empty if there is no order on a side.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub(super) bid_px: Characters<'a>,
    #[serde(borrow)]
    pub(super) bid_sz: Characters<'a>,
    #[serde(borrow)]
    pub(super) ask_px: Characters<'a>,
    #[serde(borrow)]
    pub(super) ask_sz: Characters<'a>,
    pub(super) ts: Millis,
}

/// The data of a channel.
#[derive(Debug)]
pub(super) enum Data<'a> {
    Snapshot(Vec<Book>),
    Update(Vec<Book>),
    Trades(Vec<Trade<'a>>),
    Tickers(Vec<Ticker<'a>>),
}

impl<'a> Data<'a> {
    /// Reads data; `None` if it is not used.
    pub(super) fn read(
        channel: &str,
        action: Option<&str>,
        text: &'a str,
    ) -> Result<Option<Self>, ProtocolError> {
        match (channel, action) {
            ("books", Some("snapshot")) => read(text).map(Self::Snapshot).map(Some),
            ("books", Some("update")) => read(text).map(Self::Update).map(Some),
            ("books", _) => Err(missing("action")),
            ("trades", _) => read(text).map(Self::Trades).map(Some),
            ("tickers", _) => read(text).map(Self::Tickers).map(Some),
            (name, _) if name.starts_with("candle") => Ok(None),
            (name, _) => Err(ProtocolError::UnknownChannel(excerpt(name))),
        }
    }
}

fn missing(field: &str) -> ProtocolError {
    ProtocolError::Unreadable(format!("missing field `{field}`"))
}

impl Okx {
    /// A protocol for instruments such as `BTC-USDT`.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>) -> Self {
        Self {
            books: Books::new(symbols, DEPTH),
        }
    }

    /// A protocol for all instruments that messages are about, for recorded sessions.
    #[must_use]
    pub fn of_any_symbol() -> Self {
        Self {
            books: Books::of_any_symbol(DEPTH),
        }
    }

    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        // the answer to `ping` is not JSON
        if frame.text == "pong" {
            return Ok(());
        }
        if let Some((symbol, data)) = scan(frame.text, scanned::message) {
            return self.apply(symbol, &data, frame.received_at, sink);
        }
        let message: Message<'_> = read(frame.text)?;
        match message.event.as_ref().map(|event| &*event.0) {
            Some("error") => {
                let error = message.msg.as_ref().map_or(frame.text, |text| &text.0);
                return Err(ProtocolError::Refused(excerpt(error)));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let arg = message.arg.as_ref().ok_or_else(|| missing("arg"))?;
        let symbol = arg.symbol.as_ref().ok_or_else(|| missing("instId"))?;
        let symbol = &*symbol.0;
        let data = message.data.ok_or_else(|| missing("data"))?;
        let action = message.action.as_ref().map(|action| &*action.0);
        match Data::read(&arg.channel.0, action, data.get())? {
            Some(data) => self.apply(symbol, &data, frame.received_at, sink),
            None => Ok(()),
        }
    }

    fn apply(
        &mut self,
        symbol: &str,
        data: &Data<'_>,
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        match data {
            Data::Snapshot(books) => self.books(symbol, true, books, received_at, sink),
            Data::Update(books) => self.books(symbol, false, books, received_at, sink),
            Data::Trades(trades) => self.trades(symbol, trades, received_at, sink),
            Data::Tickers(tickers) => self.tickers(symbol, tickers, received_at, sink),
        }
    }

    fn books(
        &mut self,
        symbol: &str,
        is_snapshot: bool,
        books: &[Book],
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        for book in books {
            let symbol_book = self.books.get_mut(symbol)?;
            let last = std::mem::replace(&mut symbol_book.state, book.number);
            let lost = last
                .zip(book.previous)
                .filter(|(last, previous)| last != previous);
            let is_valid = symbol_book.book.state().is_valid();
            if let Some((last, previous)) = lost.filter(|_| !is_snapshot && is_valid) {
                let detail = format!("message after {previous}, the book is at {last}");
                stale(
                    &mut symbol_book.book,
                    symbol,
                    StaleReason::Gap,
                    &detail,
                    sink,
                );
                sink(FeedEvent::Request(Request::Resubscribe { symbol }));
                continue;
            }
            let message = BookMessage {
                symbol,
                is_snapshot,
                time: Some(book.ts.0.0),
                received_at,
                sequence: book.number,
                checksum: book.checksum,
                bids: &book.bids,
                asks: &book.asks,
            };
            let check = |view: BookView<'_>| compare(book.checksum, view);
            if message.apply(&mut symbol_book.book, check, sink) == Outcome::Stale {
                sink(FeedEvent::Request(Request::Resubscribe { symbol }));
            }
        }
        Ok(())
    }

    fn trades(
        &self,
        symbol: &str,
        trades: &[Trade<'_>],
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        self.books.check(symbol)?;
        report(symbol, trades, received_at, false, sink)
    }

    fn tickers(
        &self,
        symbol: &str,
        tickers: &[Ticker<'_>],
        received_at: DateTime<Utc>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        self.books.check(symbol)?;
        for ticker in tickers {
            let side = |price: Characters<'_>, quantity: Characters<'_>| {
                if price.0.is_empty() {
                    return Ok(None);
                }
                let price = Number::of(price.0).decimal(symbol, "price")?;
                let quantity = Number::of(quantity.0).decimal(symbol, "quantity")?;
                Ok::<_, ProtocolError>(Some((price, Some(quantity))))
            };
            sink(FeedEvent::Quote(VenueQuote {
                symbol,
                time: ticker.ts.0.0,
                received_at,
                sequence: None,
                bid: side(ticker.bid_px, ticker.bid_sz)?,
                ask: side(ticker.ask_px, ticker.ask_sz)?,
            }));
        }
        Ok(())
    }
}

/// Reads and reports the trades of an array.
pub(super) fn trades(
    symbol: &str,
    data: Frame<'_>,
    is_replayed: bool,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    let trades: Vec<Trade<'_>> = read(data.text)?;
    report(symbol, &trades, data.received_at, is_replayed, sink)
}

fn report(
    symbol: &str,
    trades: &[Trade<'_>],
    received_at: DateTime<Utc>,
    is_replayed: bool,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    for trade in trades {
        let id = &*trade.trade_id.0;
        sink(FeedEvent::Trade(VenueTrade {
            symbol,
            time: trade.ts.0.0,
            received_at,
            price: trade.px.decimal(symbol, "price")?,
            quantity: trade.sz.decimal(symbol, "quantity")?,
            aggressor: match trade.side {
                Side::Buy => Aggressor::Buy,
                Side::Sell => Aggressor::Sell,
            },
            id: id.parse().map_or(TradeId::Text(id), TradeId::Number),
            merged: trade
                .count
                .map_or(1, |Integer(count)| count.try_into().unwrap_or(1)),
            is_replayed,
        }));
    }
    Ok(())
}

fn compare(expected: Option<i64>, view: BookView<'_>) -> Result<(), Fault> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let found = checksum(view);
    if i64::from(found) == expected {
        return Ok(());
    }
    let detail = format!("checksum {found}, the venue has {expected}");
    Err((StaleReason::Checksum, detail))
}

impl Protocol for Okx {
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
