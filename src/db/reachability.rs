//! Reachability of a database, and the last connection error.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Database, RepositoryError};

use super::failure::ConnectError;
use super::retry::MAX_OUTAGE_DURATION;

/// Connection errors that are older than this are not reported to callers.
const MAX_FAILURE_AGE: Duration = Duration::from_secs(6);

/// The interval at which the reason of an ongoing outage is logged again.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// The minimum time between two connection attempts while a database does not respond.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// The time after a loss during which calls wait for the database; longer than the last retry of a call.
const INTERRUPTION: Duration = MAX_OUTAGE_DURATION.saturating_add(Duration::from_secs(1));

/// The state of one database, shared by all connections of a pool.
#[derive(Debug)]
pub(super) struct Reachability {
    database: Database,
    state: Mutex<ReachabilityState>,
}

#[derive(Debug, Default)]
struct ReachabilityState {
    reached: bool,
    /// Whether a connection was opened since the last failure.
    met: bool,
    failure: Option<ConnectFailure>,
    suspect: Option<Instant>,
    outdated: Option<Instant>,
}

#[derive(Debug)]
struct ConnectFailure {
    error: ConnectError,
    since: Instant,
    last: Instant,
    logged: Instant,
}

impl Reachability {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            state: Mutex::default(),
        }
    }

    pub(super) fn database(&self) -> Database {
        self.database
    }

    /// Returns true for the first connection, and for the first one after each failure, which may reach
    /// another server.
    pub(super) fn is_first(&self) -> bool {
        !std::mem::replace(&mut self.state().met, true)
    }

    /// Makes [`is_first`](Self::is_first) return true once more, because the first connection did not
    /// learn all wordings of the server.
    pub(super) fn next_is_first(&self) {
        self.state().met = false;
    }

    /// Records that a connection was opened.
    pub(super) fn reached(&self) {
        let mut state = self.state();
        state.reached = true;
        if let Some(failure) = state.failure.take() {
            let seconds = failure.since.elapsed().as_secs_f32();
            tracing::info!(database = %self.database, seconds, "connected again");
        }
    }

    /// Records that a connection could not be opened. Logs the first failure, and later ones if their kind
    /// changes or half a minute has passed.
    pub(super) fn failed(&self, error: ConnectError) {
        let now = Instant::now();
        let mut state = self.state();
        state.met = false;
        let before = state.failure.as_ref();
        let silent = before.is_some_and(|before| {
            before.error.is_same_kind(&error) && now - before.logged < LOG_EVERY
        });
        if !silent {
            tracing::warn!(database = %self.database, %error, "cannot connect");
        }
        state.failure = Some(ConnectFailure {
            error,
            since: before.map_or(now, |before| before.since),
            last: now,
            logged: before
                .filter(|_| silent)
                .map_or(now, |before| before.logged),
        });
    }

    /// Returns the last error if it is so recent that another attempt is not useful yet.
    pub(super) fn just_failed(&self) -> Option<ConnectError> {
        self.failure_within(TRY_EVERY)
    }

    /// Returns the last error if only an operator can resolve it.
    pub(super) fn refused(&self) -> Option<ConnectError> {
        self.failure_within(MAX_FAILURE_AGE)
            .filter(ConnectError::needs_a_person)
    }

    /// Returns the error for a caller that got no connection in time.
    pub(super) fn no_connection(&self) -> RepositoryError {
        match self.failure_within(MAX_FAILURE_AGE) {
            Some(error) => error.into(),
            None => RepositoryError::Unavailable {
                database: self.database,
                reason: "no connection could be opened in time".to_owned(),
            },
        }
    }

    /// Whether waiting is likely to help: the database was reached before, and has been unreachable for
    /// seconds at most.
    pub(super) fn is_recently_reachable(&self) -> bool {
        let state = self.state();
        let short = |failure: &ConnectFailure| failure.since.elapsed() < INTERRUPTION;
        state.reached && state.failure.as_ref().is_none_or(short)
    }

    /// Records that a connection is dead. All connections that were last used before may be dead, too.
    pub(super) fn mark_connections_suspect(&self) {
        self.state().suspect = Some(Instant::now());
    }

    /// Whether a connection last used at `used` may be dead.
    pub(super) fn suspects(&self, used: Instant) -> bool {
        self.state().suspect.is_some_and(|since| used <= since)
    }

    /// Records that the tables changed. All connections that are open now are outdated.
    pub(super) fn mark_connections_outdated(&self) {
        self.state().outdated = Some(Instant::now());
    }

    /// Whether the tables changed after a connection was opened at `opened`.
    pub(super) fn outdates(&self, opened: Instant) -> bool {
        self.state().outdated.is_some_and(|since| opened <= since)
    }

    fn failure_within(&self, age: Duration) -> Option<ConnectError> {
        let state = self.state();
        let failure = state.failure.as_ref()?;
        (failure.last.elapsed() < age).then(|| failure.error.clone())
    }

    fn state(&self) -> MutexGuard<'_, ReachabilityState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(reason: &str) -> ConnectError {
        ConnectError::Unavailable {
            database: Database::Metadata,
            reason: reason.to_owned(),
        }
    }

    fn refused() -> ConnectError {
        ConnectError::Configuration {
            database: Database::Metadata,
            reason: "password authentication failed".to_owned(),
        }
    }

    /// Moves all recorded times of a failure back by `by`.
    fn age(reachability: &Reachability, by: Duration) {
        let mut state = reachability.state();
        let failure = state.failure.as_mut().expect("a failure");
        for time in [&mut failure.since, &mut failure.last, &mut failure.logged] {
            *time = time
                .checked_sub(by)
                .expect("the machine has been running for longer");
        }
    }

    #[test]
    fn old_cause_is_not_reported() {
        let reachability = Reachability::new(Database::Metadata);
        reachability.failed(unavailable("Connection refused"));
        for _ in 0..3 {
            let text = reachability.no_connection().to_string();
            assert!(text.contains("Connection refused"), "{text}");
        }
        age(&reachability, MAX_FAILURE_AGE);
        let text = reachability.no_connection().to_string();
        assert!(!text.contains("Connection refused"), "{text}");
    }

    #[test]
    fn recovered_database_clears_its_cause() {
        let reachability = Reachability::new(Database::Metadata);
        reachability.failed(refused());
        assert_eq!(reachability.refused(), Some(refused()));
        reachability.reached();
        assert_eq!(reachability.refused(), None);
        assert_eq!(reachability.just_failed(), None);
    }

    #[test]
    fn recently_lost_database_is_awaited() {
        let reachability = Reachability::new(Database::Metadata);
        assert!(!reachability.is_recently_reachable(), "never reached");
        reachability.reached();
        assert!(reachability.is_recently_reachable());
        reachability.failed(unavailable("Connection refused"));
        assert!(reachability.is_recently_reachable());
        age(&reachability, INTERRUPTION);
        reachability.failed(unavailable("timeout expired"));
        assert!(!reachability.is_recently_reachable(), "away for long");
    }

    #[test]
    fn outage_is_logged_on_change_and_every_half_minute() {
        let reachability = Reachability::new(Database::Metadata);
        let logged = || {
            reachability
                .state()
                .failure
                .as_ref()
                .map(|failure| failure.logged)
        };
        reachability.failed(unavailable("one"));
        let first = logged();
        reachability.failed(unavailable("two"));
        assert_eq!(logged(), first);
        reachability.failed(refused());
        let second = logged();
        assert_ne!(second, first);
        age(&reachability, LOG_EVERY);
        let aged = logged();
        reachability.failed(refused());
        assert_ne!(logged(), aged);
    }
}
