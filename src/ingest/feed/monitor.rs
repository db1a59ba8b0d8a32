//! Observes a running pipeline.

use std::sync::Arc;

use super::books::BookLaneMonitor;
use super::lane::{LaneMonitor, LaneState};
use super::running::{FeedState, FeedStatus, RunningFeed};
use crate::domain::{Tick, Trade};
use crate::ingest::PersisterHealth;

/// The state of a pipeline since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineState {
    /// The feeds, in the order in which they were added.
    pub feeds: Vec<FeedState>,
    /// The ticks of all feeds.
    pub ticks: LaneState,
    /// The trades of all feeds; `None` if the pipeline stores no trades.
    pub trades: Option<LaneState>,
    /// The rows of the order books of all feeds; `None` if the pipeline stores no books. Nothing holds them back.
    pub books: Option<LaneState>,
}

impl PipelineState {
    /// Whether a feed still delivers ticks or trades.
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
    pub(super) ticks: LaneMonitor<Tick>,
    pub(super) trades: Option<LaneMonitor<Trade>>,
    pub(super) books: Option<BookLaneMonitor>,
}

impl PipelineMonitor {
    /// The current state.
    #[must_use]
    pub fn state(&self) -> PipelineState {
        // read the feeds first: the counts then include all records of a feed that has ended
        let feeds = self.feeds.iter().map(|feed| feed.state()).collect();
        PipelineState {
            feeds,
            ticks: self.ticks.state(),
            trades: self.trades.as_ref().map(LaneMonitor::state),
            books: self.books.as_ref().map(BookLaneMonitor::state),
        }
    }

    /// The health of the persister of ticks.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        self.ticks.health()
    }

    /// The health of the persister of trades; `None` if the pipeline stores no trades.
    #[must_use]
    pub fn health_of_trades(&self) -> Option<PersisterHealth> {
        self.trades.as_ref().map(LaneMonitor::health)
    }

    /// The health of the persister of order books; `None` if the pipeline stores no books.
    #[must_use]
    pub fn health_of_books(&self) -> Option<PersisterHealth> {
        self.books.as_ref().map(BookLaneMonitor::health)
    }

    /// The names of the feeds, for the log.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.feeds.iter().map(|feed| feed.name()).collect();
        names.join(", ")
    }
}
