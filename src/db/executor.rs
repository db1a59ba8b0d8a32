//! The one seam between the runtime and blocking database calls.

mod attempt;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use tokio::time::{Instant, sleep_until};

use super::config::PoolConfig;
use crate::database_url::DatabaseUrl;
use crate::error::{Database, RepositoryError};

use super::blocking::{internal, spawn};
use super::connect::{ConnectionManager, PasswordProvider};
use super::connection_counts::ConnectionCounts;
use super::contact::Contact;
use super::failure::DbError;
use super::lanes::{Lanes, PoolLimits, Use};
use super::measure;
use super::retry::{OutdatedConnections, Retries};

/// Runs closures on pooled connections of one database, each within a deadline.
///
/// A permit is taken before a thread is: calls that wait cost no thread, are served in their order,
/// and no more threads than connections are ever blocked. Dropping a call's future does not stop
/// its closure, which then ends by itself or by the server's statement timeout; its permit is kept
/// until then. Some connections are kept for writes, so that reads do not make them wait: only
/// [`read`](Self::read) leaves them alone.
///
/// A closure leaves the session as it found it: use [`transaction`](super::transaction) and
/// `SET LOCAL`. A connection on which `BEGIN`, `SET` or the like was sent is closed afterwards.
///
/// # Examples
///
/// ```
/// use diesel::{RunQueryDsl as _, sql_query};
/// use tickbook::db::{DatabaseConfig, DatabasePools};
///
/// # async fn analyze(config: &DatabaseConfig) -> Result<(), tickbook::RepositoryError> {
/// let db = DatabasePools::new(config).timeseries();
/// // may be repeated, so that a lost connection does no harm
/// db.run_idempotent("analyze ticks", |connection| {
///     sql_query("ANALYZE ticks").execute(connection)?;
///     Ok(())
/// })
/// .await
/// # }
/// ```
pub struct Executor {
    database: Database,
    manager: ConnectionManager,
    lanes: Arc<Lanes>,
    probes: Arc<Lanes>,
    call_timeout: Duration,
}

impl Executor {
    /// Makes a pool that opens its first connection when it is first used.
    pub(super) fn new(
        database: Database,
        url: &DatabaseUrl,
        config: &PoolConfig,
        passwords: Option<PasswordProvider>,
    ) -> Self {
        let manager = ConnectionManager::new(database, url, config, passwords);
        let limits = PoolLimits {
            most: config.size,
            kept_for_writes: match database {
                Database::Metadata | Database::Timeseries => config.kept_for_writes,
                Database::Replica => 0,
            },
            min_idle: config.min_idle,
            idle_timeout: config.idle_timeout,
            max_lifetime: config.max_lifetime,
        };
        let one = PoolLimits {
            most: 1,
            min_idle: 0,
            ..limits
        };
        Self {
            database,
            lanes: Lanes::new(limits, config.stuck_after, manager.clone()),
            probes: Lanes::new(one, config.stuck_after, manager.clone()),
            manager,
            call_timeout: config.call_timeout,
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
    }

    /// How long a call may take, unless it says otherwise.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// Runs `work` on a pooled connection, once.
    ///
    /// # Errors
    /// Those of `work`, classified; `Unavailable`, `Configuration` or `Tls` when there is no
    /// connection; `Timeout` when the answer does not come within the call timeout of the settings.
    pub async fn run<T, F>(&self, operation: &'static str, work: F) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.run_within(operation, self.call_timeout, work).await
    }

    /// Runs `work` on a pooled connection within `timeout` instead of the settings' call timeout.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_within<T, F>(
        &self,
        operation: &'static str,
        timeout: Duration,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let deadline = Instant::now() + timeout;
        self.attempt(&self.lanes, Use::Write, operation, deadline, work)
            .await
    }

    /// Runs `work` on a pooled connection, and again only where the connection was outdated, so that
    /// nothing was done: for writes that must not be repeated otherwise.
    ///
    /// # Errors
    /// As [`run`](Self::run); those of the last attempt.
    pub async fn run_once<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let deadline = Instant::now() + self.call_timeout;
        let mut changes = OutdatedConnections::default();
        let work = Arc::new(work);
        loop {
            let work = Arc::clone(&work);
            let attempt = move |connection: &mut PgConnection| work(connection);
            let result = self
                .attempt(&self.lanes, Use::Write, operation, deadline, attempt)
                .await;
            if !changes.may_repeat(&result) {
                return result;
            }
        }
    }

    /// Runs `work` on a pooled connection, and again where that may help: for reads, and for writes
    /// that lead to the same when they are repeated.
    ///
    /// A lost connection is replaced at once. A database that went away is tried again after 2, 4
    /// and 8 seconds, within the call timeout; one that has been away for longer, or was never
    /// reached, is not waited for. What met another writer is repeated after some milliseconds, up
    /// to five times. A statement that took too long is not repeated.
    ///
    /// # Errors
    /// As [`run`](Self::run); those of the last attempt.
    pub async fn run_idempotent<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let is_patient = |contact: &Contact| contact.is_or_was_just_reached();
        self.retrying(Use::Write, operation, is_patient, work).await
    }

    /// As [`run_idempotent`](Self::run_idempotent), for what only reads: waits for one of the
    /// connections that are not kept for writes.
    ///
    /// # Errors
    /// As [`run`](Self::run); those of the last attempt.
    pub async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let is_patient = |contact: &Contact| contact.is_or_was_just_reached();
        self.retrying(Use::Read, operation, is_patient, work).await
    }

    /// Waits until the database answers, for a start that is worth nothing without it: tried at 0,
    /// 2, 6 and 14 seconds, within the call timeout.
    ///
    /// # Errors
    /// `Unavailable` when it did not answer in time; `Configuration` or `Tls`, at once, when it
    /// refuses or cannot be trusted.
    pub(crate) async fn wait_until_reached(&self) -> Result<(), RepositoryError> {
        self.retrying(Use::Write, "connect", |_| true, |_| Ok(()))
            .await
    }

    async fn retrying<T, F>(
        &self,
        of: Use,
        operation: &'static str,
        is_patient: fn(&Contact) -> bool,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let start = Instant::now();
        let deadline = start + self.call_timeout;
        let mut retries = Retries::new(start, deadline);
        let work = Arc::new(work);
        loop {
            let work = Arc::clone(&work);
            let attempt = move |connection: &mut PgConnection| work(connection);
            let error = match self
                .attempt(&self.lanes, of, operation, deadline, attempt)
                .await
            {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match retries.after(&error, is_patient(self.contact()), Instant::now()) {
                Some(next) => {
                    measure::retry(self.database, &error);
                    sleep_until(next).await;
                }
                None => return Err(error),
            }
        }
    }

    /// Runs `work` within `timeout` on a connection that calls do not use, so that a pool which is
    /// busy is not taken for a database that is down.
    pub(crate) async fn probe<T, F>(
        &self,
        operation: &'static str,
        timeout: Duration,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let deadline = Instant::now() + timeout;
        self.attempt(&self.probes, Use::Read, operation, deadline, work)
            .await
    }

    /// Runs `work` on a connection of its own, outside of the pool and without time limits, and
    /// closes it afterwards: for migrations and the like.
    ///
    /// # Errors
    /// Those of `work`, classified; `Unavailable`, `Configuration` or `Tls` when there is no
    /// connection; `Configuration` behind a PgBouncer, where a session and its locks belong to nobody.
    pub async fn run_dedicated<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let manager = self.manager.clone();
        let database = self.database;
        if manager.is_pgbouncer() {
            return Err(RepositoryError::Configuration {
                database,
                reason: format!(
                    "{operation} needs a session of its own: give the URL of the server itself and \
                     set pool.pgbouncer = false"
                ),
            });
        }
        let blocking = move || {
            let mut connection = manager.open_unlimited()?;
            let result = work(&mut connection);
            // the end of the session would give them back only after the caller has gone on
            let _ = connection.batch_execute("SELECT pg_advisory_unlock_all()");
            result.map_err(|error| error.into_repository(database, operation))
        };
        spawn(blocking)
            .await
            .unwrap_or_else(|panic| Err(internal(operation, &panic)))
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> ConnectionCounts {
        let state = self.lanes.current().pool.state();
        ConnectionCounts::new(state.connections, state.idle_connections)
    }

    fn contact(&self) -> &Contact {
        self.lanes.contact()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("database", &self.database)
            .field("pool", &self.lanes.current().pool.state())
            .finish_non_exhaustive()
    }
}
