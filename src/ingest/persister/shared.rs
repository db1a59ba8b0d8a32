//! The state that the handles and the two tasks share.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit, TryAcquireError, watch};
use tokio::time::Instant;

use super::MAX_PATIENCE;
use super::error::{PersisterClosed, PushError};
use super::level::AckLevel;
use super::meters::PersisterMeters;
use super::settings::{OnFull, PersisterConfig, SpoolMode};
use super::state::PersisterState;
use crate::Clock;
use crate::backoff::Backoff;
use crate::ingest::record::Record;
use crate::ingest::spool::Spool;

/// The numbers up to which records have reached each level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    durable: u64,
    committed: u64,
    /// The persister has ended.
    ended: bool,
}

impl Progress {
    fn level(self, number: u64) -> AckLevel {
        if number <= self.committed {
            AckLevel::Committed
        } else if number <= self.durable {
            AckLevel::Durable
        } else {
            AckLevel::Accepted
        }
    }
}

/// Whether the tasks continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShutdownPhase {
    Running,
    /// Stop, with or without a deadline.
    Closing(Option<Instant>),
}

pub(super) struct Shared<R: Record> {
    pub(super) spool: Option<Spool<R>>,
    pub(super) meters: PersisterMeters,
    pub(super) to_spooler: Notify,
    pub(super) to_writer: Notify,
    on_full: OnFull,
    state: Mutex<PersisterState<R>>,
    /// One permit for each record that may wait in memory.
    queue_permits: Semaphore,
    progress: watch::Sender<Progress>,
    /// Whether the spool accepts nothing.
    saturated: watch::Sender<bool>,
    shutdown_phase: watch::Sender<ShutdownPhase>,
}

impl<R: Record> Shared<R> {
    pub(super) fn new(
        config: PersisterConfig,
        clock: Clock,
        spool: Option<Spool<R>>,
        mode: SpoolMode,
        on_full: OnFull,
    ) -> Self {
        let config = PersisterConfig {
            batch_size: config.batch_size.max(1),
            drain_batch_size: config.drain_batch_size.max(config.batch_size).max(1),
            queue: config.queue.clamp(1, Semaphore::MAX_PERMITS),
            flush_interval: config.flush_interval.min(MAX_PATIENCE),
            backoff: Backoff {
                initial: config.backoff.initial.min(MAX_PATIENCE),
                max: config.backoff.max.min(MAX_PATIENCE),
                ..config.backoff
            },
        };
        let found = spool.as_ref().map_or((0, 0), Spool::found);
        let records = spool.as_ref().map_or(0, |spool| spool.content().records);
        let (before, last) = found;
        Self {
            spool,
            meters: PersisterMeters::new::<R>(),
            to_spooler: Notify::new(),
            to_writer: Notify::new(),
            on_full,
            queue_permits: Semaphore::new(config.queue),
            state: Mutex::new(PersisterState::new(config, clock, mode, found, records)),
            progress: watch::Sender::new(Progress {
                durable: last,
                committed: before,
                ended: false,
            }),
            saturated: watch::Sender::new(false),
            shutdown_phase: watch::Sender::new(ShutdownPhase::Running),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, PersisterState<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of the record.
    pub(super) async fn accept(&self, record: R) -> Result<u64, PushError> {
        self.queue_permit().await?.forget();
        let mut state = self.lock();
        if state.closing {
            return Err(PushError::Closed);
        }
        let number = state.accept(record);
        self.announce(state);
        Ok(number)
    }

    /// Accepts a record if there is space at once; otherwise returns it.
    pub(super) fn try_accept(&self, record: R) -> Result<(), R> {
        let Ok(permit) = self.queue_permits.try_acquire() else {
            return Err(record);
        };
        let mut state = self.lock();
        if state.closing {
            return Err(record);
        }
        permit.forget();
        state.accept(record);
        self.announce(state);
        Ok(())
    }

    /// Wakes the task that takes accepted records, if it has to know of the last one.
    fn announce(&self, state: MutexGuard<'_, PersisterState<R>>) {
        // the first record starts a timer, and one more batch may be full
        let is_news = state.accepted_len() == 1
            || state.accepted_len().is_multiple_of(state.config.batch_size);
        let spooling = state.spooling;
        drop(state);
        if is_news {
            let taker = if spooling {
                &self.to_spooler
            } else {
                &self.to_writer
            };
            taker.notify_one();
        }
    }

    async fn queue_permit(&self) -> Result<SemaphorePermit<'_>, PushError> {
        match self.queue_permits.try_acquire() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(PushError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let permit = self.queue_permits.acquire();
        let permit = match self.on_full {
            OnFull::Block => permit.await,
            OnFull::Error if self.spool.is_none() => return Err(PushError::SpoolFull),
            OnFull::Error => {
                let mut saturated = self.saturated.subscribe();
                tokio::select! {
                    biased;
                    permit = permit => permit,
                    _ = saturated.wait_for(|saturated| *saturated) => {
                        return Err(PushError::SpoolFull);
                    }
                }
            }
        };
        permit.map_err(|_| PushError::Closed)
    }

    pub(super) fn has_queue_permit(&self) -> bool {
        self.queue_permits.available_permits() > 0
    }

    pub(super) fn release_queue_permits(&self, count: usize) {
        if count > 0 {
            self.queue_permits.add_permits(count);
        }
    }

    /// The number of the last accepted record.
    pub(super) fn newest(&self) -> Result<u64, PersisterClosed> {
        let state = self.lock();
        if state.closing {
            return Err(PersisterClosed);
        }
        Ok(state.newest())
    }

    pub(super) fn level(&self, number: u64) -> AckLevel {
        self.progress.borrow().level(number)
    }

    pub(super) async fn wait(&self, number: u64, level: AckLevel) -> Result<(), PersisterClosed> {
        if self.level(number) >= level {
            return Ok(());
        }
        {
            let mut state = self.lock();
            // without a spool only the database makes a record durable
            if level == AckLevel::Committed || state.mode != SpoolMode::WriteAhead {
                state.committed_requested = state.committed_requested.max(number);
            }
            state.durable_requested = state.durable_requested.max(number);
        }
        self.wake();
        let mut progress = self.progress.subscribe();
        let reached = progress
            .wait_for(|progress| progress.ended || progress.level(number) >= level)
            .await
            .map_err(|_| PersisterClosed)?;
        if reached.level(number) >= level {
            Ok(())
        } else {
            Err(PersisterClosed)
        }
    }

    pub(super) fn wake(&self) {
        self.to_spooler.notify_one();
        self.to_writer.notify_one();
    }

    pub(super) fn advance_durable(&self, number: u64) {
        self.progress
            .send_modify(|progress| progress.durable = progress.durable.max(number));
        self.set_saturated(false);
    }

    pub(super) fn advance_committed(&self, number: u64) {
        if self.lock().commit_through(number) {
            self.set_saturated(false);
        }
        self.progress.send_modify(|progress| {
            progress.committed = number;
            progress.durable = progress.durable.max(number);
        });
    }

    pub(super) fn set_saturated(&self, saturated: bool) {
        self.saturated
            .send_if_modified(|before| std::mem::replace(before, saturated) != saturated);
    }

    /// Accepts no more records. The first call sets the deadline for accepted records.
    pub(super) fn close(&self, until: Option<Instant>) {
        self.lock().closing = true;
        self.queue_permits.close();
        self.shutdown_phase.send_if_modified(|shutdown_phase| {
            let is_first = *shutdown_phase == ShutdownPhase::Running;
            if is_first {
                *shutdown_phase = ShutdownPhase::Closing(until);
            }
            is_first
        });
        self.wake();
    }

    pub(super) fn shutdown_phase(&self) -> watch::Receiver<ShutdownPhase> {
        self.shutdown_phase.subscribe()
    }

    /// Waits until the persister has ended.
    pub(super) async fn ended(&self) {
        let mut progress = self.progress.subscribe();
        // the sender is a part of this
        let _ = progress.wait_for(|progress| progress.ended).await;
    }

    /// Notes that the persister has ended.
    pub(super) fn end(&self) {
        self.lock().closing = true;
        self.queue_permits.close();
        self.progress.send_modify(|progress| progress.ended = true);
    }
}

impl<R: Record> fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("spool", &self.spool)
            .field("progress", &*self.progress.borrow())
            .finish_non_exhaustive()
    }
}
