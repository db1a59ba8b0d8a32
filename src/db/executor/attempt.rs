//! One attempt of a call on a pooled connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::PgConnection;
use tokio::time::{Instant, timeout_at};

use super::Executor;
use crate::db::blocking::{internal, spawn};
use crate::db::failure::DbError;
use crate::db::measure;
use crate::db::replaceable_pool::{CHECKOUT_TIMEOUT, CallKind, ReplaceablePool};
use crate::error::{Database, RepositoryError};

impl Executor {
    pub(super) async fn attempt<T, F>(
        &self,
        pool: &Arc<ReplaceablePool>,
        kind: CallKind,
        operation: &'static str,
        deadline: Instant,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let begun = std::time::Instant::now();
        let result = self
            .attempt_unmeasured(pool, kind, operation, deadline, work)
            .await;
        measure::call(operation, self.database, begun.elapsed(), &result);
        result
    }

    async fn attempt_unmeasured<T, F>(
        &self,
        pool: &Arc<ReplaceablePool>,
        kind: CallKind,
        operation: &'static str,
        deadline: Instant,
        work: F,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let database = self.database;
        let permit = pool
            .acquire(kind, deadline)
            .await
            .inspect_err(|_| measure::no_connection(database))?;
        let reachability = Arc::clone(pool.reachability());
        let begun = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&begun);
        let blocking = move || {
            let permit = permit;
            let remaining = deadline.saturating_duration_since(Instant::now());
            // the checkout ends shortly before the deadline, so that the caller gets the reason for its
            // failure
            let patience = remaining.mul_f32(0.95).min(CHECKOUT_TIMEOUT);
            let mut pooled = permit
                .generation
                .checkout(&reachability, patience)
                .inspect_err(|_| measure::no_connection(database))?;
            if Instant::now() >= deadline {
                // the caller no longer waits, so the call is not started and certainly not applied
                return Err(not_begun(database, operation));
            }
            measure::connections(database, &permit.generation.pool.state());
            mark.store(true, Ordering::Release);
            let result = work(&mut pooled.connection);
            pooled.used = std::time::Instant::now();
            let result = result.map_err(|error| error.into_repository(database, operation));
            pooled.broken = match &result {
                Err(RepositoryError::Ambiguous { .. } | RepositoryError::Unavailable { .. }) => {
                    reachability.mark_connections_suspect();
                    true
                }
                Err(error @ RepositoryError::SchemaChanged { .. }) => {
                    let cause = error.with_causes();
                    tracing::warn!(%database, operation, %cause, "connections are replaced");
                    reachability.mark_connections_outdated();
                    true
                }
                _ => false,
            };
            drop(pooled);
            measure::connections(database, &permit.generation.pool.state());
            result
        };
        match timeout_at(deadline, spawn(blocking)).await {
            Ok(joined) => joined.unwrap_or_else(|panic| Err(internal(operation, &panic))),
            Err(_) => Err(RepositoryError::Timeout {
                database,
                operation,
                begun: begun.load(Ordering::Acquire),
            }),
        }
    }
}

fn not_begun(database: Database, operation: &'static str) -> RepositoryError {
    RepositoryError::Timeout {
        database,
        operation,
        begun: false,
    }
}
