//! The connection of a snapshot with the events of the stream.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use tickbook::domain::book::StaleReason;

use crate::books::{BookMessage, Outcome, SymbolBook, stale};
use crate::event::{FeedEvent, Request};
use crate::protocol::EventSink;
use crate::wire::Levels;

/// The largest number of events that wait for a snapshot. The oldest ones are dropped first.
const MAX_WAITING: usize = 10_000;

/// The number of applied events that are recognized when the venue repeats them.
const REMEMBERED: usize = 64;

/// A snapshot over HTTP.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The last update that it includes.
    pub(super) last: i64,
    pub(super) received_at: DateTime<Utc>,
    pub(super) bids: Levels,
    pub(super) asks: Levels,
}

/// An event of the stream.
#[derive(Debug)]
pub(super) struct Event {
    /// Its first and its last update.
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) time: DateTime<Utc>,
    pub(super) received_at: DateTime<Utc>,
    pub(super) bids: Levels,
    pub(super) asks: Levels,
}

/// The state of a symbol.
#[derive(Debug, Default)]
pub(super) struct Bridge {
    is_requested: bool,
    snapshot: Option<Snapshot>,
    /// Events that wait for a snapshot, in the order of the stream.
    waiting: VecDeque<Event>,
    /// The last update of the snapshot of a valid book.
    begin: i64,
    /// The last update of a valid book.
    last: i64,
    /// First and last update of the latest events of a valid book.
    applied: VecDeque<(i64, i64)>,
}

/// The place of an event in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    /// The book includes it.
    Old,
    /// Updates before it are missing, or its numbers are wrong.
    Gap,
}

impl Bridge {
    /// The place of an event after a snapshot whose book is not valid yet.
    fn place_after(snapshot: i64, event: &Event) -> Place {
        match event {
            event if event.last <= snapshot => Place::Old,
            event if event.first <= snapshot.saturating_add(1) => Place::Next,
            _ => Place::Gap,
        }
    }

    /// The place of an event in the stream of a valid book. Events that are older than the book, but were never
    /// applied, mean that its update number is wrong.
    fn place(&self, event: &Event) -> Place {
        let is_known = || self.applied.contains(&(event.first, event.last));
        if event.first == self.last.saturating_add(1) && event.last >= event.first {
            Place::Next
        } else if event.last <= self.begin || is_known() {
            Place::Old
        } else {
            Place::Gap
        }
    }

    fn applied(&mut self, event: &Event) {
        self.last = event.last;
        if self.applied.len() == REMEMBERED {
            self.applied.pop_front();
        }
        self.applied.push_back((event.first, event.last));
    }

    fn wait(&mut self, event: Event) {
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(event);
    }

    /// Requests a snapshot once.
    pub(super) fn request<'r>(symbol: &'r str, bridge: &mut Self) -> Option<Request<'r>> {
        let is_new = !std::mem::replace(&mut bridge.is_requested, true);
        is_new.then_some(Request::FetchSnapshot { symbol })
    }
}

impl SymbolBook<Bridge> {
    /// Applies an event of the stream, or keeps it until there is a snapshot.
    pub(super) fn event(&mut self, symbol: &str, event: Event, sink: &mut EventSink<'_>) {
        let outcome = if self.book.state().is_valid() {
            match self.state.place(&event) {
                Place::Old => return,
                Place::Next => self.update(symbol, &event, sink),
                Place::Gap => self.gap(symbol, self.state.last, &event, sink),
            }
        } else if let Some(snapshot) = self.state.snapshot.take() {
            match Bridge::place_after(snapshot.last, &event) {
                Place::Old => {
                    self.state.snapshot = Some(snapshot);
                    return;
                }
                Place::Next => self.bridge(symbol, &snapshot, &event, sink),
                Place::Gap => self.gap(symbol, snapshot.last, &event, sink),
            }
        } else {
            Outcome::Ignored
        };
        if outcome != Outcome::Applied {
            self.state.wait(event);
            if let Some(request) = Bridge::request(symbol, &mut self.state) {
                sink(FeedEvent::Request(request));
            }
        }
    }

    /// Takes a snapshot, and applies the events that waited for it. A snapshot of a valid book is ignored.
    pub(super) fn snapshot(&mut self, symbol: &str, snapshot: Snapshot, sink: &mut EventSink<'_>) {
        if self.book.state().is_valid() {
            return;
        }
        self.state.is_requested = false;
        self.state.snapshot = Some(snapshot);
        for event in std::mem::take(&mut self.state.waiting) {
            self.event(symbol, event, sink);
        }
    }

    fn gap(&mut self, symbol: &str, last: i64, event: &Event, sink: &mut EventSink<'_>) -> Outcome {
        let Event {
            first, last: end, ..
        } = event;
        let detail = format!("updates {first} to {end} after update {last}");
        stale(&mut self.book, symbol, StaleReason::Gap, &detail, sink);
        Outcome::Stale
    }

    fn bridge(
        &mut self,
        symbol: &str,
        snapshot: &Snapshot,
        event: &Event,
        sink: &mut EventSink<'_>,
    ) -> Outcome {
        let message = BookMessage {
            symbol,
            is_snapshot: true,
            time: None,
            received_at: snapshot.received_at,
            sequence: Some(snapshot.last),
            bids: &snapshot.bids,
            asks: &snapshot.asks,
        };
        match message.apply(&mut self.book, |_| Ok(()), sink) {
            Outcome::Applied => {
                self.state.begin = snapshot.last;
                self.state.applied.clear();
                self.update(symbol, event, sink)
            }
            outcome => outcome,
        }
    }

    fn update(&mut self, symbol: &str, event: &Event, sink: &mut EventSink<'_>) -> Outcome {
        let message = BookMessage {
            symbol,
            is_snapshot: false,
            time: Some(event.time),
            received_at: event.received_at,
            sequence: Some(event.last),
            bids: &event.bids,
            asks: &event.asks,
        };
        let outcome = message.apply(&mut self.book, |_| Ok(()), sink);
        if outcome == Outcome::Applied {
            self.state.applied(event);
        }
        outcome
    }
}
