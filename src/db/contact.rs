//! What is known of the way to a database: whether it was reached, and why not of late.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Database, RepositoryError};

use super::failure::ConnectError;
use super::retry::LONGEST_OUTAGE;

/// A failure that is older is not told to those who got no connection.
const STALE: Duration = Duration::from_secs(6);

/// How long the reason of an outage that lasts is not logged again.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// While a database does not answer, it is asked no more often than this.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// For how long after it was lost a database is waited for; longer than the last retry of a call.
const INTERRUPTION: Duration = LONGEST_OUTAGE.saturating_add(Duration::from_secs(1));

/// Shared by all who connect to one database for one pool.
#[derive(Debug)]
pub(super) struct Contact {
    database: Database,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    /// A connection was opened since the last failure.
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

    /// Whether no connection was opened before, or none since the last failure: it may be another
    /// server now.
    pub(super) fn is_first(&self) -> bool {
        !std::mem::replace(&mut self.state().met, true)
    }

    /// Makes [`is_first`](Self::is_first) true once more, since the first connection did not learn
    /// what it was to learn.
    pub(super) fn next_is_first(&self) {
        self.state().met = false;
    }

    /// Notes that a connection was opened.
    pub(super) fn reached(&self) {
        let mut state = self.state();
        state.reached = true;
        if let Some(failure) = state.failure.take() {
            let seconds = failure.since.elapsed().as_secs_f32();
            tracing::info!(database = %self.database, seconds, "connected again");
        }
    }

    /// Notes that none could be opened, and logs it once, and again when the reason is of another
    /// kind or half a minute has passed.
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

    /// Why a connection need not be tried now: it was just tried, and could not be opened.
    pub(super) fn just_failed(&self) -> Option<ConnectError> {
        self.failure_within(TRY_EVERY)
    }

    /// What only a person can change, when that is why the last attempt failed.
    pub(super) fn refused(&self) -> Option<ConnectError> {
        self.failure_within(STALE)
            .filter(ConnectError::needs_a_person)
    }

    /// What to tell a caller who got no connection within its time.
    pub(super) fn no_connection(&self) -> RepositoryError {
        match self.failure_within(STALE) {
            Some(error) => error.into(),
            None => RepositoryError::Unavailable {
                database: self.database,
                reason: "no connection could be opened in time".to_owned(),
            },
        }
    }

    /// Whether waiting is likely to help: the database was reached before and is away for seconds
    /// only.
    pub(super) fn is_or_was_just_reached(&self) -> bool {
        let state = self.state();
        let short = |failure: &Failure| failure.since.elapsed() < INTERRUPTION;
        state.reached && state.failure.as_ref().is_none_or(short)
    }

    /// Notes that a connection turned out to be dead, as others may be that were last used before.
    pub(super) fn suspect_all(&self) {
        self.state().suspect = Some(Instant::now());
    }

    /// Whether a connection last used at `used` may be dead for the same reason as another one.
    pub(super) fn suspects(&self, used: Instant) -> bool {
        self.state().suspect.is_some_and(|since| used <= since)
    }

    /// Notes that the tables changed under a connection, as they did under all that are open.
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

    /// Lets all that is known of a failure have happened so much earlier.
    fn age(contact: &Contact, by: Duration) {
        let mut state = contact.state();
        let failure = state.failure.as_mut().expect("a failure");
        for time in [&mut failure.since, &mut failure.last, &mut failure.logged] {
            *time = time.checked_sub(by).expect("the machine runs for longer");
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
