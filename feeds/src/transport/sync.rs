//! The requests that make books valid.

use std::collections::BTreeMap;

use tickbook::Delays;
use tokio::time::Instant;

use super::settings::TransportSettings;
use crate::event::Request;

/// The next step that makes a book valid again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Snapshot,
    Subscription,
}

/// The progress of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Valid {
        since: Instant,
    },
    /// Something was requested; it is requested again at `until`.
    Waiting {
        until: Instant,
    },
    /// It is requested at `at`.
    Due {
        at: Instant,
        need: Need,
    },
}

#[derive(Debug)]
struct Book {
    progress: Progress,
    /// The delays of a series of requests, if one was made since the book was stable.
    delays: Option<Delays>,
}

/// An action for a book whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DueAction {
    Request(String, Need),
    /// Nothing came in time.
    Overdue(String),
}

/// The progress of all books of a connection.
#[derive(Debug)]
pub(super) struct Synchronization {
    books: BTreeMap<String, Book>,
    settings: TransportSettings,
    /// The earliest time of an action; it may be too early.
    earliest: Option<Instant>,
}

impl Synchronization {
    /// Each book waits for its first snapshot.
    pub(super) fn new(
        symbols: impl IntoIterator<Item = String>,
        settings: &TransportSettings,
        now: Instant,
    ) -> Self {
        let until = now + settings.sync_timeout;
        let book = |symbol| {
            let progress = Progress::Waiting { until };
            (
                symbol,
                Book {
                    progress,
                    delays: None,
                },
            )
        };
        let books: BTreeMap<_, _> = symbols.into_iter().map(book).collect();
        Self {
            earliest: (!books.is_empty()).then_some(until),
            books,
            settings: settings.clone(),
        }
    }

    /// Begins a connection. The books keep their delays.
    pub(super) fn restart(&mut self, now: Instant) {
        let until = now + self.settings.sync_timeout;
        for book in self.books.values_mut() {
            book.forget_delays(now, &self.settings);
            book.progress = Progress::Waiting { until };
        }
        self.earliest = (!self.books.is_empty()).then_some(until);
    }

    /// Notes that a book is valid.
    pub(super) fn valid(&mut self, symbol: &str, now: Instant) {
        if let Some(book) = self.books.get_mut(symbol) {
            book.progress = Progress::Valid { since: now };
        }
    }

    /// Notes that a book needs something. The first request since the book was stable is due at once, further
    /// ones are delayed.
    pub(super) fn need(&mut self, symbol: &str, need: Need, not_before: Instant, now: Instant) {
        let backoff = self.settings.backoff;
        let Some(book) = self.books.get_mut(symbol) else {
            return;
        };
        book.forget_delays(now, &self.settings);
        let delayed = match &mut book.delays {
            Some(delays) => now + delays.next_delay(),
            None => {
                book.delays = Some(backoff.delays());
                now
            }
        };
        let at = delayed.max(not_before);
        book.progress = Progress::Due { at, need };
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
    }

    /// The request of the protocol for a book.
    pub(super) fn request(&mut self, request: Request<'_>, now: Instant) {
        match request {
            Request::FetchSnapshot { symbol } => self.need(symbol, Need::Snapshot, now, now),
            Request::Resubscribe { symbol } => self.need(symbol, Need::Subscription, now, now),
            Request::Reconnect | Request::Renew => {}
        }
    }

    /// The time of the next action.
    pub(super) fn next(&self) -> Option<Instant> {
        self.earliest
    }

    /// The actions that are due at `now`. Each book that gets one waits for the result from then on.
    pub(super) fn due(&mut self, now: Instant) -> Vec<DueAction> {
        let mut actions = Vec::new();
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return actions;
        }
        let until = now + self.settings.sync_timeout;
        for (symbol, book) in &mut self.books {
            let action = match book.progress {
                Progress::Due { at, need } if at <= now => DueAction::Request(symbol.clone(), need),
                Progress::Waiting { until } if until <= now => DueAction::Overdue(symbol.clone()),
                _ => continue,
            };
            book.progress = Progress::Waiting { until };
            actions.push(action);
        }
        let time = |book: &Book| match book.progress {
            Progress::Valid { .. } => None,
            Progress::Waiting { until } => Some(until),
            Progress::Due { at, .. } => Some(at),
        };
        self.earliest = self.books.values().filter_map(time).min();
        actions
    }

    /// Notes that a request for a book is sent only now.
    pub(super) fn sent(&mut self, symbol: &str, now: Instant) {
        let until = now + self.settings.sync_timeout;
        if let Some(book) = self.books.get_mut(symbol)
            && matches!(book.progress, Progress::Waiting { .. })
        {
            book.progress = Progress::Waiting { until };
        }
    }
}

impl Book {
    /// A book that was valid for long begins with no delay.
    fn forget_delays(&mut self, now: Instant, settings: &TransportSettings) {
        if let Progress::Valid { since } = self.progress
            && now.saturating_duration_since(since) >= settings.stable_after
        {
            self.delays = None;
        }
    }
}
