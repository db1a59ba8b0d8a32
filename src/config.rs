//! Settings: compiled-in defaults, files, environment. All errors at once, no password in any.

use std::fmt;
use std::time::Duration;

use config::Value;

use crate::database_url::DatabaseUrl;
use crate::error::Database;
use crate::ingest::{OnFull, PersisterConfig, SpoolConfig, SpoolMode};
use crate::policies::Policies;

mod layers;
mod loading;
mod policies;
mod quality;
mod receivers;
mod server;
mod written;

use layers::VARIABLES;
pub use loading::Settings;
pub use quality::QualityConfig;
pub use receivers::{BrokerUrl, RabbitMqConfig, WebSocketConfig};
pub use server::{ServerConfig, parse_listen};

/// Every setting, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where exchanges, instruments and symbols are.
    pub metadata_url: DatabaseUrl,
    /// Where ticks and candles are.
    pub timeseries_url: DatabaseUrl,
    /// A replica of it for reads that may be a little behind.
    pub timeseries_read_url: Option<DatabaseUrl>,
    /// The connection pools.
    pub pool: PoolConfig,
    /// Batches of ticks.
    pub ticks: TickConfig,
    /// Where ticks are kept until the database has them.
    pub spool: SpoolConfig,
    /// What ticks of a feed are looked at for before they are written.
    pub quality: QualityConfig,
    /// What is kept, compressed and refreshed.
    pub policies: Policies,
    /// The order-book server.
    pub server: ServerConfig,
    /// Its WebSocket clients.
    pub websocket: WebSocketConfig,
    /// Its RabbitMQ exchange.
    pub rabbitmq: RabbitMqConfig,
}

/// Settings of each of the connection pools.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// When a batch of ticks is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickConfig {
    /// When it has so many ticks, 1 to 100,000 …
    pub batch_size: usize,
    /// … or when its first tick has waited for so long.
    pub flush_interval: Duration,
    /// Whether the server has a batch on its disk before it says that the batch is stored.
    pub synchronous_commit: SynchronousCommit,
    /// Ticks that wait in memory at most, 1 to 10,000,000.
    pub queue: usize,
}

/// When the server answers that ticks are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

impl From<&TickConfig> for PersisterConfig {
    fn from(ticks: &TickConfig) -> Self {
        Self {
            batch_size: ticks.batch_size,
            flush_interval: ticks.flush_interval,
            queue: ticks.queue,
            ..Self::default()
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig {
    /// One line for each, with the setting, what is wrong and what to do.
    pub problems: Vec<String>,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are wrong:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidConfig {}

struct Checked<'a> {
    layers: &'a config::Config,
    problems: &'a mut Vec<String>,
}

impl Checked<'_> {
    fn read(layers: &config::Config, problems: &mut Vec<String>) -> Option<Config> {
        let mut checked = Checked { layers, problems };
        let metadata_url = checked.url(Database::Metadata);
        let timeseries_url = checked.url(Database::Timeseries);
        let timeseries_read_url = checked.read_url();
        let pool = PoolConfig {
            size: checked.number("pool.size", 1, 1_000),
            kept_for_writes: checked.number("pool.kept_for_writes", 0, 500),
            min_idle: checked.number("pool.min_idle", 0, 1_000),
            idle_timeout: checked.millis("pool.idle_timeout_ms", 86_400_000),
            max_lifetime: checked.millis("pool.max_lifetime_ms", 604_800_000),
            call_timeout: checked.millis("pool.call_timeout_ms", 600_000),
            connect_timeout: checked.millis("pool.connect_timeout_ms", 600_000),
            statement_timeout: checked.millis("pool.statement_timeout_ms", 600_000),
            lock_timeout: checked.millis("pool.lock_timeout_ms", 600_000),
            stuck_after: checked.millis("pool.stuck_after_ms", 3_600_000),
            pgbouncer: checked.flag("pool.pgbouncer"),
        };
        let ticks = TickConfig {
            batch_size: checked.number("ticks.batch_size", 1, 100_000),
            flush_interval: checked.millis("ticks.flush_interval_ms", 60_000),
            synchronous_commit: checked.synchronous_commit(),
            queue: checked.number("ticks.queue", 1, 10_000_000),
        };
        let spool = checked.spool();
        let quality = checked.quality();
        let policies = checked.policies();
        let server = checked.server();
        let websocket = checked.websocket();
        let rabbitmq = checked.rabbitmq();
        Some(Config {
            metadata_url: metadata_url?,
            timeseries_url: timeseries_url?,
            timeseries_read_url: timeseries_read_url?,
            pool,
            ticks,
            spool: spool?,
            quality,
            policies: policies?,
            server: server?,
            websocket,
            rabbitmq: rabbitmq?,
        })
    }

    fn url(&mut self, database: Database) -> Option<DatabaseUrl> {
        let key = match database {
            Database::Metadata => "metadata.url",
            Database::Timeseries => "timeseries.url",
            Database::Replica => "timeseries.read_url",
        };
        let Ok(text) = self.layers.get_string(key) else {
            let problem = format!("{key} must be a text: write postgresql://…");
            self.problems.push(problem);
            return None;
        };
        match DatabaseUrl::parse(&text) {
            Ok(url) => Some(url),
            Err(error) => {
                let variable = database.url_variable();
                self.problems
                    .push(format!("{key} ({variable}) is no database URL: {error}"));
                None
            }
        }
    }

    /// The URL of the replica, if there is one; `None` where a problem is noted.
    fn read_url(&mut self) -> Option<Option<DatabaseUrl>> {
        let text = self.layers.get_string("timeseries.read_url");
        if text.is_ok_and(|text| text.is_empty()) {
            return Some(None);
        }
        self.url(Database::Replica).map(Some)
    }

    /// The number of `key`; where it is none or out of range a problem is noted and `low` returned.
    fn number<T: TryFrom<i64> + Default>(&mut self, key: &str, low: i64, high: i64) -> T {
        let number = self.layers.get::<Value>(key).ok().and_then(|value| {
            let text = value.into_string().ok()?;
            text.trim().parse::<i64>().ok()
        });
        match number {
            Some(number) if (low..=high).contains(&number) => {
                T::try_from(number).unwrap_or_default()
            }
            _ => {
                let variable = VARIABLES
                    .iter()
                    .find(|(_, known)| *known == key)
                    .map_or(String::new(), |(name, _)| format!(" ({name})"));
                self.problems.push(format!(
                    "{key}{variable} is no whole number from {low} to {high}: set it to one"
                ));
                T::default()
            }
        }
    }

    fn millis(&mut self, key: &str, high: i64) -> Duration {
        Duration::from_millis(self.number(key, 1, high))
    }

    /// The flag of `key`; where it is none a problem is noted and `false` returned.
    fn flag(&mut self, key: &str) -> bool {
        self.layers.get_bool(key).unwrap_or_else(|_| {
            self.problems.push(format!(
                "{key} is neither true nor false: set it to one of both"
            ));
            false
        })
    }

    fn synchronous_commit(&mut self) -> SynchronousCommit {
        let key = "ticks.synchronous_commit";
        match self.layers.get_string(key).as_deref() {
            Ok("on") => SynchronousCommit::On,
            Ok("off") => SynchronousCommit::Off,
            _ => {
                self.problems.push(format!(
                    "{key} is neither \"on\" nor \"off\": write one of them, in quotes"
                ));
                SynchronousCommit::On
            }
        }
    }

    fn spool(&mut self) -> Option<SpoolConfig> {
        let modes = [
            SpoolMode::WriteAhead,
            SpoolMode::OnFailure,
            SpoolMode::Memory,
        ];
        let mode = self.one_of("spool.mode", modes, SpoolMode::as_str);
        let on_full = self.one_of(
            "spool.on_full",
            [OnFull::Block, OnFull::Error],
            OnFull::as_str,
        );
        let max_bytes = self.number("spool.max_bytes", 1 << 20, 1 << 50);
        let directory = self.layers.get_string("spool.directory");
        let directory = directory.unwrap_or_default();
        if directory.is_empty() {
            let problem = "spool.directory is no path: name a folder";
            self.problems.push(problem.to_owned());
        }
        Some(SpoolConfig {
            mode: mode?,
            directory: directory.into(),
            max_bytes,
            on_full: on_full?,
        })
    }

    /// The one of `known` whose name `key` has; where it has none a problem is noted.
    fn one_of<T: Copy, const N: usize>(
        &mut self,
        key: &str,
        known: [T; N],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.layers.get_string(key).unwrap_or_default();
        let found = known.into_iter().find(|one| name(*one) == text);
        if found.is_none() {
            let names = known.map(name).join(" or ");
            self.problems.push(format!("{key} must be {names}"));
        }
        found
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_loading;
