//! Events of order books for tests.

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::SymbolId;
use tickbook::domain::book::{BookNumber, LevelChange, OrderBook, StaleReason};
use tickbook::ingest::book::{BookEvent, LiveBooks};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::FeedOutput;

/// An instant some milliseconds after a day of 2014 began.
pub(crate) fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

/// The levels of a text such as `9 1, 8.5 2`: prices and quantities.
pub(crate) fn changes(text: &str) -> Vec<LevelChange> {
    let number = |text| BookNumber::parse(text).expect("a number");
    let levels = text.split(',').filter(|level| !level.is_empty());
    levels
        .map(|level| {
            let (price, quantity) = level.trim().split_once(' ').expect("two numbers");
            LevelChange::new(number(price), number(quantity))
        })
        .collect()
}

/// A feed that sends books of symbols to live books.
pub(crate) struct Venue(FeedOutput);

impl Venue {
    pub(crate) fn new(live: &LiveBooks) -> Self {
        Self(FeedOutput::new(FanOut::new()).with_books(live, "venue"))
    }

    async fn send(&mut self, event: BookEvent) {
        self.0.send_book(event).await.expect("it has books");
    }

    /// Sends a whole book with its number.
    pub(crate) async fn load(&mut self, symbol: i64, millis: i64, bids: &str, asks: &str) {
        let mut book = OrderBook::new();
        book.load(&changes(bids), &changes(asks)).expect("a book");
        let event = BookEvent::snapshot(SymbolId::new(symbol), at(millis), &book);
        self.send(event.with_sequence(millis)).await;
    }

    /// Sends changes with their number.
    pub(crate) async fn change(&mut self, symbol: i64, millis: i64, bids: &str, asks: &str) {
        let (bids, asks) = (changes(bids), changes(asks));
        let event = BookEvent::levels(SymbolId::new(symbol), at(millis), &bids, &asks);
        self.send(event.with_sequence(millis)).await;
    }

    pub(crate) async fn lose(&mut self, symbol: i64, millis: i64, reason: StaleReason) {
        let event = BookEvent::stale(SymbolId::new(symbol), at(millis), reason);
        self.send(event).await;
    }
}
