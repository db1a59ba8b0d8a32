//! Settings from compiled-in defaults, files and the environment. Errors are reported together and contain no
//! password.
//!
//! [`Config::load`] reads the settings of the library. [`SettingsReader`] also reads the settings of a
//! program that uses it.

use std::fmt;
use std::time::Duration;

use crate::database_url::DatabaseUrl;
use crate::db::{DatabaseConfig, PoolConfig, SynchronousCommit};
use crate::error::Database;
use crate::ingest::{OnFull, PersisterConfig, SpoolConfig, SpoolMode};
use crate::retention::RetentionPolicies;

mod books;
mod layers;
mod policies;
mod quality;
mod reader;
mod sections;
mod written;

pub use books::BooksConfig;
pub use quality::QualityConfig;
pub use reader::{Settings, SettingsReader};
pub use sections::Sections;

/// All settings of the library, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Both databases and their connection pools.
    pub database: DatabaseConfig,
    /// Batches of ticks.
    pub ticks: TickConfig,
    /// The spool, which holds ticks until the database has stored them.
    pub spool: SpoolConfig,
    /// The data-quality rules that ticks of a feed are checked against before they are written.
    pub quality: QualityConfig,
    /// Settings of the stored order books of feeds.
    pub books: BooksConfig,
    /// Retention, compression and refresh.
    pub policies: RetentionPolicies,
}

/// The conditions for writing a batch of ticks, and the number of ticks that may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickConfig {
    /// A batch is written when it has this many ticks, 1 to 100,000 …
    pub batch_size: usize,
    /// … or when its first tick has waited this long.
    pub flush_interval: Duration,
    /// The maximum number of ticks that wait in memory, 1 to 10,000,000.
    pub queue: usize,
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

/// All errors in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidConfig {
    /// One line per error, with the setting, the problem and the remedy.
    pub problems: Vec<String>,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid settings:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidConfig {}

impl Config {
    /// Returns `None` if it recorded a problem.
    fn read(checked: &mut Sections<'_>) -> Option<Self> {
        let metadata_url = checked.url(Database::Metadata);
        let timeseries_url = checked.url(Database::Timeseries);
        let timeseries_read_url = checked.read_url();
        let pool = PoolConfig {
            size: checked.number("pool.size", 1, 1_000),
            reserved_for_writes: checked.number("pool.reserved_for_writes", 0, 500),
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
        let synchronous_commit = checked.synchronous_commit();
        let ticks = TickConfig {
            batch_size: checked.number("ticks.batch_size", 1, 100_000),
            flush_interval: checked.millis("ticks.flush_interval_ms", 60_000),
            queue: checked.number("ticks.queue", 1, 10_000_000),
        };
        let spool = checked.spool();
        let quality = checked.quality();
        let books = checked.books();
        let policies = checked.policies();
        Some(Self {
            database: DatabaseConfig {
                metadata_url: metadata_url?,
                timeseries_url: timeseries_url?,
                timeseries_read_url: timeseries_read_url?,
                pool,
                synchronous_commit,
            },
            ticks,
            spool: spool?,
            quality,
            books,
            policies: policies?,
        })
    }
}

impl Sections<'_> {
    fn url(&mut self, database: Database) -> Option<DatabaseUrl> {
        let key = match database {
            Database::Metadata => "metadata.url",
            Database::Timeseries => "timeseries.url",
            Database::Replica => "timeseries.read_url",
        };
        let Ok(text) = self.layers.get_string(key) else {
            let problem = format!("{key} must be a string such as postgresql://…");
            self.problems.push(problem);
            return None;
        };
        match DatabaseUrl::parse(&text) {
            Ok(url) => Some(url),
            Err(error) => {
                let variable = database.url_variable();
                self.problems
                    .push(format!("{key} ({variable}) is invalid: {error}"));
                None
            }
        }
    }

    /// Reads the optional URL of the replica. Returns `None` if it recorded a problem.
    fn read_url(&mut self) -> Option<Option<DatabaseUrl>> {
        let text = self.layers.get_string("timeseries.read_url");
        if text.is_ok_and(|text| text.is_empty()) {
            return Some(None);
        }
        self.url(Database::Replica).map(Some)
    }

    fn synchronous_commit(&mut self) -> SynchronousCommit {
        let key = "ticks.synchronous_commit";
        match self.layers.get_string(key).as_deref() {
            Ok("on") => SynchronousCommit::On,
            Ok("off") => SynchronousCommit::Off,
            _ => {
                self.problems
                    .push(format!("{key} must be \"on\" or \"off\", in quotes"));
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
            let problem = "spool.directory must be the path of a directory";
            self.problems.push(problem.to_owned());
        }
        Some(SpoolConfig {
            mode: mode?,
            directory: directory.into(),
            max_bytes,
            on_full: on_full?,
        })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_loading;
#[cfg(test)]
mod tests_programs;
