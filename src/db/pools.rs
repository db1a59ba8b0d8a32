//! Both connection pools.

mod calls;

use std::sync::Arc;

use crate::error::Database;

use super::config::DatabaseConfig;
use super::connect::PasswordProvider;
use super::executor::Executor;

/// The pool of the metadata database. Cloning shares it.
#[derive(Debug, Clone)]
pub struct MetadataDb(Arc<Executor>);

/// The pool of the time-series database. Cloning shares it.
#[derive(Debug, Clone)]
pub struct TimeseriesDb(Arc<Executor>);

/// Both pools, and one of a read replica where there is one, 20 connections each by default. Cloning
/// shares them.
#[derive(Debug, Clone)]
pub struct DatabasePools {
    metadata: MetadataDb,
    timeseries: TimeseriesDb,
    replica: Option<TimeseriesDb>,
}

impl DatabasePools {
    /// Makes the pools without waiting for a connection: the first call of a repository opens one,
    /// unless `pool.min_idle` says that some are opened before.
    #[must_use]
    pub fn new(config: &DatabaseConfig) -> Self {
        Self::of(config, None)
    }

    /// Makes the pools with passwords of `passwords` instead of those of the URLs, asked for each
    /// connection that is opened: a password that changes needs no restart.
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

    /// The pool of the read replica, where the settings name one.
    #[must_use]
    pub fn replica(&self) -> Option<TimeseriesDb> {
        self.replica.clone()
    }

    /// The pool for reads that may be a little behind: that of the replica, which fails when the
    /// replica does, else that of the time-series database.
    #[must_use]
    pub fn timeseries_reads(&self) -> TimeseriesDb {
        self.replica().unwrap_or_else(|| self.timeseries())
    }
}
