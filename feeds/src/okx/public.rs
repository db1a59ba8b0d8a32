//! The public channels of OKX.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::book::{BookView, OrderBook, StaleReason};
use tickbook::domain::excerpt;

use super::checksum::checksum;
use crate::books::{BookMessage, Books, Fault, Outcome, no_request, resubscribe, stale};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, Request, TradeId, VenueQuote, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::wire::{Characters, Levels, Millis, Number, Text, read};

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
struct Message<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
    #[serde(borrow)]
    arg: Option<Channel<'a>>,
    #[serde(borrow)]
    action: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    #[serde(borrow)]
    channel: Text<'a>,
    #[serde(borrow, rename = "instId")]
    symbol: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Book {
    asks: Levels,
    bids: Levels,
    ts: Millis,
    checksum: Option<i64>,
    #[serde(rename = "seqId")]
    number: Option<i64>,
    #[serde(rename = "prevSeqId")]
    previous: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trade<'a> {
    #[serde(borrow)]
    trade_id: Text<'a>,
    px: Number,
    sz: Number,
    side: Side,
    ts: Millis,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

/// Fields are empty if there is no order on a side.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker<'a> {
    #[serde(borrow)]
    bid_px: Characters<'a>,
    #[serde(borrow)]
    bid_sz: Characters<'a>,
    #[serde(borrow)]
    ask_px: Characters<'a>,
    #[serde(borrow)]
    ask_sz: Characters<'a>,
    ts: Millis,
}

impl Okx {
    /// A protocol for instruments such as `BTC-USDT`.
    #[must_use]
    pub fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>) -> Self {
        Self {
            books: Books::new(symbols, DEPTH),
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
        let message: Message<'_> = read(frame.text)?;
        match message.event.as_ref().map(|event| &*event.0) {
            Some("error") => {
                let error = message.msg.as_ref().map_or(frame.text, |text| &text.0);
                return Err(ProtocolError::Refused(excerpt(error)));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let missing = |field| ProtocolError::Unreadable(format!("missing field `{field}`"));
        let arg = message.arg.as_ref().ok_or_else(|| missing("arg"))?;
        let symbol = arg.symbol.as_ref().ok_or_else(|| missing("instId"))?;
        let symbol = &*symbol.0;
        let data = message.data.ok_or_else(|| missing("data"))?;
        let data = Frame::new(data.get(), frame.received_at);
        match &*arg.channel.0 {
            "books" => match message.action.as_ref().map(|action| &*action.0) {
                Some("snapshot") => self.books(symbol, true, data, sink),
                Some("update") => self.books(symbol, false, data, sink),
                _ => Err(missing("action")),
            },
            "trades" => self.trades(symbol, data, sink),
            "tickers" => self.tickers(symbol, data, sink),
            name if name.starts_with("candle") => Ok(()),
            name => Err(ProtocolError::UnknownChannel(excerpt(name))),
        }
    }

    fn books(
        &mut self,
        symbol: &str,
        is_snapshot: bool,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let books: Vec<Book> = read(data.text)?;
        for book in &books {
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
                received_at: data.received_at,
                sequence: book.number,
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
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let trades: Vec<Trade<'_>> = read(data.text)?;
        self.books.check(symbol)?;
        for trade in &trades {
            let id = &*trade.trade_id.0;
            sink(FeedEvent::Trade(VenueTrade {
                symbol,
                time: trade.ts.0.0,
                received_at: data.received_at,
                price: trade.px.decimal(symbol, "price")?,
                quantity: trade.sz.decimal(symbol, "quantity")?,
                aggressor: match trade.side {
                    Side::Buy => Aggressor::Buy,
                    Side::Sell => Aggressor::Sell,
                },
                id: id.parse().map_or(TradeId::Text(id), TradeId::Number),
                is_replayed: false,
            }));
        }
        Ok(())
    }

    fn tickers(
        &self,
        symbol: &str,
        data: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let tickers: Vec<Ticker<'_>> = read(data.text)?;
        self.books.check(symbol)?;
        for ticker in &tickers {
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
                received_at: data.received_at,
                sequence: None,
                bid: side(ticker.bid_px, ticker.bid_sz)?,
                ask: side(ticker.ask_px, ticker.ask_sz)?,
            }));
        }
        Ok(())
    }
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

    fn closed(&mut self, sink: &mut EventSink<'_>) {
        let detail = "the connection ended";
        let reason = StaleReason::Disconnected;
        self.books.invalidate(reason, detail, no_request, sink);
    }

    fn book(&self, symbol: &str) -> Option<&OrderBook> {
        self.books.get(symbol)
    }
}
