//! How the persister is doing, for those who look after it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::shared::Shared;
use crate::ingest::record::Record;

/// Records that wait longer are a backlog.
const BACKLOG: Duration = Duration::from_secs(5);

/// How a [`Persister`](super::Persister) is doing. Of several the one that matters most.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PersisterHealth {
    /// Writes succeed, and nothing waits for long.
    Up,
    /// Writes succeed, and a backlog is being stored.
    Draining {
        /// Records that wait.
        records: u64,
        /// What they take in the spool.
        bytes: u64,
        /// How long the oldest of them has waited.
        oldest_age: Duration,
    },
    /// Writes fail, or the spool does; records are accepted and wait.
    Degraded {
        /// Since when.
        since: DateTime<Utc>,
        /// The last failure.
        reason: String,
    },
    /// Neither memory nor spool has a place: who pushes waits or is refused.
    Saturated,
    /// Writes fail in a way that somebody has to repair.
    Misconfigured {
        /// Since when.
        since: DateTime<Utc>,
        /// The last failure.
        reason: String,
    },
    /// It accepts no more.
    Stopping,
}

impl PersisterHealth {
    /// One word: `up`, `draining`, `degraded`, `saturated`, `misconfigured` or `stopping`.
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

    /// Whether records are taken and will be stored without anybody's help.
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
    let has_place = shared.has_place();
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
        if !has_place {
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
