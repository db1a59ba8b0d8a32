//! A running pipeline as others see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::running::{FeedState, FeedStatus, Running};
use super::store::RefusedTicks;
use crate::ingest::fanout::QueueMonitor;
use crate::ingest::quality::Quarantine;
use crate::ingest::{PersisterHealth, PersisterStats, TickPersister};

/// What all feeds of a pipeline have brought since it started, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineState {
    /// Each feed, in the order in which they were added.
    pub feeds: Vec<FeedState>,
    /// What became of the ticks that were accepted to be stored. `queued` are those of the persister
    /// alone.
    pub stats: PersisterStats,
    /// Ticks that were not accepted, since neither memory nor spool had a place and the persister does not wait
    /// for one. They are not stored.
    pub refused: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
    /// Those of them that the disk has, which survive the end of the process.
    pub spooled: u64,
    /// Ticks that were held back and wait to be written into the quarantine.
    pub quarantine_waiting: u64,
    /// How storing is doing.
    pub health: PersisterHealth,
}

impl PipelineState {
    /// Whether a feed still brings ticks.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut feeds = self.feeds.iter();
        feeds.any(|feed| feed.status == FeedStatus::Running)
    }
}

/// A running [`Pipeline`](super::Pipeline) as others see it. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct PipelineMonitor {
    pub(super) feeds: Vec<Arc<Running>>,
    /// What has not reached the persister yet.
    pub(super) handed_over: QueueMonitor,
    pub(super) refused: RefusedTicks,
    pub(super) persister: TickPersister,
    pub(super) quarantine: Option<Quarantine>,
    /// Everything is stored, and the spool is free for others.
    pub(super) given_back: Arc<AtomicBool>,
}

impl PipelineMonitor {
    /// What came so far, and what became of it.
    #[must_use]
    pub fn state(&self) -> PipelineState {
        // read first: a feed that has ended brings nothing that is missing in the numbers
        let feeds = self.feeds.iter().map(|feed| feed.state()).collect();
        // likewise: what has left this queue is in the numbers
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

    /// How storing is doing.
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
