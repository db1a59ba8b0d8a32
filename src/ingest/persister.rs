//! Single records from many tasks to batches in a store, without losing or doubling one.

mod ack;
mod batch;
mod error;
mod failures;
mod health;
mod level;
mod meters;
mod settings;
mod shared;
mod spooler;
mod state;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::ack::Ack;
pub use self::error::{PersisterClosed, PushError, Undrained};
pub use self::health::PersisterHealth;
pub use self::level::AckLevel;
pub use self::settings::{OnFull, PersisterConfig, SpoolConfig, SpoolMode};
use self::shared::Shared;
use super::record::Record;
use super::spool::{Spool, SpoolContent, SpoolError};
use super::store::{RecordStore, TickStore};
use crate::Clock;
use crate::domain::Tick;
use crate::repository::TickRepository;

/// Longer ones could end beyond what an `Instant` holds.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// What a [`Persister`] did since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PersisterStats {
    /// Records accepted.
    pub received: u64,
    /// Records that are stored now and were not before.
    pub inserted: u64,
    /// Records that were stored already, or came twice.
    pub duplicates: u64,
    /// Records whose key was taken by other content.
    pub conflicts: u64,
    /// Records that can never be stored.
    pub rejected: u64,
    /// Records accepted whose bid was above the ask; they are stored like others.
    pub crossed: u64,
    /// Records of the spool that were found damaged on the disk and put aside there.
    pub damaged: u64,
    /// Failed writes; each was tried again, except where a stop ran out of time.
    pub retries: u64,
    /// Records accepted, or found in the spool, of which it is not known yet what became.
    pub queued: u64,
}

/// What [`Persister::stop`] leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport<R: Record = Tick> {
    /// Records accepted that were neither written in time nor are in the spool, in the order they
    /// came. Those of a write that was cut off may be stored nevertheless; sending them again stores
    /// none twice.
    pub unsaved: Vec<R>,
    /// Records that stay in the spool for the next start.
    pub spooled: u64,
    /// The final numbers.
    pub stats: PersisterStats,
}

/// Writes ticks to a [`TickRepository`].
pub type TickPersister = Persister<Tick>;

/// Writes records to a store in batches, in the order they came.
///
/// A batch is written when it is full or when its first record has waited long enough. A write that
/// fails is tried again for as long as it takes, whatever the error, so that no accepted record is
/// lost while the process lives; since writes are idempotent, none is doubled. With a spool
/// ([`open_on`](Self::open_on)) a record is safe from the end of the process once it is
/// [durable](AckLevel::Durable), and what was not stored before is stored after the next start.
/// Conflicts and rejections are logged, counted, and kept in the spool as dead letters.
///
/// Clones are handles of the same persister. When all are dropped it writes what was accepted, or
/// leaves it in the spool while the store fails, and ends.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use tickbook::Repositories;
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::{PersisterConfig, TickPersister};
///
/// let config = PersisterConfig::default().batch_size(500);
/// let persister = TickPersister::start(Repositories::in_memory().ticks, config);
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// persister.push(Tick::quote(SymbolId::new(7), time, 1.into(), 2.into())).await?;
///
/// let report = persister.stop(Duration::from_secs(10)).await;
/// assert_eq!((report.stats.inserted, report.unsaved.len()), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Persister<R: Record> {
    shared: Arc<Shared<R>>,
    worker: Arc<AsyncMutex<Option<JoinHandle<Vec<R>>>>>,
    _last: Arc<LastHandle<R>>,
}

impl Persister<Tick> {
    /// Starts writing to `repository`, with what waits in memory only; a push waits for a place.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(repository: Arc<dyn TickRepository>, config: PersisterConfig) -> Self {
        Self::start_on(Arc::new(TickStore(repository)), config)
    }

    /// Opens the spool and starts writing to `repository`, first what the spool holds.
    ///
    /// # Errors
    /// Those of [`open_on`](Self::open_on).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(
        repository: Arc<dyn TickRepository>,
        config: PersisterConfig,
        spool: &SpoolConfig,
    ) -> Result<Self, SpoolError> {
        Self::open_with_clock(repository, config, spool, Clock::system()).await
    }

    /// Opens one like [`open`](Self::open) that takes the time of `clock`, as
    /// [`open_on`](Self::open_on) does.
    ///
    /// # Errors
    /// Those of [`open_on`](Self::open_on).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open_with_clock(
        repository: Arc<dyn TickRepository>,
        config: PersisterConfig,
        spool: &SpoolConfig,
        clock: Clock,
    ) -> Result<Self, SpoolError> {
        Self::open_on(Arc::new(TickStore(repository)), config, spool, clock).await
    }
}

impl<R: Record> Persister<R> {
    /// Starts writing to `store`, with what waits in memory only; a push waits for a place.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start_on(store: Arc<dyn RecordStore<R>>, config: PersisterConfig) -> Self {
        let shared = Shared::new(
            config,
            Clock::system(),
            None,
            SpoolMode::Memory,
            OnFull::Block,
        );
        Self::begin(store, shared)
    }

    /// Opens the spool and starts writing to `store`, first what the spool holds. The time of
    /// `clock` is used for since when records wait on the disk, since when something fails, and when
    /// a dead letter came to be. How long it waits for anything is up to the timers of the runtime.
    ///
    /// # Errors
    /// Those of [`Spool::open`]; none in the mode [`SpoolMode::Memory`], which has no spool.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open_on(
        store: Arc<dyn RecordStore<R>>,
        config: PersisterConfig,
        spool: &SpoolConfig,
        clock: Clock,
    ) -> Result<Self, SpoolError> {
        let open = match spool.mode {
            SpoolMode::WriteAhead | SpoolMode::OnFailure => {
                Some(Spool::open(&spool.directory, spool.max_bytes).await?)
            }
            SpoolMode::Memory => None,
        };
        let shared = Shared::new(config, clock, open, spool.mode, spool.on_full);
        Ok(Self::begin(store, shared))
    }

    fn begin(store: Arc<dyn RecordStore<R>>, shared: Shared<R>) -> Self {
        let shared = Arc::new(shared);
        let worker = tokio::spawn(worker::run(Arc::clone(&shared), store));
        Self {
            worker: Arc::new(AsyncMutex::new(Some(worker))),
            _last: Arc::new(LastHandle(Arc::clone(&shared))),
            shared,
        }
    }

    /// Accepts a record; waits while there is no place for it. Cancelled, it has not accepted it.
    ///
    /// # Errors
    /// After a stop, or when there is no place and [`OnFull::Error`] was chosen; the record was not
    /// accepted.
    pub async fn push(&self, record: R) -> Result<(), PushError> {
        self.shared.accept(record).await.map(|_| ())
    }

    /// Accepts a record like [`push`](Self::push), and tells how to wait for what becomes of it.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub async fn push_with_ack(&self, record: R) -> Result<Ack<R>, PushError> {
        let number = self.shared.accept(record).await?;
        Ok(Ack::new(Arc::clone(&self.shared), number))
    }

    /// Accepts a record and waits until it has reached `level`, without waiting for a batch to fill.
    /// All who wait share one write. Cancelled while waiting, the record may be accepted.
    ///
    /// # Errors
    /// Those of [`push`](Self::push); `Closed` also when the persister stopped before the level was
    /// reached.
    pub async fn push_with(&self, record: R, level: AckLevel) -> Result<(), PushError> {
        let ack = self.push_with_ack(record).await?;
        ack.wait(level).await.map_err(|_| PushError::Closed)
    }

    /// Waits until every record accepted before, and what was in the spool at the start, is stored, or
    /// is known to be a duplicate, a conflict or rejected. While the store fails it waits on.
    ///
    /// # Errors
    /// After a stop, or when a stop ran out of time before.
    pub async fn flush(&self) -> Result<(), PersisterClosed> {
        let number = self.shared.newest()?;
        self.shared.wait(number, AckLevel::Committed).await
    }

    /// Waits like [`flush`](Self::flush), but no longer than `patience`. Nothing is given up by it.
    ///
    /// # Errors
    /// What is left when the time is over, or after a stop.
    pub async fn drain(&self, patience: Duration) -> Result<(), Undrained> {
        match tokio::time::timeout(patience.min(LONGEST_PATIENCE), self.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Undrained {
                left: self.stats().queued,
            }),
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> PersisterStats {
        self.shared.lock().stats
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        health::of(&self.shared)
    }

    /// What the spool holds; `None` without one.
    #[must_use]
    pub fn spool_content(&self) -> Option<SpoolContent> {
        self.shared.spool.as_ref().map(Spool::content)
    }

    /// Waits until it has ended: after a [`stop`](Self::stop), or because of a mistake in it or in
    /// the runtime, after which it takes and stores nothing.
    pub async fn ended(&self) {
        self.shared.ended().await;
    }

    /// Accepts no more records, writes what was accepted, and gives up after `patience`; with a spool,
    /// already when the store fails and everything is on the disk. The file of the spool is
    /// closed when this returns, unless the disk needs more than two seconds longer than `patience`.
    ///
    /// Cancelled, it may be called again. The patience of the first call counts, and the unsaved
    /// records are handed out once: other calls wait for the same end and report none.
    pub async fn stop(&self, patience: Duration) -> StopReport<R> {
        let give_up_at = Instant::now() + patience.min(LONGEST_PATIENCE);
        self.shared.close(Some(give_up_at));
        let mut worker = self.worker.lock().await;
        let unsaved = match worker.as_mut() {
            Some(running) => running.await.unwrap_or_else(|error| {
                tracing::error!(%error, "the persister of {} ended unexpectedly", R::NAMES);
                Vec::new()
            }),
            None => Vec::new(),
        };
        *worker = None;
        StopReport {
            unsaved,
            spooled: self.spool_content().map_or(0, |content| content.records),
            stats: self.stats(),
        }
    }
}

/// Its end is the end of the last handle.
#[derive(Debug)]
struct LastHandle<R: Record>(Arc<Shared<R>>);

impl<R: Record> Drop for LastHandle<R> {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

#[cfg(test)]
mod faulty;
#[cfg(test)]
mod spooled_tests;
#[cfg(test)]
mod tests;
