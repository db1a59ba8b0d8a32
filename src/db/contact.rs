//! Reachability of a database, and the last connection error.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Database, RepositoryError};

use super::failure::ConnectError;
use super::retry::LONGEST_OUTAGE;

/// Connection errors that are older than this are not reported to callers.
const STALE: Duration = Duration::from_secs(6);

/// The interval at which the reason of an ongoing outage is logged again.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// The minimum time between two connection attempts while a database does not respond.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// The time after a loss during which calls wait for the database; longer than the last retry of a call.
const INTERRUPTION: Duration = LONGEST_OUTAGE.saturating_add(Duration::from_secs(1));

/// The state of one database, shared by all connections of a pool.
#[derive(Debug)]
pub(super) struct Contact {
    database: Database,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    /// Whether a connection was opened since the last failure.
    met: bool,
    failure: Option<Failure>,
    suspect: Option<Instant>,
    outdated: Option<Instant>,
}

#[derive(Debug)]
struct Failure {
    error: ConnectError,
    since: Instant,
    last: Instant,
    logged: Instant,
}

impl Contact {
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

    /// Makes [`is_first`](Self::is_first) return true once more, because the first connection did not learn
    /// the server's wordings completely.
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
        state.failure = Some(Failure {
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
        self.failure_within(STALE)
            .filter(ConnectError::needs_a_person)
    }

    /// Returns the error for a caller that got no connection in time.
    pub(super) fn no_connection(&self) -> RepositoryError {
        match self.failure_within(STALE) {
            Some(error) => error.into(),
            None => RepositoryError::Unavailable {
                database: self.database,
                reason: "no connection could be opened in time".to_owned(),
            },
        }
    }

    /// Whether waiting is likely to help: the database was reached before, and has been unreachable for
    /// seconds at most.
    pub(super) fn is_or_was_just_reached(&self) -> bool {
        let state = self.state();
        let short = |failure: &Failure| failure.since.elapsed() < INTERRUPTION;
        state.reached && state.failure.as_ref().is_none_or(short)
    }

    /// Records that a connection is dead. All connections that were last used before may be dead, too.
    pub(super) fn suspect_all(&self) {
        self.state().suspect = Some(Instant::now());
    }

    /// Whether a connection last used at `used` may be dead.
    pub(super) fn suspects(&self, used: Instant) -> bool {
        self.state().suspect.is_some_and(|since| used <= since)
    }

    /// Records that the tables changed. All connections that are open now are outdated.
    pub(super) fn outdate_all(&self) {
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

    fn state(&self) -> MutexGuard<'_, State> {
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
    fn age(contact: &Contact, by: Duration) {
        let mut state = contact.state();
        let failure = state.failure.as_mut().expect("a failure");
        for time in [&mut failure.since, &mut failure.last, &mut failure.logged] {
            *time = time
                .checked_sub(by)
                .expect("the machine has been running for longer");
        }
    }

    #[test]
    fn an_old_cause_is_not_told() {
        let contact = Contact::new(Database::Metadata);
        contact.failed(unavailable("Connection refused"));
        for _ in 0..3 {
            let text = contact.no_connection().to_string();
            assert!(text.contains("Connection refused"), "{text}");
        }
        age(&contact, STALE);
        let text = contact.no_connection().to_string();
        assert!(!text.contains("Connection refused"), "{text}");
    }

    #[test]
    fn a_database_that_comes_back_leaves_no_cause_behind() {
        let contact = Contact::new(Database::Metadata);
        contact.failed(refused());
        assert_eq!(contact.refused(), Some(refused()));
        contact.reached();
        assert_eq!(contact.refused(), None);
        assert_eq!(contact.just_failed(), None);
    }

    #[test]
    fn only_a_database_that_was_lost_just_now_is_waited_for() {
        let contact = Contact::new(Database::Metadata);
        assert!(!contact.is_or_was_just_reached(), "never reached");
        contact.reached();
        assert!(contact.is_or_was_just_reached());
        contact.failed(unavailable("Connection refused"));
        assert!(contact.is_or_was_just_reached());
        age(&contact, INTERRUPTION);
        contact.failed(unavailable("timeout expired"));
        assert!(!contact.is_or_was_just_reached(), "away for long");
    }

    #[test]
    fn an_outage_is_logged_when_its_kind_changes_and_every_half_minute() {
        let contact = Contact::new(Database::Metadata);
        let logged = || {
            contact
                .state()
                .failure
                .as_ref()
                .map(|failure| failure.logged)
        };
        contact.failed(unavailable("one"));
        let first = logged();
        contact.failed(unavailable("two"));
        assert_eq!(logged(), first);
        contact.failed(refused());
        let second = logged();
        assert_ne!(second, first);
        age(&contact, LOG_EVERY);
        let aged = logged();
        contact.failed(refused());
        assert_ne!(logged(), aged);
    }
}
