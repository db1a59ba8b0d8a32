//! The persister: collects single records from many tasks into batches and stores each of them once.

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
pub use self::error::{DrainTimeout, PersisterClosed, PushError};
pub use self::health::PersisterHealth;
pub use self::level::AckLevel;
pub use self::settings::{OnFull, PersisterConfig, SpoolConfig, SpoolMode};
use self::shared::Shared;
use super::record::{BookRecord, Record};
use super::spool::{Spool, SpoolContent, SpoolError};
use super::store::{RecordStore, RepositoryRecord};
use crate::Clock;
use crate::domain::{Tick, Trade};

/// The longest patience; an `Instant` could not represent the end of longer ones.
pub(super) const MAX_PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// Counts of a [`Persister`] since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PersisterStats {
    /// Accepted records.
    pub received: u64,
    /// Records that were inserted.
    pub inserted: u64,
    /// Records that were stored before, or were repeated.
    pub duplicates: u64,
    /// Records whose key was taken by other content.
    pub conflicts: u64,
    /// Records that can never be stored.
    pub rejected: u64,
    /// Accepted records whose bid was above the ask; they are stored like others.
    pub crossed: u64,
    /// Records of the spool that were damaged on the disk and set aside there.
    pub damaged: u64,
    /// Failed writes; each was retried, unless a stop ran out of time.
    pub retries: u64,
    /// Records that were accepted, or found in the spool, and have no result yet.
    pub queued: u64,
}

/// The result of [`Persister::stop`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport<R: Record = Tick> {
    /// Accepted records that were not written in time and are not in the spool, in arrival order. Records of
    /// an aborted write may be stored nevertheless; sending them again stores none twice.
    pub unsaved: Vec<R>,
    /// Records that stay in the spool for the next start.
    pub spooled: u64,
    /// The final counts.
    pub stats: PersisterStats,
}

/// Writes ticks to a [`TickRepository`](crate::repository::TickRepository).
pub type TickPersister = Persister<Tick>;

/// Writes trades to a [`TradeRepository`](crate::repository::TradeRepository).
pub type TradePersister = Persister<Trade>;

/// Writes rows of order books to an [`OrderBookRepository`](crate::repository::OrderBookRepository).
pub type BookPersister = Persister<BookRecord>;

/// Writes records to a store in batches, in the order of their arrival.
///
/// A batch is written when it is full or when its first record has waited long enough. A failed write
/// is retried without a limit, for any error, so that no accepted record is lost while the process
/// lives; writes are idempotent, so none is stored twice. With a spool ([`open_on`](Self::open_on)) a
/// [durable](AckLevel::Durable) record survives the end of the process, and records that are not yet
/// stored are stored after the next start. Conflicts and rejected records are logged, counted, and
/// stored in the spool as dead letters.
///
/// Clones are handles of the same persister. When all are dropped, it writes the accepted records, or
/// leaves them in the spool while the store fails, and ends.
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

impl<R: RepositoryRecord> Persister<R> {
    /// Starts writing to `repository`. Records wait in memory only, and a push waits for space.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn start(repository: Arc<R::Repository>, config: PersisterConfig) -> Self {
        Self::start_on(R::store(repository), config)
    }

    /// Opens the spool and starts writing to `repository`, beginning with the content of the spool.
    ///
    /// # Errors
    /// As [`open_on`](Self::open_on).
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn open(
        repository: Arc<R::Repository>,
        config: PersisterConfig,
        spool: &SpoolConfig,
    ) -> Result<Self, SpoolError> {
        Self::open_with_clock(repository, config, spool, Clock::system()).await
    }

    /// As [`open`](Self::open), with the time of `clock`; see [`open_on`](Self::open_on).
    ///
    /// # Errors
    /// As [`open_on`](Self::open_on).
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn open_with_clock(
        repository: Arc<R::Repository>,
        config: PersisterConfig,
        spool: &SpoolConfig,
        clock: Clock,
    ) -> Result<Self, SpoolError> {
        Self::open_on(R::store(repository), config, spool, clock).await
    }
}

impl<R: Record> Persister<R> {
    /// Starts writing to `store`. Records wait in memory only, and a push waits for space.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
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

    /// Opens the spool and starts writing to `store`, beginning with the content of the spool. `clock` gives
    /// the times since when records wait on the disk and since when something fails, and the times of dead
    /// letters. The timers of the runtime decide how long it waits.
    ///
    /// # Errors
    /// As [`Spool::open`]; none in the mode [`SpoolMode::Memory`], which has no spool.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
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

    /// Accepts a record; waits while there is no space. If cancelled, it has not accepted the record.
    ///
    /// # Errors
    /// Fails after a stop, and with [`OnFull::Error`] if there is no space; then the record was not accepted.
    pub async fn push(&self, record: R) -> Result<(), PushError> {
        self.shared.accept(record).await.map(|_| ())
    }

    /// Accepts a record if there is space at once; otherwise, and after a stop, returns it.
    pub(crate) fn try_push(&self, record: R) -> Result<(), R> {
        self.shared.try_accept(record)
    }

    /// Accepts a record like [`push`](Self::push), and returns a handle to wait for its result.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub async fn push_with_ack(&self, record: R) -> Result<Ack<R>, PushError> {
        let number = self.shared.accept(record).await?;
        Ok(Ack::new(Arc::clone(&self.shared), number))
    }

    /// Accepts a record and waits until it has reached `level`, without waiting for a batch to fill.
    /// Concurrent callers share one write. If cancelled while waiting, the record may be accepted.
    ///
    /// # Errors
    /// As [`push`](Self::push); also `Closed` if the persister stopped before the record reached the level.
    pub async fn push_with(&self, record: R, level: AckLevel) -> Result<(), PushError> {
        let ack = self.push_with_ack(record).await?;
        ack.wait(level).await.map_err(|_| PushError::Closed)
    }

    /// Waits until all records that were accepted before the call are [durable](AckLevel::Durable), without waiting
    /// for a batch to fill. Also waits during a stop.
    ///
    /// # Errors
    /// Fails if the persister ended before.
    pub async fn sync(&self) -> Result<(), PersisterClosed> {
        let newest = self.shared.lock().newest();
        self.shared.wait(newest, AckLevel::Durable).await
    }

    /// Waits until all records that were accepted before the call, and the content that the spool had at
    /// the start, are stored or known to be duplicates, conflicts or rejected. Continues to wait while
    /// the store fails.
    ///
    /// # Errors
    /// Fails after a stop, and if a stop runs out of time first.
    pub async fn flush(&self) -> Result<(), PersisterClosed> {
        let number = self.shared.newest()?;
        self.shared.wait(number, AckLevel::Committed).await
    }

    /// Waits like [`flush`](Self::flush), for at most `patience`. Does not abandon any record.
    ///
    /// # Errors
    /// Returns the number of records that are left after `patience` or after a stop.
    pub async fn drain(&self, patience: Duration) -> Result<(), DrainTimeout> {
        match tokio::time::timeout(patience.min(MAX_PATIENCE), self.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(DrainTimeout {
                remaining: self.stats().queued,
            }),
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> PersisterStats {
        self.shared.lock().stats
    }

    /// The current health.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        health::of(&self.shared)
    }

    /// The content of the spool; `None` without a spool.
    #[must_use]
    pub fn spool_content(&self) -> Option<SpoolContent> {
        self.shared.spool.as_ref().map(Spool::content)
    }

    /// Waits until the persister has ended: after a [`stop`](Self::stop), or because of a panic in it or the
    /// end of the runtime, after which it accepts and stores nothing.
    pub async fn ended(&self) {
        self.shared.ended().await;
    }

    /// Accepts no more records, writes the accepted ones, and gives up after `patience`; with a spool, as
    /// soon as the store fails and everything is on the disk. The file of the spool is closed when this
    /// returns, unless the disk needs more than two seconds longer than `patience`.
    ///
    /// If cancelled, it may be called again. The patience of the first call counts, and only one call returns
    /// the unsaved records; other calls wait for the same end and report none.
    pub async fn stop(&self, patience: Duration) -> StopReport<R> {
        let give_up_at = Instant::now() + patience.min(MAX_PATIENCE);
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

/// Shared by all handles of a persister. Its drop, with the last handle, ends the persister.
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
