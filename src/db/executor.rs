//! The one seam between the runtime and blocking database calls.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::config::PoolConfig;
use crate::database_url::DatabaseUrl;
use crate::error::{Database, RepositoryError};

use super::connect::{ConnectionManager, no_connection};
use super::failure::{ConnectError, DbError};

/// How long r2d2 may try to open a connection for one call. Its pause between attempts grows up to
/// half of this, so that a short time makes for a quick recovery.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs closures on pooled connections of one database, each within a deadline.
///
/// A permit is taken before a thread is: calls that wait cost no thread, and no more threads than
/// connections are ever blocked. Dropping a call's future does not stop its closure, which then
/// ends by itself or by the server's statement timeout; its permit is kept until then.
pub struct Executor {
    database: Database,
    pool: r2d2::Pool<ConnectionManager>,
    permits: Arc<Semaphore>,
    dedicated: Arc<ConnectionManager>,
    last_error: Arc<Mutex<Option<ConnectError>>>,
    size: u32,
    call_timeout: Duration,
}

impl Executor {
    /// Makes a pool that opens its first connection when it is first used.
    pub(crate) fn new(database: Database, url: &DatabaseUrl, config: &PoolConfig) -> Self {
        let manager = ConnectionManager::new(database, url.clone(), config);
        let last_error = manager.last_error();
        let pool = r2d2::Pool::builder()
            .max_size(config.size)
            .min_idle(Some(0))
            .connection_timeout(CHECKOUT_TIMEOUT)
            .error_handler(Box::new(LogConnectErrors(database)))
            .build_unchecked(manager);
        Self {
            database,
            pool,
            permits: Arc::new(Semaphore::new(config.size as usize)),
            dedicated: Arc::new(ConnectionManager::new(database, url.clone(), config)),
            last_error,
            size: config.size,
            call_timeout: config.call_timeout,
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
    }

    /// Runs `work` on a pooled connection.
    ///
    /// # Errors
    /// Those of `work`, classified; `Unavailable` or `Configuration` when there is no connection;
    /// `Timeout` when the answer does not come within the call timeout of the settings.
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
        let permit = self.permit(deadline).await?;
        let begun = Arc::new(AtomicBool::new(false));
        let pool = self.pool.clone();
        let (database, last_error) = (self.database, Arc::clone(&self.last_error));
        let mark = Arc::clone(&begun);
        let blocking = move || {
            let _permit = permit;
            let remaining = deadline.saturating_duration_since(Instant::now());
            // ends a little before the deadline, so that the caller learns why there is no connection
            let mut pooled = pool
                .get_timeout(remaining.mul_f32(0.95).min(CHECKOUT_TIMEOUT))
                .map_err(|_| no_connection(database, &last_error))?;
            if Instant::now() >= deadline {
                // the caller has gone: what is not begun is certainly not applied
                return Err(not_begun(database, operation));
            }
            mark.store(true, Ordering::Release);
            let result = work(&mut pooled.connection);
            pooled.used = std::time::Instant::now();
            let result = result.map_err(|error| error.into_repository(database, operation));
            pooled.broken = matches!(
                result,
                Err(RepositoryError::Ambiguous { .. } | RepositoryError::Unavailable { .. })
            );
            result
        };
        match timeout_at(deadline, spawn(blocking)).await {
            Ok(joined) => joined.unwrap_or_else(|panic| Err(internal(operation, &panic))),
            Err(_) => Err(RepositoryError::Timeout {
                database: self.database,
                operation,
                begun: begun.load(Ordering::Acquire),
            }),
        }
    }

    /// Runs `work` on a connection of its own, outside of the pool and without time limits, and
    /// closes it afterwards: for migrations and the like.
    ///
    /// # Errors
    /// Those of `work`, classified; `Unavailable` or `Configuration` when there is no connection.
    pub async fn run_dedicated<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let manager = Arc::clone(&self.dedicated);
        let database = self.database;
        let blocking = move || {
            let mut connection = manager.open_unlimited()?;
            work(&mut connection).map_err(|error| error.into_repository(database, operation))
        };
        spawn(blocking)
            .await
            .unwrap_or_else(|panic| Err(internal(operation, &panic)))
    }

    /// Connections open now, and how many of them are idle.
    #[must_use]
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }

    async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, RepositoryError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        match timeout_at(deadline, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            // the semaphore is never closed, so that this is the deadline
            Ok(Err(_)) | Err(_) => Err(RepositoryError::Unavailable {
                database: self.database,
                reason: format!("all {} connections of the pool are busy", self.size),
            }),
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("database", &self.database)
            .field("pool", &self.pool.state())
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where blocking calls leave the runtime"
)]
fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

fn not_begun(database: Database, operation: &'static str) -> RepositoryError {
    RepositoryError::Timeout {
        database,
        operation,
        begun: false,
    }
}

fn internal(operation: &'static str, error: &tokio::task::JoinError) -> RepositoryError {
    let reason = if error.is_panic() {
        "it panicked"
    } else {
        "the runtime is shutting down"
    };
    RepositoryError::Internal {
        operation,
        reason: reason.to_owned(),
    }
}

#[derive(Debug)]
struct LogConnectErrors(Database);

impl r2d2::HandleError<ConnectError> for LogConnectErrors {
    fn handle_error(&self, error: ConnectError) {
        tracing::warn!(database = %self.0, %error, "cannot connect");
    }
}
