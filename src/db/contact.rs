//! What is known of the way to a database: whether it was reached, and why not of late.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Database, RepositoryError};

use super::failure::ConnectError;

/// A failure that is older is not told to those who got no connection.
const STALE: Duration = Duration::from_secs(6);

/// How long the reason of an outage that lasts is not logged again.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// While a database does not answer, it is asked no more often than this.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// For how long after it was lost a database is waited for; longer than the last retry of a call.
const INTERRUPTION: Duration = Duration::from_secs(15);

/// Shared by all who connect to one database for one pool.
#[derive(Debug)]
pub(super) struct Contact {
    database: Database,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    failure: Option<Failure>,
    suspect: Option<Instant>,
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
            .filter(|error| matches!(error, ConnectError::Configuration { .. }))
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

    fn failure_within(&self, age: Duration) -> Option<ConnectError> {
        let state = self.state();
        let failure = state.failure.as_ref()?;
        (failure.last.elapsed() < age).then(|| failure.error.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
