//! Retry schedule for idempotent calls.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Backoff, Delays};
use crate::error::RepositoryError;

/// Delays after attempts that did not reach the database: the attempts start at 0, 2, 6 and 14 seconds.
/// If an attempt takes longer than its delay, the next one follows immediately.
const BACKOFF: Backoff =
    Backoff::new(Duration::from_secs(2), Duration::from_secs(8)).without_jitter();

/// The largest number of retries of a call that did not reach the database.
const MAX_OUTAGES: u32 = 3;

/// The sum of these delays: calls survive an outage of this length.
pub(super) const MAX_OUTAGE_DURATION: Duration = Duration::from_secs(14);

/// Delays after a conflict with another writer, random for each call, so that two calls do not conflict
/// again.
pub(crate) const CONFLICT_BACKOFF: Backoff =
    Backoff::new(Duration::from_millis(8), Duration::from_millis(64));

/// The largest number of retries of a call that conflicted with another writer.
const MAX_CONFLICTS: u32 = 5;

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Retries {
    next: Instant,
    deadline: Instant,
    delays: Delays,
    outages: u32,
    conflict_delays: Delays,
    conflicts: u32,
    lost: bool,
}

impl Retries {
    /// Creates the schedule of a call that started at `start`.
    pub(super) fn new(start: Instant, deadline: Instant) -> Self {
        Self {
            next: start,
            deadline,
            delays: BACKOFF.delays(),
            outages: 0,
            conflict_delays: CONFLICT_BACKOFF.delays(),
            conflicts: 0,
            lost: false,
        }
    }

    /// Returns the time of the next attempt after `error`, at `now` or later; `None` to give up.
    ///
    /// `patient` decides whether to wait for a database that is unreachable.
    pub(super) fn after(
        &mut self,
        error: &RepositoryError,
        patient: bool,
        now: Instant,
    ) -> Option<Instant> {
        let at = match error {
            RepositoryError::Ambiguous { .. } if !self.lost => {
                // possibly only the connection was lost, not the database
                self.lost = true;
                now
            }
            RepositoryError::Ambiguous { .. } | RepositoryError::Unavailable { .. }
                if patient && self.outages < MAX_OUTAGES =>
            {
                self.outages += 1;
                self.next += self.delays.next_delay();
                self.next.max(now)
            }
            RepositoryError::Conflict { .. } | RepositoryError::SchemaChanged { .. }
                if self.conflicts < MAX_CONFLICTS =>
            {
                self.conflicts += 1;
                now + self.conflict_delays.next_delay()
            }
            _ => return None,
        };
        (at < self.deadline).then_some(at)
    }
}

/// The attempts of a call that is repeated only after outdated connections.
#[derive(Debug, Default)]
pub(crate) struct OutdatedConnections(u32);

impl OutdatedConnections {
    /// Whether a call with this result is repeated immediately.
    pub(crate) fn may_repeat<T>(&mut self, result: &Result<T, RepositoryError>) -> bool {
        let outdated = matches!(result, Err(RepositoryError::SchemaChanged { .. }));
        self.0 += 1;
        outdated && self.0 <= MAX_CONFLICTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Database;

    fn unavailable() -> RepositoryError {
        RepositoryError::Unavailable {
            database: Database::Metadata,
            reason: "away".to_owned(),
        }
    }

    fn lost() -> RepositoryError {
        RepositoryError::Ambiguous {
            database: Database::Metadata,
            operation: "read",
            source: "closed".into(),
        }
    }

    fn conflict() -> RepositoryError {
        RepositoryError::Conflict {
            database: Database::Metadata,
            operation: "write",
            source: "deadlock detected".into(),
        }
    }

    /// The seconds since the start at which a call is tried, if each attempt takes `takes` and fails with
    /// `error`.
    fn attempts(error: &RepositoryError, deadline: u64, takes: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut retries = Retries::new(start, start + Duration::from_secs(deadline));
        let mut at = start;
        let mut seconds = vec![0];
        while let Some(next) = retries.after(error, true, at + Duration::from_secs(takes)) {
            seconds.push((next - start).as_secs());
            at = next;
        }
        seconds
    }

    #[test]
    fn absent_database_is_tried_at_0_2_6_and_14_seconds() {
        assert_eq!(attempts(&unavailable(), 60, 0), [0, 2, 6, 14]);
        assert_eq!(attempts(&unavailable(), 60, 3), [0, 3, 6, 14]);
    }

    #[test]
    fn delays_sum_up_to_the_longest_outage() {
        let mut delays = BACKOFF.delays();
        let sum: Duration = (0..MAX_OUTAGES).map(|_| delays.next_delay()).sum();
        assert_eq!(sum, MAX_OUTAGE_DURATION);
    }

    #[test]
    fn attempts_begin_before_the_deadline() {
        assert_eq!(attempts(&unavailable(), 15, 0), [0, 2, 6, 14]);
        assert_eq!(attempts(&unavailable(), 14, 0), [0, 2, 6]);
        assert_eq!(attempts(&unavailable(), 2, 0), [0]);
    }

    #[test]
    fn lost_connection_is_retried_at_once_then_delayed() {
        assert_eq!(attempts(&lost(), 15, 0), [0, 0, 2, 6, 14]);
    }

    #[test]
    fn known_outage_is_not_retried() {
        let start = Instant::now();
        let mut retries = Retries::new(start, start + Duration::from_secs(15));
        assert_eq!(retries.after(&unavailable(), false, start), None);
    }

    #[test]
    fn conflict_gets_six_attempts_within_a_second() {
        assert_eq!(attempts(&conflict(), 15, 0), [0; 6]);
    }

    #[test]
    fn permanent_errors_are_not_retried() {
        for error in [
            RepositoryError::invalid("no"),
            RepositoryError::Configuration {
                database: Database::Metadata,
                reason: "password".to_owned(),
            },
            RepositoryError::Timeout {
                database: Database::Metadata,
                operation: "read",
                begun: false,
            },
        ] {
            assert_eq!(attempts(&error, 15, 0), [0], "{error:?}");
        }
    }
}
