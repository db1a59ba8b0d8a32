//! The state of the connection to a venue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tickbook::domain::book::BookState;

use crate::event::FeedEvent;
use crate::transport::{EndReason, TransportEvent};

/// The state of a book of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookStatus {
    /// Whether the levels equal the venue's.
    pub state: BookState,
    /// When the book got this state; `None` before the first connection.
    pub since: Option<DateTime<Utc>>,
}

/// The state of a connection to a venue, with counts since the start of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VenueState {
    /// Whether a connection is open.
    pub is_connected: bool,
    /// When the connection was opened, or when it ended; `None` before the first attempt.
    pub since: Option<DateTime<Utc>>,
    /// When the last message arrived, on any connection.
    pub last_message_at: Option<DateTime<Utc>>,
    /// Messages that arrived.
    pub messages: u64,
    /// Messages and snapshots that were not applied.
    pub refused: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Attempts that opened no connection.
    pub failed_attempts: u64,
    /// Ends of connections by reason.
    pub ends: BTreeMap<EndReason, u64>,
    /// Snapshots of books that could not be fetched.
    pub failed_snapshots: u64,
    /// Times that a book became stale.
    pub stale_books: u64,
    /// Gaps of symbols and channels that began.
    pub gaps: u64,
    /// Gaps that last.
    pub open_gaps: u64,
    /// Gaps whose trades were stored later.
    pub filled_gaps: u64,
    /// Trades that were stored to fill gaps.
    pub filled_trades: u64,
    /// The subscribed books, by the symbol of the venue.
    pub books: BTreeMap<String, BookStatus>,
}

impl VenueState {
    fn set(&mut self, symbol: &str, state: BookState, at: DateTime<Utc>) {
        if let Some(book) = self.books.get_mut(symbol)
            && book.state != state
        {
            let since = Some(at);
            *book = BookStatus { state, since };
        }
    }

    fn observe(&mut self, event: &TransportEvent<'_>, now: DateTime<Utc>) {
        match event {
            TransportEvent::Opened { at, .. } => {
                self.connections += 1;
                (self.is_connected, self.since) = (true, Some(*at));
                let (state, since) = (BookState::Syncing, Some(*at));
                for book in self.books.values_mut() {
                    *book = BookStatus { state, since };
                }
            }
            TransportEvent::Renewed { at, .. } => {
                self.connections += 1;
                *self.ends.entry(EndReason::Planned).or_default() += 1;
                self.since = Some(*at);
            }
            TransportEvent::Message(frame) => {
                self.messages += 1;
                self.last_message_at = Some(frame.received_at);
            }
            TransportEvent::Feed(FeedEvent::BookSnapshot(change)) => {
                self.set(change.symbol, BookState::Valid, change.received_at);
            }
            TransportEvent::Feed(FeedEvent::BookStale(stale)) => {
                self.stale_books += 1;
                self.set(stale.symbol, BookState::Stale(stale.reason), now);
            }
            TransportEvent::Refused(_) => self.refused += 1,
            TransportEvent::SnapshotFailed { .. } => self.failed_snapshots += 1,
            TransportEvent::Ended(end) => {
                *self.ends.entry(end.reason).or_default() += 1;
                (self.is_connected, self.since) = (false, Some(now));
            }
            TransportEvent::ConnectFailed { .. } => {
                self.failed_attempts += 1;
                self.since = self.since.or(Some(now));
            }
            _ => {}
        }
    }
}

/// Observes a [`VenueFeed`](super::VenueFeed). Clones observe the same one.
#[derive(Debug, Clone, Default)]
pub struct VenueMonitor(Arc<Mutex<VenueState>>);

impl VenueMonitor {
    pub(super) fn new(books: impl IntoIterator<Item = String>) -> Self {
        let status = BookStatus {
            state: BookState::Syncing,
            since: None,
        };
        let books = books.into_iter().map(|symbol| (symbol, status)).collect();
        let state = VenueState {
            books,
            ..VenueState::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, VenueState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn observe(&self, event: &TransportEvent<'_>, now: DateTime<Utc>) {
        self.lock().observe(event, now);
    }

    pub(super) fn set_gaps(&self, (begun, open): (u64, u64)) {
        let mut state = self.lock();
        (state.gaps, state.open_gaps) = (begun, open);
    }

    /// A gap was filled with `trades`.
    pub(super) fn filled(&self, trades: u64) {
        let mut state = self.lock();
        state.filled_gaps += 1;
        state.filled_trades += trades;
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> VenueState {
        self.lock().clone()
    }
}
