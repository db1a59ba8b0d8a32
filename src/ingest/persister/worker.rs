//! The task that writes to the store, and the end of the persister.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use self::letters::DeadLetters;
use super::batch::{DiskRange, NextStep, RecordBatch, WriterInput};
use super::failures::SpoolPart;
use super::shared::{Shared, ShutdownPhase};
use super::spooler;
use crate::error::RepositoryError;
use crate::ingest::record::Record;
use crate::ingest::spool::SpoolRead;
use crate::ingest::store::{RecordStore, StoreReceipt};

/// The time that the disk has at the end for records in memory.
const GRACE: Duration = Duration::from_secs(1);

/// Writes until a stop, or until all handles are dropped. Returns the records that are neither written nor on
/// the disk.
pub(super) async fn run<R: Record>(
    shared: Arc<Shared<R>>,
    store: Arc<dyn RecordStore<R>>,
) -> Vec<R> {
    // notes the end of this task, for any reason, so that no caller waits for it
    let ending = Ending(Arc::clone(&shared));
    // a `JoinSet` aborts the spooler if this task is dropped
    let mut spooler = JoinSet::new();
    if let Some(spool) = &shared.spool {
        spooler.spawn(spooler::run(Arc::clone(&shared), spool.clone()));
    }
    let writing = StoreWriter::new(Arc::clone(&shared), store).run();
    tokio::pin!(writing);
    let in_hand = tokio::select! {
        in_hand = &mut writing => in_hand,
        // it ends after the writer, unless it panics
        Some(spooler) = spooler.join_next() => {
            tracing::error!(?spooler, "the writer of {} to the disk ended unexpectedly", R::NAMES);
            shared.close(Some(Instant::now()));
            writing.await
        }
    };
    {
        let mut state = shared.lock();
        state.writer_done = true;
        if shared.spool.is_some() && !state.spooling {
            // the writer's batches are older than the open records
            state.spooling = true;
            state.unspooled.clone_from(&in_hand);
        }
    }
    shared.to_spooler.notify_one();
    let shutdown_phase = *shared.shutdown_phase().borrow();
    let until = match shutdown_phase {
        ShutdownPhase::Closing(Some(until)) => {
            let until = until.max(Instant::now()) + GRACE;
            // the state has the remaining records, whether the spooler ended in time or not
            let _ = timeout_at(until, spooler.join_next()).await;
            until
        }
        ShutdownPhase::Closing(None) | ShutdownPhase::Running => {
            spooler.join_next().await;
            Instant::now()
        }
    };
    let unsaved = shared.lock().take_unsaved(in_hand);
    if let Some(spool) = &shared.spool {
        // close the spool, so that the next start finds its directory unlocked
        let until = until.max(Instant::now() + GRACE);
        if timeout_at(until, spool.clone().close()).await.is_err() {
            tracing::warn!(
                directory = %spool.directory().display(),
                "the disk is busy: the spool stays in use by this process until its file is closed"
            );
        }
    }
    drop(ending);
    unsaved
}

struct Ending<R: Record>(Arc<Shared<R>>);

impl<R: Record> Drop for Ending<R> {
    fn drop(&mut self) {
        self.0.end();
    }
}

mod letters;
mod outcome;

struct StoreWriter<R: Record> {
    shared: Arc<Shared<R>>,
    store: Arc<dyn RecordStore<R>>,
    shutdown_phase: watch::Receiver<ShutdownPhase>,
    closing: bool,
    /// Batches that were taken and are not written yet.
    in_hand: VecDeque<RecordBatch<R>>,
    is_failing: bool,
    /// Maximum number of records in a write; smaller after a timeout.
    max_records: usize,
    dead_letters: DeadLetters<R>,
    /// The number of accepted records in the counters.
    reported_received: u64,
}

impl<R: Record> StoreWriter<R> {
    fn new(shared: Arc<Shared<R>>, store: Arc<dyn RecordStore<R>>) -> Self {
        let max_records = shared.lock().config.drain_batch_size;
        Self {
            shutdown_phase: shared.shutdown_phase(),
            shared,
            store,
            closing: false,
            in_hand: VecDeque::new(),
            is_failing: false,
            max_records,
            dead_letters: DeadLetters::default(),
            reported_received: 0,
        }
    }

    /// Returns the batches that it has taken and not written.
    async fn run(mut self) -> Vec<RecordBatch<R>> {
        let mut delays = self.shared.lock().config.backoff.delays();
        while self.take().await {
            let (records, number) = self.next_write();
            let attempt = insert(Arc::clone(&self.store), Arc::clone(&records));
            match self.before_deadline(attempt).await {
                Some(Ok(receipt)) => {
                    delays.reset();
                    self.record(receipt, number, records.len()).await;
                    continue;
                }
                Some(Err(error)) => self.record_failure(&error, records.len()),
                None => break,
            }
            if self.closing && self.shared.lock().is_all_spooled() {
                break;
            }
            let was_closing = self.closing;
            if !self.pause(delays.next_delay()).await {
                break;
            }
            if self.closing && !was_closing {
                // a long delay would use up the little time that is left
                delays.reset();
            }
        }
        self.keep_last_letters().await;
        self.in_hand.into()
    }

    /// Waits until there is something to write. Returns `false` if nothing will arrive or no time is left.
    async fn take(&mut self) -> bool {
        while self.in_hand.is_empty() {
            let step = self.shared.lock().writer_step(self.max_records);
            match step {
                NextStep::Do(WriterInput::Memory(batches)) => {
                    let count = batches.iter().map(|batch| batch.records.len()).sum();
                    self.shared.release_queue_permits(count);
                    self.in_hand = batches.into();
                }
                NextStep::Do(WriterInput::Disk(on_disk)) => {
                    if !self.read(on_disk).await {
                        return false;
                    }
                }
                NextStep::Wait(at) => {
                    let retry_at = self.retry_letters().await;
                    self.wait(at.into_iter().chain(retry_at).min()).await;
                }
                NextStep::End => return false,
            }
            if !self.has_time() {
                return false;
            }
        }
        self.shared.lock().in_hand_since = self.in_hand.front().map(|batch| batch.at);
        true
    }

    /// Reads the next records from the disk. Returns `false` if no time is left.
    async fn read(&mut self, on_disk: DiskRange) -> bool {
        let Some(spool) = self.shared.spool.clone() else {
            return false;
        };
        let mut reading =
            Box::pin(spool.read(on_disk.first - 1, on_disk.through, self.max_records));
        let read = loop {
            let patient = timeout(spooler::PATIENCE, &mut reading);
            match self.before_deadline(patient).await {
                Some(Ok(read)) => break read,
                Some(Err(_)) => spooler::note_hanging(&self.shared, SpoolPart::Read, &spool),
                None => return false,
            }
        };
        match read {
            Ok(SpoolRead::Batches(batches)) => {
                let through = batches
                    .last()
                    .map_or(on_disk.through, |(number, _)| *number);
                let at = Instant::now();
                let batch = |(number, records)| RecordBatch {
                    number,
                    records: Arc::new(records),
                    at,
                };
                self.in_hand = batches.into_iter().map(batch).collect();
                let mut state = self.shared.lock();
                state.spool_failures.end(SpoolPart::Read);
                state.read_through(through);
                if state.in_hand_since.is_none() {
                    state.in_hand_since = Some(at);
                }
                true
            }
            Ok(SpoolRead::Damaged { number, records }) => {
                // everything before it is in the database
                self.shared.lock().give_up_damaged(number, records);
                self.shared.advance_committed(number);
                true
            }
            Err(error) => {
                spooler::note_failure(&self.shared, SpoolPart::Read, &error);
                // the spool's content stays there for the next start
                !self.closing && self.pause(Duration::from_millis(250)).await
            }
        }
    }

    /// The records of the next write and the number of the last one. While writes fail, only the first batch.
    fn next_write(&mut self) -> (Arc<Vec<R>>, u64) {
        let max_records = self.max_records.max(1);
        if let Some(front) = self.in_hand.front()
            && front.records.len() > max_records
        {
            let (at, first) = (front.at, front.first());
            let (one, other) = front.records.split_at(max_records);
            let (one, other) = (Arc::new(one.to_vec()), Arc::new(other.to_vec()));
            let number = front.number;
            self.in_hand.pop_front();
            self.in_hand.push_front(RecordBatch {
                number,
                records: other,
                at,
            });
            self.in_hand.push_front(RecordBatch {
                number: first + max_records as u64 - 1,
                records: one,
                at,
            });
        }
        let mut count = 0;
        let mut taken = 0;
        for batch in &self.in_hand {
            let fits = taken + batch.records.len() <= max_records && !self.is_failing;
            if count > 0 && !fits {
                break;
            }
            count += 1;
            taken += batch.records.len();
        }
        let number = self.in_hand.get(count - 1).map_or(0, |batch| batch.number);
        if count == 1 {
            return (Arc::clone(&self.in_hand[0].records), number);
        }
        let mut records = Vec::with_capacity(taken);
        for batch in self.in_hand.iter().take(count) {
            records.extend_from_slice(&batch.records);
        }
        (Arc::new(records), number)
    }

    fn has_time(&mut self) -> bool {
        match *self.shutdown_phase.borrow_and_update() {
            ShutdownPhase::Running => true,
            ShutdownPhase::Closing(until) => {
                self.closing = true;
                until.is_none_or(|until| Instant::now() < until)
            }
        }
    }

    /// Waits for a notification, a time, or the deadline.
    async fn wait(&mut self, at: Option<Instant>) {
        let until = match *self.shutdown_phase.borrow() {
            ShutdownPhase::Closing(until) => until,
            ShutdownPhase::Running => None,
        };
        let timer = async {
            match at.into_iter().chain(until).min() {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.shared.to_writer.notified() => {}
            _ = self.shutdown_phase.changed() => {}
            () = timer => {}
        }
    }

    /// Waits for `delay`. A stop ends the pause. Returns `false` after the deadline of a stop.
    async fn pause(&mut self, delay: Duration) -> bool {
        let pause = sleep(delay);
        if self.closing {
            return self.before_deadline(pause).await.is_some();
        }
        tokio::select! {
            () = pause => {}
            _ = self.shutdown_phase.changed() => self.closing = true,
        }
        true
    }

    /// Awaits `future`. Returns `None` if the deadline of a stop passes first.
    async fn before_deadline<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        if !self.closing {
            tokio::select! {
                biased;
                output = &mut future => return Some(output),
                _ = self.shutdown_phase.changed() => self.closing = true,
            }
        }
        let shutdown_phase = *self.shutdown_phase.borrow();
        match shutdown_phase {
            ShutdownPhase::Closing(Some(until)) => timeout_at(until, future).await.ok(),
            ShutdownPhase::Closing(None) | ShutdownPhase::Running => Some(future.await),
        }
    }
}

/// Writes in a separate task, so that a panic of the store counts as a failed write.
async fn insert<R: Record>(
    store: Arc<dyn RecordStore<R>>,
    records: Arc<Vec<R>>,
) -> Result<StoreReceipt<R>, RepositoryError> {
    let failed = |reason: &dyn ToString| RepositoryError::Internal {
        operation: "insert_batch",
        reason: reason.to_string(),
    };
    // dropping a `JoinSet` after the deadline aborts the write
    let mut write = JoinSet::new();
    write.spawn(async move { store.insert_batch(&records).await });
    match write.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(failed(&error)),
        None => Err(failed(&"no write was begun")),
    }
}
