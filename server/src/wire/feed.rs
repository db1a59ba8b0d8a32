//! Feeds as `/health/ready` shows them.

use serde::{Deserialize, Serialize};
use tickbook::ingest::feed::{FeedState, PipelineState};
use utoipa::ToSchema;

/// What all feeds have brought since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineBody {
    /// Each feed; none where only ticks of earlier runs are stored.
    pub feeds: Vec<FeedBody>,
    /// Whether a feed still brings ticks; a replay ends with its last file.
    pub running: bool,
    /// Ticks that were accepted to be stored.
    pub received: u64,
    /// Ticks that were not, since neither memory nor spool had a place and `spool.on_full` is
    /// `error`. They are not stored.
    pub refused: u64,
    /// Ticks that are stored now and were not before.
    pub inserted: u64,
    /// Ticks that were stored already.
    pub duplicates: u64,
    /// Ticks whose key is taken by other content.
    pub conflicts: u64,
    /// Ticks that can never be stored.
    pub rejected: u64,
    /// Ticks whose bid is above their ask, stored all the same.
    pub crossed: u64,
    /// Writes that failed and were tried again.
    pub retries: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
    /// Those of them that the disk has, which survive the end of the server.
    pub spooled: u64,
    /// Ticks that were held back and wait to be written into the quarantine.
    pub quarantine_waiting: u64,
    /// How storing is doing: up, draining, degraded, saturated, misconfigured or stopping.
    #[schema(example = "up")]
    pub health: String,
}

/// What one feed has brought since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedBody {
    /// simulated or replay.
    #[schema(example = "simulated")]
    pub name: String,
    /// running; ended, when it has no more ticks; failed, when it cannot continue, the log says why;
    /// panicked or stopped.
    #[schema(example = "running")]
    pub status: String,
    /// Ticks that were published, to be stored and for every other receiver.
    pub published: u64,
    /// Ticks that a quality rule held back.
    pub held_back: u64,
}

impl From<FeedState> for FeedBody {
    fn from(state: FeedState) -> Self {
        Self {
            name: state.name,
            // without the error, which may hold what no client may see, such as a path
            status: state.status.as_str().to_owned(),
            published: state.published,
            held_back: state.held_back,
        }
    }
}

impl From<PipelineState> for PipelineBody {
    fn from(state: PipelineState) -> Self {
        let stats = state.stats;
        Self {
            running: state.is_running(),
            received: stats.received,
            refused: state.refused,
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            crossed: stats.crossed,
            retries: stats.retries,
            waiting: state.waiting,
            spooled: state.spooled,
            quarantine_waiting: state.quarantine_waiting,
            health: state.health.as_str().to_owned(),
            feeds: state.feeds.into_iter().map(Into::into).collect(),
        }
    }
}
