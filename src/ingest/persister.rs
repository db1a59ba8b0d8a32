//! Single ticks from many tasks to batches in a repository, without losing or doubling one.

mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::worker::{Command, Worker};
use crate::domain::Tick;
use crate::repository::TickRepository;

/// Longer ones could end beyond what an `Instant` holds.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// How a [`TickPersister`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersisterConfig {
    /// Ticks of one batch at most; 0 counts as 1.
    pub batch_size: usize,
    /// How long the first tick of a batch waits for others.
    pub flush_interval: Duration,
    /// Ticks that wait at most, besides those of the batch that is being written; 0 counts as 1.
    pub queue: usize,
    /// Pause after the first failure of a write; every further pause is twice as long.
    pub first_retry_delay: Duration,
    /// The longest pause between two tries.
    pub longest_retry_delay: Duration,
}

impl Default for PersisterConfig {
    /// 1,000 ticks or 100 ms, 100,000 waiting ones, pauses of 100 ms to 30 s.
    fn default() -> Self {
        Self {
            batch_size: 1_000,
            flush_interval: Duration::from_millis(100),
            queue: 100_000,
            first_retry_delay: Duration::from_millis(100),
            longest_retry_delay: Duration::from_secs(30),
        }
    }
}

/// What a [`TickPersister`] did since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PersisterStats {
    /// Ticks accepted.
    pub received: u64,
    /// Ticks that are stored now and were not before.
    pub inserted: u64,
    /// Ticks that were stored already, or came twice.
    pub duplicates: u64,
    /// Ticks whose key was taken by other content.
    pub conflicts: u64,
    /// Ticks that can never be stored.
    pub rejected: u64,
    /// Ticks accepted whose bid was above the ask; they are stored like others.
    pub crossed: u64,
    /// Failed writes; each was tried again, except where a stop ran out of time.
    pub retries: u64,
    /// Ticks accepted of which it is not known yet what became.
    pub queued: u64,
}

/// The persister was stopped; what the call was about did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tick persister was stopped: start another one")]
pub struct PersisterClosed;

/// What [`TickPersister::stop`] leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// Ticks accepted that were not written in time, in the order they came. Those of a write that
    /// was cut off may be stored nevertheless; sending them again stores none twice.
    pub unsaved: Vec<Tick>,
    /// The final numbers.
    pub stats: PersisterStats,
}

/// Writes ticks to a repository in batches, in the order they came.
///
/// A batch is written when it is full or when its first tick has waited long enough. A write that
/// fails is tried again for as long as it takes, whatever the error, so that no accepted tick is
/// lost while the process lives; since writes are idempotent, none is doubled. Conflicts and
/// rejections are logged and counted.
///
/// Clones are handles of the same persister. When all are dropped it writes what was accepted and
/// ends.
#[derive(Debug, Clone)]
pub struct TickPersister {
    commands: mpsc::Sender<Command>,
    stop_at: Arc<watch::Sender<Option<Instant>>>,
    stats: Stats,
    worker: Arc<AsyncMutex<Option<JoinHandle<Vec<Tick>>>>>,
}

impl TickPersister {
    /// Starts writing to `repository`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(repository: Arc<dyn TickRepository>, config: PersisterConfig) -> Self {
        let (commands, receiver) = mpsc::channel(config.queue.clamp(1, Semaphore::MAX_PERMITS));
        let (stop_at, stop_receiver) = watch::channel(None);
        let stats = Stats::default();
        let worker = Worker::new(repository, config, receiver, stop_receiver, stats.clone());
        Self {
            commands,
            stop_at: Arc::new(stop_at),
            stats,
            worker: Arc::new(AsyncMutex::new(Some(tokio::spawn(worker.run())))),
        }
    }

    /// Accepts a tick; waits while the queue is full. Cancelled, it has not accepted it.
    ///
    /// # Errors
    /// After a stop; the tick was not accepted.
    pub async fn push(&self, tick: Tick) -> Result<(), PersisterClosed> {
        let place = self.commands.reserve().await.map_err(|_| PersisterClosed)?;
        {
            let mut stats = self.stats.lock();
            stats.received += 1;
            stats.queued += 1;
            stats.crossed += u64::from(tick.is_crossed());
        }
        place.send(Command::Tick(tick));
        Ok(())
    }

    /// Waits until every tick accepted before is stored, or is known to be a duplicate, a conflict
    /// or rejected. While the repository fails it waits on.
    ///
    /// # Errors
    /// After a stop, or when a stop ran out of time before.
    pub async fn flush(&self) -> Result<(), PersisterClosed> {
        let (done, all_written) = oneshot::channel();
        let command = Command::Flush(done);
        self.commands
            .send(command)
            .await
            .map_err(|_| PersisterClosed)?;
        all_written.await.map_err(|_| PersisterClosed)
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> PersisterStats {
        *self.stats.lock()
    }

    /// Accepts no more ticks, writes what was accepted, and gives up after `patience`.
    ///
    /// Cancelled, it may be called again. The patience of the first call counts, and the unsaved
    /// ticks are handed out once: other calls wait for the same end and report none.
    pub async fn stop(&self, patience: Duration) -> StopReport {
        self.stop_at.send_if_modified(|stop_at| {
            let is_first = stop_at.is_none();
            stop_at.get_or_insert(Instant::now() + patience.min(LONGEST_PATIENCE));
            is_first
        });
        let mut worker = self.worker.lock().await;
        let unsaved = match worker.as_mut() {
            Some(running) => running.await.unwrap_or_else(|error| {
                tracing::error!(%error, "the tick persister ended unexpectedly");
                Vec::new()
            }),
            None => Vec::new(),
        };
        *worker = None;
        StopReport {
            unsaved,
            stats: self.stats(),
        }
    }
}

/// The numbers, shared between the handles and the worker.
#[derive(Debug, Clone, Default)]
struct Stats(Arc<Mutex<PersisterStats>>);

impl Stats {
    fn lock(&self) -> MutexGuard<'_, PersisterStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod faulty;
#[cfg(test)]
mod tests;
