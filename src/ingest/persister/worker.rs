//! The one task that writes: collects a batch, writes it until it is stored, and so on.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::{PersisterConfig, Stats};
use crate::domain::Tick;
use crate::error::RepositoryError;
use crate::repository::{InsertReceipt, TickRepository};

/// What the handles send, in order.
#[derive(Debug)]
pub(super) enum Command {
    Tick(Tick),
    /// Answered when everything sent before is written.
    Flush(oneshot::Sender<()>),
}

pub(super) struct Worker {
    repository: Arc<dyn TickRepository>,
    config: PersisterConfig,
    commands: mpsc::Receiver<Command>,
    /// When to give up; `None` as long as nobody stops. It changes once, or its senders go with the
    /// last handle, which is a stop that never gives up.
    stop_at: watch::Receiver<Option<Instant>>,
    stopping: bool,
    stats: Stats,
}

/// Ticks to be written together.
struct Batch {
    ticks: Arc<Vec<Tick>>,
    /// Who waits for them.
    flush: Option<oneshot::Sender<()>>,
    /// Whether nothing can come after it.
    is_last: bool,
}

impl Worker {
    pub(super) fn new(
        repository: Arc<dyn TickRepository>,
        config: PersisterConfig,
        commands: mpsc::Receiver<Command>,
        stop_at: watch::Receiver<Option<Instant>>,
        stats: Stats,
    ) -> Self {
        Self {
            repository,
            config,
            commands,
            stop_at,
            stopping: false,
            stats,
        }
    }

    /// Writes until a stop, or until all handles are dropped. Returns what was not written.
    pub(super) async fn run(mut self) -> Vec<Tick> {
        loop {
            let batch = self.collect().await;
            if !self.write(&batch.ticks).await {
                return self.unsaved(&batch.ticks).await;
            }
            if let Some(flush) = batch.flush {
                // who asked may have gone
                let _ = flush.send(());
            }
            if batch.is_last {
                return Vec::new();
            }
        }
    }

    /// Takes ticks until the batch is full, its first tick has waited long enough, somebody wants
    /// it flushed, or no more can come.
    async fn collect(&mut self) -> Batch {
        let mut ticks = Vec::new();
        let mut due = None;
        let (mut flush, mut is_last) = (None, false);
        while ticks.len() < self.config.batch_size.max(1) {
            let next = match due {
                None => self.next().await,
                Some(due) => match timeout_at(due, self.next()).await {
                    Ok(next) => next,
                    Err(_elapsed) => break,
                },
            };
            match next {
                Some(Command::Tick(tick)) => {
                    due.get_or_insert_with(|| Instant::now() + self.config.flush_interval);
                    ticks.push(tick);
                }
                Some(Command::Flush(done)) => {
                    flush = Some(done);
                    break;
                }
                None => {
                    is_last = true;
                    break;
                }
            }
        }
        Batch {
            ticks: Arc::new(ticks),
            flush,
            is_last,
        }
    }

    /// The next command; `None` when the queue is closed and empty.
    async fn next(&mut self) -> Option<Command> {
        if !self.stopping {
            tokio::select! {
                biased;
                _ = self.stop_at.changed() => self.begin_stopping(),
                command = self.commands.recv() => return command,
            }
        }
        self.commands.recv().await
    }

    /// Accepts no more; what was accepted stays in the queue.
    fn begin_stopping(&mut self) {
        self.stopping = true;
        self.commands.close();
    }

    /// Writes until it succeeds: `true`, or until a stop runs out of time: `false`.
    async fn write(&mut self, ticks: &Arc<Vec<Tick>>) -> bool {
        if ticks.is_empty() {
            return true;
        }
        let mut delay = self.config.first_retry_delay;
        loop {
            let attempt = insert(Arc::clone(&self.repository), Arc::clone(ticks));
            match self.before_deadline(attempt).await {
                Some(Ok(receipt)) => {
                    self.record(&receipt, ticks.len());
                    return true;
                }
                Some(Err(error)) => self.record_failure(&error, ticks.len()),
                None => return false,
            }
            let was_stopping = self.stopping;
            if !self.pause(delay).await {
                return false;
            }
            delay = if self.stopping && !was_stopping {
                // little time is left, so that a long pause would waste it
                self.config.first_retry_delay
            } else {
                (delay * 2).min(self.config.longest_retry_delay)
            };
        }
    }

    /// Waits for some time up to `delay`. A stop ends the pause; `false` when its time has run out.
    async fn pause(&mut self, delay: Duration) -> bool {
        let pause = sleep(jittered(delay));
        if self.stopping {
            return self.before_deadline(pause).await.is_some();
        }
        tokio::select! {
            () = pause => {}
            _ = self.stop_at.changed() => self.begin_stopping(),
        }
        true
    }

    /// The output of `future`, or `None` when a stop runs out of time first.
    async fn before_deadline<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        if !self.stopping {
            tokio::select! {
                biased;
                output = &mut future => return Some(output),
                _ = self.stop_at.changed() => self.begin_stopping(),
            }
        }
        let stop_at = *self.stop_at.borrow();
        match stop_at {
            Some(stop_at) => timeout_at(stop_at, future).await.ok(),
            None => Some(future.await),
        }
    }

    fn record(&self, receipt: &InsertReceipt, count: usize) {
        let conflicts = receipt.conflicts.len() as u64;
        let rejected = receipt.rejected.len() as u64;
        if let Some(first) = receipt.conflicts.first() {
            tracing::warn!(
                conflicts,
                first = ?first.refused.key(),
                "ticks were refused because others of their keys are stored"
            );
        }
        if let Some(first) = receipt.rejected.first() {
            tracing::warn!(
                rejected,
                first = ?first.tick.key(),
                reason = first.reason,
                "ticks were rejected because they can never be stored"
            );
        }
        let mut stats = self.stats.lock();
        stats.inserted += receipt.inserted;
        stats.duplicates += receipt.duplicates;
        stats.conflicts += conflicts;
        stats.rejected += rejected;
        stats.queued -= count as u64;
    }

    fn record_failure(&self, error: &RepositoryError, ticks: usize) {
        self.stats.lock().retries += 1;
        if error.is_transient() {
            tracing::warn!(ticks, %error, "ticks are not stored yet: trying again");
        } else {
            tracing::error!(ticks, %error, "ticks are not stored until this is repaired");
        }
    }

    /// All that was accepted and not written, beginning with `ticks`.
    async fn unsaved(mut self, ticks: &[Tick]) -> Vec<Tick> {
        self.commands.close();
        let mut unsaved = ticks.to_vec();
        while let Some(command) = self.commands.recv().await {
            if let Command::Tick(tick) = command {
                unsaved.push(tick);
            }
        }
        unsaved
    }
}

/// One write in a task of its own, so that a panic of the repository is a failure like others.
async fn insert(
    repository: Arc<dyn TickRepository>,
    ticks: Arc<Vec<Tick>>,
) -> Result<InsertReceipt, RepositoryError> {
    let failed = |reason: &dyn ToString| RepositoryError::Internal {
        operation: "insert_batch",
        reason: reason.to_string(),
    };
    // a set rather than a task: dropped when a stop runs out of time, it ends the write
    let mut write = JoinSet::new();
    write.spawn(async move { repository.insert_batch(&ticks).await });
    match write.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(failed(&error)),
        None => Err(failed(&"no write was begun")),
    }
}

/// Between half of `delay` and all of it, so that many writers do not come back at once.
fn jittered(delay: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() as u32;
    delay.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}
