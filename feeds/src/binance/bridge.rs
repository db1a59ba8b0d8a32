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
    /// Events that wait for a snapshot, in the order of the stream.
    waiting: VecDeque<Event>,
    /// The last update of the latest event.
    latest: i64,
    /// The last update of the snapshot of a valid book.
    begin: i64,
    /// The last update of a valid book.
    last: i64,
    /// Whether an event followed the snapshot. The first one may begin with updates that the snapshot has.
    is_bridged: bool,
    /// First and last update of the latest events of a valid book.
    applied: VecDeque<(i64, i64)>,
}

/// The place of an event in the stream of a valid book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    /// The book includes it.
    Old,
    /// Updates before it are missing, or its numbers are wrong.
    Gap,
}

impl Bridge {
    /// The place of an event. Events that are older than the book, but were never applied, mean that its update
    /// number is wrong.
    fn place(&self, event: &Event) -> Place {
        let next = self.last.saturating_add(1);
        let follows = match self.is_bridged {
            true => event.first == next,
            false => event.first <= next,
        };
        let is_known = || self.applied.contains(&(event.first, event.last));
        if follows && event.last >= next {
            Place::Next
        } else if event.last <= self.begin || is_known() {
            Place::Old
        } else {
            Place::Gap
        }
    }

    fn applied(&mut self, event: &Event) {
        self.is_bridged = true;
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

    /// Notes that a snapshot is requested, even if one was requested before.
    pub(super) fn request_again(&mut self) {
        self.is_requested = true;
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
        let outcome = match self
            .book
            .state()
            .is_valid()
            .then(|| self.state.place(&event))
        {
            Some(Place::Old) => return,
            Some(Place::Next) => self.update(symbol, &event, sink),
            Some(Place::Gap) => {
                self.gap(symbol, self.state.last, &event, sink);
                Outcome::Stale
            }
            None => Outcome::Ignored,
        };
        self.state.latest = event.last;
        if outcome != Outcome::Applied {
            self.state.wait(event);
            self.request(symbol, sink);
        }
    }

    /// Takes a requested snapshot, and applies the events that waited for it.
    ///
    /// The book is valid at once if the snapshot includes all events so far. The next event then shows whether
    /// an update is missing.
    pub(super) fn snapshot(&mut self, symbol: &str, snapshot: &Snapshot, sink: &mut EventSink<'_>) {
        if !std::mem::take(&mut self.state.is_requested) {
            return;
        }
        let last = snapshot.last;
        let waiting = std::mem::take(&mut self.state.waiting);
        let is_loaded = match waiting.iter().find(|event| event.last > last) {
            Some(next) if next.first > last.saturating_add(1) => {
                self.gap(symbol, last, next, sink);
                false
            }
            None if self.state.latest > last => {
                let latest = self.state.latest;
                let detail = format!("snapshot of update {last} after update {latest}");
                stale(&mut self.book, symbol, StaleReason::Gap, &detail, sink);
                false
            }
            _ => self.load(symbol, snapshot, sink) == Outcome::Applied,
        };
        if !is_loaded {
            self.state.waiting = waiting;
            self.request(symbol, sink);
            return;
        }
        for event in waiting {
            self.event(symbol, event, sink);
        }
    }

    fn request(&mut self, symbol: &str, sink: &mut EventSink<'_>) {
        if let Some(request) = Bridge::request(symbol, &mut self.state) {
            sink(FeedEvent::Request(request));
        }
    }

    fn gap(&mut self, symbol: &str, last: i64, event: &Event, sink: &mut EventSink<'_>) {
        let Event {
            first, last: end, ..
        } = event;
        let detail = format!("updates {first} to {end} after update {last}");
        stale(&mut self.book, symbol, StaleReason::Gap, &detail, sink);
    }

    fn load(&mut self, symbol: &str, snapshot: &Snapshot, sink: &mut EventSink<'_>) -> Outcome {
        let message = BookMessage {
            symbol,
            is_snapshot: true,
            time: None,
            received_at: snapshot.received_at,
            sequence: Some(snapshot.last),
            checksum: None,
            bids: &snapshot.bids,
            asks: &snapshot.asks,
        };
        let outcome = message.apply(&mut self.book, |_| Ok(()), sink);
        if outcome == Outcome::Applied {
            self.state.begin = snapshot.last;
            self.state.last = snapshot.last;
            self.state.is_bridged = false;
            self.state.applied.clear();
        }
        outcome
    }

    fn update(&mut self, symbol: &str, event: &Event, sink: &mut EventSink<'_>) -> Outcome {
        let message = BookMessage {
            symbol,
            is_snapshot: false,
            time: Some(event.time),
            received_at: event.received_at,
            sequence: Some(event.last),
            checksum: None,
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
