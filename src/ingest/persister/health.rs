//! The health of the persister.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::shared::Shared;
use crate::ingest::record::Record;

/// Records that wait longer than this are a backlog.
const BACKLOG: Duration = Duration::from_secs(5);

/// The health of a [`Persister`](super::Persister). If several states apply, the most important one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PersisterHealth {
    /// Writes succeed, and no record waits for long.
    Up,
    /// Writes succeed, and a backlog is being stored.
    Draining {
        /// Waiting records.
        records: u64,
        /// Their size in the spool.
        bytes: u64,
        /// The waiting time of the oldest record.
        oldest_age: Duration,
    },
    /// Writes to the database or to the spool fail; records are accepted and wait.
    Degraded {
        /// The start of the failure.
        since: DateTime<Utc>,
        /// The last failure.
        reason: String,
    },
    /// Neither memory nor spool has space: pushes wait or are refused.
    Saturated,
    /// Writes fail with an error that an operator must repair.
    Misconfigured {
        /// The start of the failure.
        since: DateTime<Utc>,
        /// The last failure.
        reason: String,
    },
    /// The persister is stopping and accepts no more records.
    Stopping,
}

impl PersisterHealth {
    /// The state as one word: `up`, `draining`, `degraded`, `saturated`, `misconfigured` or `stopping`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Draining { .. } => "draining",
            Self::Degraded { .. } => "degraded",
            Self::Saturated => "saturated",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Stopping => "stopping",
        }
    }

    /// Whether records are accepted and will be stored without an operator.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(
            self,
            Self::Up | Self::Draining { .. } | Self::Degraded { .. }
        )
    }
}

pub(super) fn of<R: Record>(shared: &Shared<R>) -> PersisterHealth {
    let content = shared.spool.as_ref().map(|spool| spool.content());
    let has_queue_permit = shared.has_queue_permit();
    let state = shared.lock();
    if state.closing {
        return PersisterHealth::Stopping;
    }
    if let Some(failure) = state
        .failure
        .as_ref()
        .filter(|failure| failure.needs_repair)
    {
        return PersisterHealth::Misconfigured {
            since: failure.since,
            reason: failure.reason.clone(),
        };
    }
    let failure = state.failure.as_ref().or(state.spool_failures.first());
    if let Some(failure) = failure {
        if !has_queue_permit {
            return PersisterHealth::Saturated;
        }
        return PersisterHealth::Degraded {
            since: failure.since,
            reason: failure.reason.clone(),
        };
    }
    let content = content.unwrap_or_default();
    let oldest_age = state.oldest_age(content.oldest);
    if oldest_age > BACKLOG {
        return PersisterHealth::Draining {
            records: state.stats.queued,
            bytes: content.bytes,
            oldest_age,
        };
    }
    PersisterHealth::Up
}
