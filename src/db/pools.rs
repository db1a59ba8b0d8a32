//! The connection pools of both databases.

mod calls;

use std::sync::Arc;

use crate::error::Database;

use super::config::DatabaseConfig;
use super::connect::PasswordProvider;
use super::executor::Executor;

/// The pool of the metadata database. Clones share it.
#[derive(Debug, Clone)]
pub struct MetadataDb(Arc<Executor>);

/// The pool of the time-series database. Clones share it.
#[derive(Debug, Clone)]
pub struct TimeseriesDb(Arc<Executor>);

/// The pools of both databases, and of a read replica if there is one, by default with 20 connections each.
/// Clones share them.
///
/// Dropping the last clone closes the connections. It waits until those that are being opened, or are in use, are
/// closed as well, for at most half a second for each pool.
#[derive(Debug, Clone)]
pub struct DatabasePools {
    metadata: MetadataDb,
    timeseries: TimeseriesDb,
    replica: Option<TimeseriesDb>,
}

impl DatabasePools {
    /// Creates the pools without waiting for a connection. The first call of a repository opens one, unless
    /// `pool.min_idle` opens some in advance.
    #[must_use]
    pub fn new(config: &DatabaseConfig) -> Self {
        Self::of(config, None)
    }

    /// Creates the pools with passwords from `passwords` instead of the URLs. It is called for each new
    /// connection, so a changed password needs no restart.
    #[must_use]
    pub fn with_passwords(config: &DatabaseConfig, passwords: PasswordProvider) -> Self {
        Self::of(config, Some(passwords))
    }

    fn of(config: &DatabaseConfig, passwords: Option<PasswordProvider>) -> Self {
        let executor = |database, url| {
            let passwords = passwords.clone();
            Arc::new(Executor::new(database, url, &config.pool, passwords))
        };
        Self {
            metadata: MetadataDb(executor(Database::Metadata, &config.metadata_url)),
            timeseries: TimeseriesDb(executor(Database::Timeseries, &config.timeseries_url)),
            replica: config
                .timeseries_read_url
                .as_ref()
                .map(|url| TimeseriesDb(executor(Database::Replica, url))),
        }
    }

    /// Sets the gauge `db_client_connections` of every pool to the present number of connections.
    ///
    /// Each call sets it as well. Call this before metrics are exported, since connections are also closed
    /// between calls.
    pub fn record_connections(&self) {
        self.metadata.0.record_connections();
        for pool in [Some(&self.timeseries), self.replica.as_ref()] {
            pool.into_iter()
                .for_each(|pool| pool.0.record_connections());
        }
    }

    /// The pool of the metadata database.
    #[must_use]
    pub fn metadata(&self) -> MetadataDb {
        self.metadata.clone()
    }

    /// The pool of the time-series database.
    #[must_use]
    pub fn timeseries(&self) -> TimeseriesDb {
        self.timeseries.clone()
    }

    /// The pool of the read replica, if the settings have one.
    #[must_use]
    pub fn replica(&self) -> Option<TimeseriesDb> {
        self.replica.clone()
    }

    /// The pool for reads that may lag behind: the replica's if there is one, otherwise that of the
    /// time-series database. If the replica fails, reads fail.
    #[must_use]
    pub fn timeseries_reads(&self) -> TimeseriesDb {
        self.replica().unwrap_or_else(|| self.timeseries())
    }
}
