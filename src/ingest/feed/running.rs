//! The state of one feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};

use super::FeedError;
use crate::metrics::ingest::{FEED_BOOK_EVENTS, FEED_RUNNING, FEED_TICKS, FEED_TRADES};

/// The status of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedStatus {
    /// It delivers ticks or trades, or waits for them.
    Running,
    /// It has no more of them, such as a replay after its last file.
    Ended,
    /// It cannot continue.
    Failed {
        /// The reason.
        error: String,
    },
    /// It panicked; the log has the panic.
    Panicked,
    /// The pipeline stopped it.
    Stopped,
}

impl FeedStatus {
    /// The status as one word: `running`, `ended`, `failed`, `panicked` or `stopped`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Failed { .. } => "failed",
            Self::Panicked => "panicked",
            Self::Stopped => "stopped",
        }
    }
}

/// The state of one feed since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedState {
    /// The name.
    pub name: String,
    /// The status.
    pub status: FeedStatus,
    /// Ticks that were published to the store and to all other receivers.
    pub published: u64,
    /// Ticks that a quality rule held back.
    pub held_back: u64,
    /// Trades that were published to the store and to all other receivers.
    pub trades_published: u64,
    /// Trades that a quality rule held back.
    pub trades_held_back: u64,
    /// Events of order books that changed the live books.
    pub book_events: u64,
    /// Events of order books that had no effect, such as changes of a book that is not valid.
    pub book_events_ignored: u64,
}

/// A running feed.
///
/// Counts `feed_ticks_total`, `feed_trades_total` and `feed_book_events_total` by `feed` and `outcome`, and sets the
/// gauge `feed_running` by `feed`.
#[derive(Debug)]
pub(super) struct RunningFeed {
    name: String,
    status: Mutex<FeedStatus>,
    pub(super) ticks: Arc<Outcomes>,
    pub(super) trades: Arc<Outcomes>,
    pub(super) books: Arc<Outcomes>,
    running: Gauge,
}

/// The outcomes of the records of one type of a feed.
#[derive(Debug)]
pub(super) struct Outcomes {
    published: AtomicU64,
    held_back: AtomicU64,
    published_meter: Counter,
    held_back_meter: Counter,
}

impl Outcomes {
    /// `other` names the outcome of records that were not published.
    fn new(family: &'static str, feed: &str, other: &'static str) -> Self {
        let records = |outcome: &'static str| {
            let counter = counter!(family, "feed" => feed.to_owned(), "outcome" => outcome);
            // initialize to 0, so that rate() sees the first increment
            counter.increment(0);
            counter
        };
        Self {
            published: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
            published_meter: records("published"),
            held_back_meter: records(other),
        }
    }

    pub(super) fn count_published(&self) {
        self.published.fetch_add(1, Ordering::Release);
        self.published_meter.increment(1);
    }

    pub(super) fn count_held_back(&self) {
        self.held_back.fetch_add(1, Ordering::Release);
        self.held_back_meter.increment(1);
    }
}

impl RunningFeed {
    pub(super) fn new(name: &str) -> Self {
        let running = gauge!(FEED_RUNNING, "feed" => name.to_owned());
        running.set(1);
        Self {
            name: name.to_owned(),
            status: Mutex::new(FeedStatus::Running),
            ticks: Arc::new(Outcomes::new(FEED_TICKS, name, "held_back")),
            trades: Arc::new(Outcomes::new(FEED_TRADES, name, "held_back")),
            books: Arc::new(Outcomes::new(FEED_BOOK_EVENTS, name, "ignored")),
            running,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sets the final status of a running feed; later calls have no effect.
    pub(super) fn end(&self, end: FeedStatus) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *status == FeedStatus::Running {
            *status = end;
            self.running.set(0);
        }
    }

    pub(super) fn state(&self) -> FeedState {
        // read first, so that the counts include all records of a feed that has ended
        let status = self
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        FeedState {
            name: self.name.clone(),
            status,
            published: self.ticks.published.load(Ordering::Acquire),
            held_back: self.ticks.held_back.load(Ordering::Acquire),
            trades_published: self.trades.published.load(Ordering::Acquire),
            trades_held_back: self.trades.held_back.load(Ordering::Acquire),
            book_events: self.books.published.load(Ordering::Acquire),
            book_events_ignored: self.books.held_back.load(Ordering::Acquire),
        }
    }
}

/// The error with its causes, except causes that its text already contains.
pub(super) fn with_causes(error: &FeedError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
