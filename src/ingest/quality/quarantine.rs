//! Writes quarantined ticks or trades to their repository, and to the disk while the database is unavailable.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::Clock;
use crate::backoff::Backoff;
use crate::domain::Tick;
use crate::ingest::record::QuarantinableRecord;
use crate::ingest::store::QuarantineStore;
use crate::ingest::{
    OnFull, Persister, PersisterConfig, PersisterHealth, PersisterStats, Spool, SpoolConfig,
    SpoolError, SpoolMode,
};
use crate::repository::{QuarantineRepository, Quarantined};

/// The directory of the quarantine's spool within that of the ticks or trades.
const FOLDER: &str = "quarantine";
/// Holds more than 100,000 events, even if each is in a block of its own and takes a page.
const MAX_BYTES: u64 = 512 << 20;

const CONFIG: PersisterConfig = PersisterConfig {
    batch_size: 1_000,
    flush_interval: Duration::from_millis(100),
    queue: 100_000,
    drain_batch_size: 1_000,
    backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
};

/// The quarantine was stopped; the event was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quarantine was stopped: start another one")]
pub struct QuarantineClosed;

/// The result of stopping a quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QuarantineReport {
    /// Events that stay on the disk for the next start.
    pub spooled: u64,
    /// Events that are neither in the repository nor on the disk.
    pub lost: u64,
}

impl QuarantineReport {
    /// Creates a report.
    #[must_use]
    pub fn new(spooled: u64, lost: u64) -> Self {
        Self { spooled, lost }
    }
}

/// Writes quarantined ticks, or quarantined trades, to their repository: a [`Persister`] of quarantined
/// events with a spool of its own.
///
/// With a directory, an event is on the disk shortly after it was accepted, and events that the
/// repository does not have at the end are written to it after the next start. Without a directory,
/// events are only in memory. An event that the repository can never store becomes a dead letter of that
/// spool.
///
/// Clones are handles of the same quarantine.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use chrono::{DateTime, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{Rule, SymbolId, Tick, Verdict};
/// use tickbook::ingest::quality::Quarantine;
/// use tickbook::repository::{QuarantineQuery, QuarantinedTick};
///
/// let repository = Repositories::in_memory().quarantine;
/// // without a directory: ticks that the repository does not have are lost with the process
/// let quarantine = Quarantine::open(repository.clone(), None).await?;
/// let time: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
/// let tick = Tick::quote(SymbolId::new(7), time, 2.into(), 1.into());
/// let verdict = Verdict::new(Rule::Crossed, 1.into(), 0.into());
/// quarantine.push(QuarantinedTick::new(tick, verdict, time)).await?;
///
/// let report = quarantine.stop(Duration::from_secs(10)).await;
/// assert_eq!((report.spooled, report.lost), (0, 0));
/// let pending = repository.list(&QuarantineQuery::default()).await?;
/// assert_eq!(pending.items.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Quarantine<E: QuarantinableRecord = Tick> {
    persister: Persister<Quarantined<E>>,
    has_reported: Arc<Mutex<bool>>,
}

impl<E: QuarantinableRecord> Clone for Quarantine<E> {
    fn clone(&self) -> Self {
        Self {
            persister: self.persister.clone(),
            has_reported: Arc::clone(&self.has_reported),
        }
    }
}

impl<E: QuarantinableRecord> Quarantine<E> {
    /// Whether the spool in `directory` may contain events of an earlier run.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        Spool::<Quarantined<E>>::exists(&folder(directory))
    }

    /// The directory of the quarantine's spool within `directory`, which is that of the ticks or trades.
    #[must_use]
    pub fn spool_directory(directory: &Path) -> PathBuf {
        folder(directory)
    }

    /// Opens only the spool of the quarantine in `directory`, to inspect it.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub async fn open_spool(directory: &Path) -> Result<Spool<Quarantined<E>>, SpoolError> {
        Spool::open(&folder(directory), MAX_BYTES).await
    }

    /// Opens or creates the spool of the quarantine in `directory`, which is that of the ticks or trades, and
    /// starts to write its content and new events to `repository`.
    ///
    /// # Errors
    /// As [`Spool::open`]; none without a directory.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn open(
        repository: Arc<dyn QuarantineRepository<E>>,
        directory: Option<&Path>,
    ) -> Result<Self, SpoolError> {
        Self::open_with_clock(repository, directory, Clock::system()).await
    }

    /// As [`open`](Self::open), with the time of `clock`; see [`Persister::open_on`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn open_with_clock(
        repository: Arc<dyn QuarantineRepository<E>>,
        directory: Option<&Path>,
        clock: Clock,
    ) -> Result<Self, SpoolError> {
        let spool = SpoolConfig {
            mode: match directory {
                Some(_) => SpoolMode::WriteAhead,
                None => SpoolMode::Memory,
            },
            directory: directory.map(folder).unwrap_or_default(),
            max_bytes: MAX_BYTES,
            on_full: OnFull::Block,
        };
        let store = Arc::new(QuarantineStore(repository));
        Ok(Self {
            persister: Persister::open_on(store, CONFIG, &spool, clock).await?,
            has_reported: Arc::default(),
        })
    }

    /// Accepts an event; waits while there is no space. If cancelled, it has not accepted the event.
    ///
    /// # Errors
    /// Fails after a stop.
    pub async fn push(&self, event: Quarantined<E>) -> Result<(), QuarantineClosed> {
        // the push waits for space, so a stop is the only cause of an error
        let pushed = self.persister.push(event).await;
        pushed.map_err(|_| QuarantineClosed)
    }

    /// Waits until all events that were accepted before the call are durable, as [`Persister::sync`].
    ///
    /// # Errors
    /// The quarantine ended before.
    pub async fn sync(&self) -> Result<(), QuarantineClosed> {
        self.persister.sync().await.map_err(|_| QuarantineClosed)
    }

    /// The number of events that the repository does not have yet.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.persister.stats().queued
    }

    /// The number of events on the disk. The repository does not have them yet, or has just received them.
    #[must_use]
    pub fn on_disk(&self) -> u64 {
        let content = self.persister.spool_content();
        content.map_or(0, |content| content.records)
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> PersisterStats {
        self.persister.stats()
    }

    /// The current health.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        self.persister.health()
    }

    /// Accepts no more events and waits until the repository has all of them, as [`Persister::stop`]: at most
    /// `patience`, and only until a write fails if all of them are on the disk. A second call reports
    /// nothing.
    pub async fn stop(&self, patience: Duration) -> QuarantineReport {
        let mut has_reported = self.has_reported.lock().await;
        let report = self.persister.stop(patience).await;
        if std::mem::replace(&mut *has_reported, true) {
            return QuarantineReport::default();
        }
        QuarantineReport::new(report.spooled, report.unsaved.len() as u64)
    }

    /// Waits until the quarantine has ended: after a [`stop`](Self::stop), or because of a panic in it, after
    /// which it accepts nothing.
    pub async fn ended(&self) {
        self.persister.ended().await;
    }
}

fn folder(directory: &Path) -> PathBuf {
    directory.join(FOLDER)
}
