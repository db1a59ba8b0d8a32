//! Settings of the persister and its spool.

use std::path::PathBuf;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::domain::setters;

/// Settings of a [`Persister`](super::Persister).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersisterConfig {
    /// Maximum number of records in a batch; 0 counts as 1.
    pub batch_size: usize,
    /// The time for which the first record of a batch waits for others.
    pub flush_interval: Duration,
    /// Maximum number of records that wait in memory, in addition to those being written; 0 counts as 1. A
    /// tick takes some 130 bytes.
    pub queue: usize,
    /// Maximum number of records in one write while there is a backlog; at least `batch_size`.
    pub drain_batch_size: usize,
    /// The delays after failed writes. The longest delay is also the longest time between the end of an
    /// outage and the next write.
    pub backoff: Backoff,
}

impl Default for PersisterConfig {
    /// 1,000 records or 100 ms, a queue of 100,000 records, 10,000 records in a write of a backlog, delays of
    /// 100 ms to 1 s.
    fn default() -> Self {
        Self {
            batch_size: 1_000,
            flush_interval: Duration::from_millis(100),
            queue: 100_000,
            drain_batch_size: 10_000,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
        }
    }
}

setters!(PersisterConfig {
    set {
        /// Sets the maximum number of records in a batch.
        batch_size: usize,
        /// Sets the time for which the first record of a batch waits for others.
        flush_interval: Duration,
        /// Sets the maximum number of records that wait in memory.
        queue: usize,
        /// Sets the maximum number of records in one write while there is a backlog.
        drain_batch_size: usize,
        /// Sets the delays after failed writes.
        backoff: Backoff,
    }
});

/// When records are written to the disk before they are written to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpoolMode {
    /// Always. A durable record survives the end of the process at any instant.
    WriteAhead,
    /// From the first failed write until the backlog is stored. Records that wait for their first write are
    /// lost with the process.
    OnFailure,
    /// Never: records that are not in the database are lost with the process.
    Memory,
}

impl SpoolMode {
    /// All modes.
    pub const ALL: &'static [Self] = &[Self::WriteAhead, Self::OnFailure, Self::Memory];

    /// `write_ahead`, `on_failure` or `memory`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WriteAhead => "write_ahead",
            Self::OnFailure => "on_failure",
            Self::Memory => "memory",
        }
    }
}

/// The behaviour of a push if neither memory nor spool has space; in the mode [`SpoolMode::Memory`], if the
/// queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// The push waits.
    Block,
    /// The push fails.
    Error,
}

impl OnFull {
    /// Both values.
    pub const ALL: &'static [Self] = &[Self::Block, Self::Error];

    /// `block` or `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Error => "error",
        }
    }
}

/// The directory of the spool of trades within that of the ticks.
const TRADES: &str = "trades";

/// The directory of the spool of order books within that of the ticks.
const BOOKS: &str = "books";

/// The spool: where and how records are stored on the disk until they are in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolConfig {
    /// When ticks are written to the disk.
    pub mode: SpoolMode,
    /// The directory of its files; created if it is missing.
    pub directory: PathBuf,
    /// Maximum size of its records on the disk.
    pub max_bytes: u64,
    /// The behaviour of a push if there is no space.
    pub on_full: OnFull,
}

impl SpoolConfig {
    /// Creates settings of a spool in `directory` that takes every record first, holds up to 1 GiB, and makes
    /// pushes wait when it is full.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            mode: SpoolMode::WriteAhead,
            directory: directory.into(),
            max_bytes: 1 << 30,
            on_full: OnFull::Block,
        }
    }

    /// The settings of the spool of trades of a program whose spool of ticks has these settings: the same limits,
    /// in the directory `trades` within that of the ticks.
    #[must_use]
    pub fn of_trades(&self) -> Self {
        Self {
            directory: self.directory.join(TRADES),
            ..self.clone()
        }
    }

    /// The settings of the spool of order books of such a program: the same limits, in the directory `books`.
    #[must_use]
    pub fn of_books(&self) -> Self {
        Self {
            directory: self.directory.join(BOOKS),
            ..self.clone()
        }
    }
}

setters!(SpoolConfig {
    set {
        /// Sets when records are written to the disk.
        mode: SpoolMode,
        /// Sets the maximum size of its records on the disk.
        max_bytes: u64,
        /// Sets the behaviour of a push if there is no space.
        on_full: OnFull,
    }
    into {
        /// Sets the directory of its files.
        directory: PathBuf,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_is_named_as_in_the_settings() {
        let modes = [
            SpoolMode::WriteAhead,
            SpoolMode::OnFailure,
            SpoolMode::Memory,
        ];
        let names = ["write_ahead", "on_failure", "memory"];
        assert_eq!(modes.map(SpoolMode::as_str), names);
    }
}
