//! The state of one feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};

use crate::metrics::ingest::{FEED_RUNNING, FEED_TICKS};

/// The status of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedStatus {
    /// It delivers ticks, or waits for them.
    Running,
    /// It has no more ticks, such as a replay after its last file.
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
}

/// A running feed.
///
/// Counts `feed_ticks_total` by `feed` and `outcome`, and sets the gauge `feed_running` by `feed`.
#[derive(Debug)]
pub(super) struct RunningFeed {
    name: String,
    status: Mutex<FeedStatus>,
    published: AtomicU64,
    held_back: AtomicU64,
    meters: FeedMeters,
}

#[derive(Debug)]
struct FeedMeters {
    published: Counter,
    held_back: Counter,
    running: Gauge,
}

impl RunningFeed {
    pub(super) fn new(name: &str) -> Self {
        let ticks = |outcome: &'static str| {
            let counter = counter!(FEED_TICKS, "feed" => name.to_owned(), "outcome" => outcome);
            // initialize to 0, so that rate() sees the first increment
            counter.increment(0);
            counter
        };
        let running = gauge!(FEED_RUNNING, "feed" => name.to_owned());
        running.set(1);
        Self {
            name: name.to_owned(),
            status: Mutex::new(FeedStatus::Running),
            published: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
            meters: FeedMeters {
                published: ticks("published"),
                held_back: ticks("held_back"),
                running,
            },
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn count_published(&self) {
        self.published.fetch_add(1, Ordering::Release);
        self.meters.published.increment(1);
    }

    pub(super) fn count_held_back(&self) {
        self.held_back.fetch_add(1, Ordering::Release);
        self.meters.held_back.increment(1);
    }

    /// Sets the final status of a running feed; later calls have no effect.
    pub(super) fn end(&self, end: FeedStatus) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *status == FeedStatus::Running {
            *status = end;
            self.meters.running.set(0);
        }
    }

    pub(super) fn state(&self) -> FeedState {
        // read first, so that the counts include all ticks of a feed that has ended
        let status = self
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        FeedState {
            name: self.name.clone(),
            status,
            published: self.published.load(Ordering::Acquire),
            held_back: self.held_back.load(Ordering::Acquire),
        }
    }
}
