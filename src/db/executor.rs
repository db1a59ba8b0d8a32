//! The executor: runs blocking database calls for the async runtime.

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
use super::failure::DbError;
use super::measure;
use super::open_connections::CloseOnDrop;
use super::reachability::Reachability;
use super::replaceable_pool::{CallKind, PoolLimits, ReplaceablePool};
use super::retry::{OutdatedConnections, Retries};

/// Runs closures on pooled connections of one database, each within a deadline.
///
/// A call takes a permit before it takes a thread. Waiting calls therefore occupy no thread and are served in
/// order, and at most as many threads are blocked as there are connections. Dropping the future of a call
/// does not stop its closure, which ends by itself or by the server's statement timeout and holds its permit
/// until then. Some connections are reserved for writes, so that reads do not delay them; only
/// [`read`](Self::read) respects this reserve.
///
/// `operation` names a call in errors and in the label `operation` of metrics. Use one word in snake case, such
/// as the name of the calling method.
///
/// A closure must leave the session unchanged: use [`transaction`](super::transaction) and `SET LOCAL`. A
/// connection on which `BEGIN`, `SET` or a similar statement was sent is closed afterwards.
///
/// # Examples
///
/// ```
/// use diesel::{RunQueryDsl as _, sql_query};
/// use tickbook::db::{DatabaseConfig, DatabasePools};
///
/// # async fn analyze(config: &DatabaseConfig) -> Result<(), tickbook::RepositoryError> {
/// let db = DatabasePools::new(config).timeseries();
/// // repeated on a new connection if the connection is lost
/// db.run_idempotent("analyze_ticks", |connection| {
///     sql_query("ANALYZE ticks").execute(connection)?;
///     Ok(())
/// })
/// .await
/// # }
/// ```
pub struct Executor {
    database: Database,
    manager: ConnectionManager,
    pool: Arc<ReplaceablePool>,
    probes: Arc<ReplaceablePool>,
    call_timeout: Duration,
    /// The last field, since it is dropped after the pools.
    _closing: CloseOnDrop,
}

impl Executor {
    /// Creates a pool that opens its first connection at its first use.
    pub(super) fn new(
        database: Database,
        url: &DatabaseUrl,
        config: &PoolConfig,
        passwords: Option<PasswordProvider>,
    ) -> Self {
        measure::initialize(database);
        let manager = ConnectionManager::new(database, url, config, passwords);
        let limits = PoolLimits {
            max_size: config.size,
            reserved_for_writes: match database {
                Database::Metadata | Database::Timeseries => config.reserved_for_writes,
                Database::Replica => 0,
            },
            min_idle: config.min_idle,
            idle_timeout: config.idle_timeout,
            max_lifetime: config.max_lifetime,
        };
        let one = PoolLimits {
            max_size: 1,
            min_idle: 0,
            ..limits
        };
        Self {
            database,
            pool: ReplaceablePool::new(limits, config.stuck_after, manager.clone()),
            probes: ReplaceablePool::new(one, config.stuck_after, manager.clone()),
            call_timeout: config.call_timeout,
            _closing: manager.open_connections().close_on_drop(),
            manager,
        }
    }

    /// Returns the database of the pool.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
    }

    /// The default deadline of a call.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// Runs `work` once on a pooled connection.
    ///
    /// # Errors
    /// The classified errors of `work`; `Unavailable`, `Configuration` or `Tls` without a connection;
    /// `Timeout` if no response arrives within the call timeout of the settings.
    pub async fn run<T, F>(&self, operation: &'static str, work: F) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.run_within(operation, self.call_timeout, work).await
    }

    /// Runs `work` once on a pooled connection, within `timeout` instead of the call timeout of the settings.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run).
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
        self.attempt(&self.pool, CallKind::Write, operation, deadline, work)
            .await
    }

    /// Runs `work` on a pooled connection. Repeats it only if the connection was outdated, so that nothing
    /// was applied. For writes that must not be repeated otherwise.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), from the last attempt.
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
                .attempt(&self.pool, CallKind::Write, operation, deadline, attempt)
                .await;
            if !changes.may_repeat(&result) {
                return result;
            }
        }
    }

    /// Runs `work` on a pooled connection and repeats it if that may help. For idempotent writes.
    ///
    /// A lost connection is replaced immediately. If the database becomes unreachable, the call is retried
    /// with increasing delays, within the call timeout; a database that has been down longer, or was never
    /// reached, is not waited for. A conflict with another writer is retried after some milliseconds, up to
    /// five times. A statement that timed out is not repeated.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), from the last attempt.
    pub async fn run_idempotent<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let is_patient = |reachability: &Reachability| reachability.is_recently_reachable();
        self.retrying(CallKind::Write, operation, is_patient, work)
            .await
    }

    /// Like [`run_idempotent`](Self::run_idempotent), for calls that only read. Waits for one of the
    /// connections that are not reserved for writes.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), from the last attempt.
    pub async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let is_patient = |reachability: &Reachability| reachability.is_recently_reachable();
        self.retrying(CallKind::Read, operation, is_patient, work)
            .await
    }

    /// Waits until the database responds, for a start that requires it. Retries with increasing
    /// delays, within the call timeout.
    ///
    /// # Errors
    /// `Unavailable` if it does not respond in time; `Configuration` or `Tls`, immediately, if it rejects the
    /// connection or cannot be verified.
    pub(crate) async fn wait_until_reached(&self) -> Result<(), RepositoryError> {
        self.retrying(CallKind::Write, "connect", |_| true, |_| Ok(()))
            .await
    }

    async fn retrying<T, F>(
        &self,
        kind: CallKind,
        operation: &'static str,
        is_patient: fn(&Reachability) -> bool,
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
                .attempt(&self.pool, kind, operation, deadline, attempt)
                .await
            {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match retries.after(&error, is_patient(self.reachability()), Instant::now()) {
                Some(next) => {
                    measure::retry(self.database, &error);
                    sleep_until(next).await;
                }
                None => return Err(error),
            }
        }
    }

    /// Runs `work` within `timeout` on a connection that calls do not use, so that a busy pool is not
    /// mistaken for a database that is down.
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
        self.attempt(&self.probes, CallKind::Read, operation, deadline, work)
            .await
    }

    /// Runs `work` on a dedicated connection outside of the pool, without time limits, and closes it
    /// afterwards. For migrations and similar tasks.
    ///
    /// # Errors
    /// The classified errors of `work`; `Unavailable`, `Configuration` or `Tls` without a connection;
    /// `Configuration` with a PgBouncer, where sessions and their locks are shared.
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
                    "{operation} requires a dedicated session: use the URL of the server itself and \
                     set pool.pgbouncer = false"
                ),
            });
        }
        let blocking = move || {
            let mut connection = manager.open_unlimited()?;
            let result = work(&mut connection);
            // otherwise the locks would be released when the session ends, after the caller has continued
            let _ = connection.batch_execute("SELECT pg_advisory_unlock_all()");
            result.map_err(|error| error.into_repository(database, operation))
        };
        spawn(blocking)
            .await
            .unwrap_or_else(|panic| Err(internal(operation, &panic)))
    }

    /// The numbers of open and idle connections.
    #[must_use]
    pub fn connections(&self) -> ConnectionCounts {
        let state = self.pool.current().pool.state();
        ConnectionCounts::new(state.connections, state.idle_connections)
    }

    /// Sets the gauge of the connections.
    pub(super) fn record_connections(&self) {
        measure::connections(self.database, &self.pool.current().pool.state());
    }

    fn reachability(&self) -> &Reachability {
        self.pool.reachability()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("database", &self.database)
            .field("pool", &self.pool.current().pool.state())
            .finish_non_exhaustive()
    }
}
