//! The books of an undamaged session.

use std::collections::{BTreeMap, VecDeque};

use chrono::DateTime;
use tickbook_feeds::{FeedEvent, Frame, Request, Venue};

use super::offline;
use super::play::Part;
use super::venues::Dialect;
use crate::binance::Snapshots;

/// The books of the undamaged session up to a position.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) venue: Box<dyn Venue>,
    pub(super) parts: Vec<Part>,
    pub(super) position: usize,
    pub(super) answers: Snapshots,
    /// The number of the last update of each book.
    pub(super) last: BTreeMap<String, i64>,
}

impl Truth {
    /// The truth of an undamaged session.
    pub(super) fn of(
        dialect: Dialect,
        symbols: &[String],
        parts: Vec<Part>,
        answers: Snapshots,
    ) -> Self {
        Self {
            venue: offline(dialect.venue, symbols),
            parts,
            position: 0,
            answers,
            last: BTreeMap::new(),
        }
    }

    pub(super) fn advance(&mut self, position: usize) {
        while self.position < position.min(self.parts.len()) {
            let part = self.parts[self.position].clone();
            self.position += 1;
            if let Part::Text(text) = part {
                self.receive(&text);
            }
        }
    }

    fn receive(&mut self, text: &str) {
        let (last, mut fetches) = (&mut self.last, Vec::new());
        let mut note = |event: FeedEvent<'_>| match event {
            FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change) => {
                let number = change.sequence.unwrap_or(0);
                last.insert(change.symbol.to_owned(), number);
            }
            FeedEvent::Request(Request::FetchSnapshot { symbol }) => {
                fetches.push(symbol.to_owned())
            }
            FeedEvent::BookStale(stale) => panic!("{stale:?}"),
            _ => {}
        };
        let frame = Frame::new(text, DateTime::UNIX_EPOCH);
        let protocol = self.venue.protocol_mut();
        protocol.receive(frame, &mut note).expect("a message");
        for symbol in fetches {
            let (at, body) = self
                .answers
                .get_mut(&symbol)
                .and_then(VecDeque::pop_front)
                .expect("it");
            let mut note = |event: FeedEvent<'_>| {
                if let FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change) = event {
                    self.last
                        .insert(change.symbol.to_owned(), change.sequence.unwrap_or(0));
                }
            };
            let body = Frame::new(&body, at);
            self.venue
                .snapshot(&symbol, body, &mut note)
                .expect("a snapshot");
        }
    }
}
