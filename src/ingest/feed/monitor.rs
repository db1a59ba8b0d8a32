//! Observes a running pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::running::{FeedState, FeedStatus, RunningFeed};
use super::store::RefusedTicks;
use crate::ingest::fanout::QueueMonitor;
use crate::ingest::quality::Quarantine;
use crate::ingest::{PersisterHealth, PersisterStats, TickPersister};

/// The state of a pipeline since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineState {
    /// The feeds, in the order in which they were added.
    pub feeds: Vec<FeedState>,
    /// The counts of ticks that were accepted to be stored. `queued` counts the persister only.
    pub stats: PersisterStats,
    /// Ticks that were refused, since neither memory nor spool had space and the persister does not wait for
    /// it. They are not stored.
    pub refused: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
    /// The waiting ticks that are on the disk and survive the end of the process.
    pub spooled: u64,
    /// Ticks that were held back and wait to be written to the quarantine.
    pub quarantine_waiting: u64,
    /// The health of the persister.
    pub health: PersisterHealth,
}

impl PipelineState {
    /// Whether a feed still delivers ticks.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut feeds = self.feeds.iter();
        feeds.any(|feed| feed.status == FeedStatus::Running)
    }
}

/// Observes a running [`Pipeline`](super::Pipeline). Clones observe the same one.
#[derive(Debug, Clone)]
pub struct PipelineMonitor {
    pub(super) feeds: Vec<Arc<RunningFeed>>,
    /// The queue of ticks that have not reached the persister.
    pub(super) handed_over: QueueMonitor,
    pub(super) refused: RefusedTicks,
    pub(super) persister: TickPersister,
    pub(super) quarantine: Option<Quarantine>,
    /// Set when everything is stored and the spool is free for other processes.
    pub(super) given_back: Arc<AtomicBool>,
}

impl PipelineMonitor {
    /// The current state.
    #[must_use]
    pub fn state(&self) -> PipelineState {
        // read the feeds first: the counts then include all ticks of a feed that has ended
        let feeds = self.feeds.iter().map(|feed| feed.state()).collect();
        // read the queue before the counts, which then include all ticks that have left it
        let on_the_way = self.handed_over.waiting() as u64;
        let stats = self.persister.stats();
        PipelineState {
            feeds,
            stats,
            refused: self.refused.count(),
            waiting: on_the_way + stats.queued,
            spooled: self
                .persister
                .spool_content()
                .map_or(0, |spool| spool.records),
            quarantine_waiting: self.quarantine.as_ref().map_or(0, Quarantine::waiting),
            health: self.health(),
        }
    }

    /// The health of the persister.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        if self.is_given_back() {
            return PersisterHealth::Up;
        }
        self.persister.health()
    }

    pub(super) fn is_given_back(&self) -> bool {
        self.given_back.load(Ordering::Acquire)
    }

    /// The names of the feeds, for the log.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.feeds.iter().map(|feed| feed.name()).collect();
        names.join(", ")
    }
}
