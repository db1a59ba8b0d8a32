//! How a persister works.

use std::path::PathBuf;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::domain::setters;

/// How a [`Persister`](super::Persister) works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersisterConfig {
    /// Records of one batch at most; 0 counts as 1.
    pub batch_size: usize,
    /// How long the first record of a batch waits for others.
    pub flush_interval: Duration,
    /// Records that wait in memory at most, besides those that are being written; 0 counts as 1. A
    /// tick takes some 130 bytes.
    pub queue: usize,
    /// Records written at once at most while there is a backlog; never fewer than `batch_size`.
    pub drain_batch_size: usize,
    /// Delays after failed writes. The longest is how much later than possible the first write after
    /// an outage may begin.
    pub backoff: Backoff,
}

impl Default for PersisterConfig {
    /// 1,000 records or 100 ms, 100,000 waiting ones, 10,000 at once for a backlog, delays of 100 ms
    /// to 1 s.
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
        /// Sets how many records a batch has at most.
        batch_size: usize,
        /// Sets how long the first record of a batch waits for others.
        flush_interval: Duration,
        /// Sets how many records wait in memory at most.
        queue: usize,
        /// Sets how many records are written at once while there is a backlog.
        drain_batch_size: usize,
        /// Sets the delays after failed writes.
        backoff: Backoff,
    }
});

/// When records go to the disk before they go to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpoolMode {
    /// Always. A durable record survives the end of the process at any instant.
    WriteAhead,
    /// From the first failed write on, until the backlog is stored. Records that wait for their first
    /// write are lost with the process.
    OnFailure,
    /// Never: what is not in the database is lost with the process.
    Memory,
}

impl SpoolMode {
    /// All of them.
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

/// What a push does when neither memory nor spool has a place; in the mode [`SpoolMode::Memory`]
/// that is a full queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// It waits.
    Block,
    /// It fails.
    Error,
}

impl OnFull {
    /// Both of them.
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

/// Where and how records are kept on the disk until they are in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolConfig {
    /// When ticks go to the disk.
    pub mode: SpoolMode,
    /// Its files are here; made where it is missing.
    pub directory: PathBuf,
    /// What the records in it may take on the disk.
    pub max_bytes: u64,
    /// What a push does when there is no place.
    pub on_full: OnFull,
}

impl SpoolConfig {
    /// Every record goes to `directory` first, which takes up to 1 GiB; then pushes wait.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            mode: SpoolMode::WriteAhead,
            directory: directory.into(),
            max_bytes: 1 << 30,
            on_full: OnFull::Block,
        }
    }
}

setters!(SpoolConfig {
    set {
        /// Sets when records go to the disk.
        mode: SpoolMode,
        /// Sets what the records may take on the disk.
        max_bytes: u64,
        /// Sets what a push does when there is no place.
        on_full: OnFull,
    }
    into {
        /// Sets where the files are.
        directory: PathBuf,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_is_called_as_in_the_settings() {
        let modes = [
            SpoolMode::WriteAhead,
            SpoolMode::OnFailure,
            SpoolMode::Memory,
        ];
        let names = ["write_ahead", "on_failure", "memory"];
        assert_eq!(modes.map(SpoolMode::as_str), names);
    }
}
