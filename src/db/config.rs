//! Settings of the connections.

use std::fmt;
use std::time::Duration;

use crate::database_url::DatabaseUrl;

/// Both databases, and how connections to them are made.
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
    /// A replica of it for reads that may be a little behind.
    pub timeseries_read_url: Option<DatabaseUrl>,
    /// Each of the connection pools.
    pub pool: PoolConfig,
    /// Whether the server has a batch of ticks on its disk before it says that the batch is stored.
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
    /// Connections at most, 1 to 1000.
    pub size: u32,
    /// How many of them reads leave to writes, 0 to 500; at most half of them. A replica has none.
    pub kept_for_writes: u32,
    /// How many are opened before they are needed and kept open while idle, 0 to 1000.
    pub min_idle: u32,
    /// After this an idle connection beyond `min_idle` is closed.
    pub idle_timeout: Duration,
    /// After this a connection is closed as soon as nobody uses it, so that a new password, a new
    /// address or a new server is found.
    pub max_lifetime: Duration,
    /// How long a call waits for a connection and its answer together.
    pub call_timeout: Duration,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// After this the server gives up a statement.
    pub statement_timeout: Duration,
    /// After this the server gives up waiting for a lock.
    pub lock_timeout: Duration,
    /// When all connections are busy and one has been for longer than this, the pool is replaced
    /// by a new one as soon as the server answers again.
    pub stuck_after: Duration,
    /// Whether the URLs lead to a PgBouncer in transaction mode: no prepared statements and no
    /// session settings, so that the timeouts above must be set for the role.
    pub pgbouncer: bool,
}

impl Default for PoolConfig {
    /// The defaults of `config/default.toml`.
    fn default() -> Self {
        Self {
            size: 20,
            kept_for_writes: 4,
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

/// When the server answers that ticks are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SynchronousCommit {
    /// When they would survive a crash of the server or of its machine.
    #[default]
    On,
    /// Before that, which saves each batch the wait for the disk and **gives up** the batches of
    /// the last moments before a crash of the server or of its machine: up to three times
    /// `wal_writer_delay`, 600 ms unless the server says otherwise. They were answered as stored
    /// and are gone; a batch is gone as a whole and nothing is ever damaged. Only for feeds that
    /// can send the last seconds again, and without effect on anything but ticks.
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
