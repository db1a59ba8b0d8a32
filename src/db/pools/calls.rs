//! The methods of [`Executor`] on the typed pools.

use std::time::Duration;

use diesel::PgConnection;

use super::{MetadataDb, TimeseriesDb};
use crate::db::connection_counts::ConnectionCounts;
use crate::db::executor::Executor;
use crate::db::failure::DbError;
use crate::error::{Database, RepositoryError};

/// Generates the methods of [`Executor`] for the pool of one database, so that a function can require that
/// database by type.
macro_rules! calls {
    ($($of:ty),+) => {
        $(
            impl $of {
                /// Returns the untyped pool.
                #[must_use]
                pub fn executor(&self) -> &Executor {
                    &self.0
                }

                /// Returns the database of the pool.
                #[must_use]
                pub fn database(&self) -> Database {
                    self.0.database()
                }

                /// The numbers of open and idle connections.
                #[must_use]
                pub fn connections(&self) -> ConnectionCounts {
                    self.0.connections()
                }

                /// Runs `work` once: [`Executor::run`].
                ///
                /// The errors of [`Executor::run`].
                /// Those of [`Executor::run`].
                pub async fn run<T, F>(
                    &self,
                    operation: &'static str,
                    work: F,
                ) -> Result<T, RepositoryError>
                where
                    T: Send + 'static,
                    F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
                {
                    self.0.run(operation, work).await
                }

                /// Runs `work` once within `timeout`: [`Executor::run_within`].
                ///
                /// The errors of [`Executor::run`].
                /// Those of [`Executor::run`].
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
                    self.0.run_within(operation, timeout, work).await
                }

                /// Runs a write that must not be repeated: [`Executor::run_once`].
                ///
                /// The errors of [`Executor::run`].
                /// Those of [`Executor::run`].
                pub async fn run_once<T, F>(
                    &self,
                    operation: &'static str,
                    work: F,
                ) -> Result<T, RepositoryError>
                where
                    T: Send + 'static,
                    F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
                {
                    self.0.run_once(operation, work).await
                }

                /// Runs a write that may be repeated: [`Executor::run_idempotent`].
                ///
                /// The errors of [`Executor::run`].
                /// Those of [`Executor::run`].
                pub async fn run_idempotent<T, F>(
                    &self,
                    operation: &'static str,
                    work: F,
                ) -> Result<T, RepositoryError>
                where
                    T: Send + 'static,
                    F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
                {
                    self.0.run_idempotent(operation, work).await
                }

                /// Runs a read: [`Executor::read`].
                ///
                /// The errors of [`Executor::run`].
                /// Those of [`Executor::run`].
                pub async fn read<T, F>(
                    &self,
                    operation: &'static str,
                    work: F,
                ) -> Result<T, RepositoryError>
                where
                    T: Send + 'static,
                    F: Fn(&mut PgConnection) -> Result<T, DbError> + Send + Sync + 'static,
                {
                    self.0.read(operation, work).await
                }

                /// Runs `work` on a dedicated connection: [`Executor::run_dedicated`].
                ///
                /// The errors of [`Executor::run_dedicated`].
                /// Those of [`Executor::run_dedicated`].
                pub async fn run_dedicated<T, F>(
                    &self,
                    operation: &'static str,
                    work: F,
                ) -> Result<T, RepositoryError>
                where
                    T: Send + 'static,
                    F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
                {
                    self.0.run_dedicated(operation, work).await
                }
            }
        )+
    };
}

calls!(MetadataDb, TimeseriesDb);
