//! Connection settings.

use std::fmt;
use std::time::Duration;

use crate::database_url::DatabaseUrl;

/// The URLs of both databases and the settings of their connections.
///
/// # Examples
///
/// ```
/// use tickbook::DatabaseUrl;
/// use tickbook::db::{DatabaseConfig, DatabasePools};
///
/// # fn main() -> Result<(), tickbook::InvalidDatabaseUrl> {
/// let metadata = DatabaseUrl::parse("postgresql://user:password@127.0.0.1:5432/metadata")?;
/// let timeseries = DatabaseUrl::parse("postgresql://user:password@127.0.0.1:5433/timeseries")?;
/// let mut config = DatabaseConfig::new(metadata, timeseries);
/// config.pool.size = 10;
/// // opens no connection before the first call
/// let pools = DatabasePools::new(&config);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// The database of exchanges, instruments and symbols.
    pub metadata_url: DatabaseUrl,
    /// The database of ticks and candles.
    pub timeseries_url: DatabaseUrl,
    /// A read replica of the time-series database, which may lag behind it.
    pub timeseries_read_url: Option<DatabaseUrl>,
    /// The settings of each connection pool.
    pub pool: PoolConfig,
    /// Whether the server flushes a batch of ticks to its disk before it acknowledges the batch.
    pub synchronous_commit: SynchronousCommit,
}

impl DatabaseConfig {
    /// Both databases with the default settings, without a replica.
    #[must_use]
    pub fn new(metadata_url: DatabaseUrl, timeseries_url: DatabaseUrl) -> Self {
        Self {
            metadata_url,
            timeseries_url,
            timeseries_read_url: None,
            pool: PoolConfig::default(),
            synchronous_commit: SynchronousCommit::default(),
        }
    }
}

/// Settings of each of the connection pools.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolConfig {
    /// The largest number of connections, 1 to 1000.
    pub size: u32,
    /// The number of connections that reads leave free for writes, 0 to 500; at most half of all. Not used
    /// for a replica.
    pub reserved_for_writes: u32,
    /// The number of connections that are opened in advance and remain open while idle, 0 to 1000.
    pub min_idle: u32,
    /// Idle connections beyond `min_idle` are closed after this time.
    pub idle_timeout: Duration,
    /// A connection that has been open for this time is closed when it is not in use, so that a new
    /// password, address or server takes effect.
    pub max_lifetime: Duration,
    /// The longest time that a call waits for a connection and its response together.
    pub call_timeout: Duration,
    /// The longest time of one connection attempt.
    pub connect_timeout: Duration,
    /// The server cancels a statement after this time.
    pub statement_timeout: Duration,
    /// The server cancels waiting for a lock after this time.
    pub lock_timeout: Duration,
    /// If all connections are in use and one of them for longer than this, the pool is replaced as soon as
    /// the server responds again.
    pub stuck_after: Duration,
    /// Whether the URLs point to a PgBouncer in transaction mode. If so, no prepared statements and no
    /// session settings are used, and the timeouts above must be set for the role.
    pub pgbouncer: bool,
}

impl Default for PoolConfig {
    /// The defaults of `config/default.toml`.
    fn default() -> Self {
        Self {
            size: 20,
            reserved_for_writes: 4,
            min_idle: 0,
            idle_timeout: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(1_800),
            call_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(3),
            stuck_after: Duration::from_secs(30),
            pgbouncer: false,
        }
    }
}

/// When the server acknowledges ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SynchronousCommit {
    /// After the ticks are on the server's disk and survive a crash of the server or of its machine.
    #[default]
    On,
    /// Before the ticks are on the server's disk. This saves each batch the wait for the disk and **can
    /// lose** the batches that were acknowledged in the last moments before a crash of the server or of
    /// its machine: up to three times `wal_writer_delay`, 600 ms by default. A batch is lost as a whole,
    /// and nothing is damaged. Use this only for feeds that can send the ticks of the last seconds again.
    /// It affects writes of ticks only.
    Off,
}

impl fmt::Display for SynchronousCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}
