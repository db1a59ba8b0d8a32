//! A small venue that is complete: `docs/adding-a-venue.md` explains it, and the tests of the transport use it.
//!
//! Messages are JSON: `{"book":{"symbol":"A","number":7,"first":true,"bids":[["1.5","2"]],"asks":[]}}`,
//! `{"trade":{"symbol":"A","id":1,"price":"1.5","quantity":"2","side":"buy","time":1}}` and `{"bye":1}`.

use std::time::Duration;

use serde::Deserialize;
use tickbook::domain::book::{OrderBook, StaleReason};

use crate::books::{BookMessage, Books, SymbolBook, no_request, resubscribe, stale};
use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, Request, TradeId, VenueTrade};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::subscription::{Channel, Subscription};
use crate::venue::{InstrumentSource, Limits, Rate, Venue};
use crate::wire::{Levels, Millis, Number, Text, read};

/// The protocol and the venue in one. The state of a book is the number of its last message.
#[derive(Debug)]
pub(crate) struct TestVenue {
    books: Books<Option<i64>>,
    subscription: Subscription,
    address: String,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    book: Option<Book<'a>>,
    #[serde(borrow)]
    trade: Option<Trade<'a>>,
    bye: Option<i64>,
}

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    number: i64,
    #[serde(default)]
    first: bool,
    #[serde(default)]
    bids: Levels,
    #[serde(default)]
    asks: Levels,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    id: i64,
    price: Number,
    quantity: Number,
    #[serde(borrow)]
    side: Text<'a>,
    time: Millis,
}

impl TestVenue {
    fn dispatch(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let message: Message<'_> = read(frame.text)?;
        if message.bye.is_some() {
            sink(FeedEvent::Request(Request::Renew));
        }
        if let Some(book) = &message.book {
            self.book(book, frame, sink)?;
        }
        if let Some(trade) = &message.trade {
            let symbol = &*trade.symbol.0;
            sink(FeedEvent::Trade(VenueTrade {
                symbol,
                time: trade.time.0.0,
                received_at: frame.received_at,
                price: trade.price.decimal(symbol, "price")?,
                quantity: trade.quantity.decimal(symbol, "quantity")?,
                aggressor: match &*trade.side.0 {
                    "buy" => Aggressor::Buy,
                    _ => Aggressor::Sell,
                },
                id: TradeId::Number(trade.id),
                merged: 1,
                is_replayed: false,
            }));
        }
        Ok(())
    }

    fn book(
        &mut self,
        message: &Book<'_>,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        let symbol = &*message.symbol.0;
        let SymbolBook { book, state } = self.books.get_mut(symbol)?;
        let last = state.replace(message.number);
        let is_next = last.is_some_and(|last| last + 1 == message.number);
        if book.state().is_valid() && !message.first && !is_next {
            let detail = format!("message {} after {last:?}", message.number);
            stale(book, symbol, StaleReason::Gap, &detail, sink);
            sink(FeedEvent::Request(Request::Resubscribe { symbol }));
            return Ok(());
        }
        let applied = BookMessage {
            symbol,
            is_snapshot: message.first,
            time: None,
            received_at: frame.received_at,
            sequence: Some(message.number),
            checksum: None,
            bids: &message.bids,
            asks: &message.asks,
        };
        applied.apply(book, |_| Ok(()), sink);
        Ok(())
    }
}

impl Protocol for TestVenue {
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

impl TestVenue {
    pub(crate) fn new(symbols: &[&str], address: &str) -> Self {
        Self {
            books: Books::new(symbols.iter().copied(), usize::MAX),
            subscription: Subscription::new(symbols.iter().copied(), [Channel::Book(10)]),
            address: address.to_owned(),
        }
    }
}

impl Venue for TestVenue {
    fn name(&self) -> &'static str {
        "test"
    }

    fn protocol(&self) -> &dyn Protocol {
        self
    }

    fn protocol_mut(&mut self) -> &mut dyn Protocol {
        self
    }

    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn subscribe(&self) -> Vec<String> {
        vec![format!("+ {}", self.subscription.symbols.join(" "))]
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        vec![format!("- {symbol}"), format!("+ {symbol}")]
    }

    fn successor(&self) -> Option<Box<dyn Venue>> {
        let symbols = self.subscription.symbols.iter().map(String::as_str);
        let symbols: Vec<_> = symbols.collect();
        Some(Box::new(Self::new(&symbols, &self.address)))
    }

    fn instruments(&self) -> InstrumentSource {
        InstrumentSource::Channel
    }

    fn limits(&self) -> Limits {
        Limits::new([Rate::new(2, Duration::from_secs(1))], [])
            .with_max_age(Duration::from_secs(3_600))
            .with_ping("ping")
    }
}
