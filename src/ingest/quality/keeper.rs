//! From the feed into the quarantine, also while the database is away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::QuarantineError;
use super::store::{Batch, Store};
use crate::backoff::{Backoff, Delays};
use crate::error::RepositoryError;
use crate::repository::{QuarantineRepository, QuarantinedTick};

/// Ticks that are accepted before the disk has them.
const CHANNEL: usize = 1_000;
/// Ticks that wait for the database; who brings more waits, too.
const MOST: u64 = 100_000;
/// Ticks of one write.
const BATCH: usize = 1_000;

/// Longer ones could end beyond what an `Instant` holds.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 86_400);
/// How long the disk may take for what is in memory when there is no time left.
const GRACE: Duration = Duration::from_secs(2);

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

/// The quarantine was stopped; the tick was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quarantine was stopped: start another one")]
pub struct QuarantineClosed;

/// Keeps ticks that are held back until the repository has them.
///
/// With a directory a tick is on the disk a moment after it was accepted, and what the repository
/// did not take before the end is put there after the next start. Without one it is in memory only.
/// Clones are handles of the same quarantine.
#[derive(Debug, Clone)]
pub struct Quarantine {
    sender: mpsc::Sender<QuarantinedTick>,
    waiting: Arc<AtomicU64>,
    ending: Arc<Mutex<Option<Ending>>>,
}

#[derive(Debug)]
struct Ending {
    stop: oneshot::Sender<Instant>,
    ended: oneshot::Receiver<(u64, u64)>,
}

impl Quarantine {
    /// Whether a file with ticks of an earlier run is in `directory`.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        Store::path(directory).exists()
    }

    /// Opens the file in `directory`, makes it where it is missing, and starts to put what it has
    /// and what comes into `repository`, in a thread of its own.
    ///
    /// # Errors
    /// The file or the thread cannot be had.
    pub fn open(
        repository: Arc<dyn QuarantineRepository>,
        directory: Option<&Path>,
    ) -> Result<Self, QuarantineError> {
        let store = match directory {
            Some(directory) => Store::open(directory)?,
            None => Store::in_memory(),
        };
        let path = directory.map(Store::path).unwrap_or_default();
        let failed = |error: std::io::Error| QuarantineError {
            path,
            reason: error.to_string(),
        };
        // the disk makes this thread wait, and nobody else
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().build();
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let (stop, stopping) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let waiting = Arc::new(AtomicU64::new(store.len()));
        let worker = Worker {
            store,
            repository,
            waiting: Arc::clone(&waiting),
            putting: None,
            delays: BACKOFF.delays(),
            retry_at: Instant::now(),
        };
        let started = runtime.and_then(|runtime| {
            let thread = std::thread::Builder::new().name("quarantine".to_owned());
            thread.spawn(move || {
                // nobody may wait for the end
                let _ = end.send(runtime.block_on(worker.run(receiver, stopping)));
                runtime.shutdown_background();
            })
        });
        started.map_err(failed)?;
        Ok(Self {
            sender,
            waiting,
            ending: Arc::new(Mutex::new(Some(Ending { stop, ended }))),
        })
    }

    /// Takes a tick; waits while there is no place for it. Cancelled, it has not taken it.
    ///
    /// # Errors
    /// After a stop.
    pub async fn keep(&self, tick: QuarantinedTick) -> Result<(), QuarantineClosed> {
        self.sender.send(tick).await.map_err(|_| QuarantineClosed)
    }

    /// Ticks that the repository does not have yet, apart from those of the last moment.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes no more ticks and waits until the repository has them; until `patience` is over, two
    /// seconds longer where the disk does not answer, and no longer than until a write fails where the disk has them all. Returns how many stay on the
    /// disk, and how many are lost. A second call returns zeros.
    pub async fn stop(&self, patience: Duration) -> (u64, u64) {
        let Some(Ending { stop, ended }) = self.ending.lock().await.take() else {
            return (0, 0);
        };
        let patience = patience.min(LONGEST_PATIENCE);
        let give_up_at = Instant::now() + patience;
        // it may have ended by itself
        let _ = stop.send(give_up_at);
        match timeout_at(give_up_at + GRACE, ended).await {
            Ok(Ok(left)) => left,
            // a thread that panicked does not say what it had, nor one whose disk does not answer
            Ok(Err(_)) | Err(_) => (0, self.waiting()),
        }
    }

    /// Waits until it has ended: after a [`stop`](Self::stop), or because of a mistake in it, after
    /// which it takes nothing.
    pub async fn ended(&self) {
        self.sender.closed().await;
    }
}

struct Worker {
    store: Store,
    repository: Arc<dyn QuarantineRepository>,
    waiting: Arc<AtomicU64>,
    /// The write that is on its way.
    putting: Option<Putting>,
    delays: Delays,
    retry_at: Instant,
}

/// What is being written, and how it ends.
type Putting = (Arc<Batch>, JoinHandle<Result<u64, RepositoryError>>);

impl Worker {
    async fn run(
        mut self,
        mut receiver: mpsc::Receiver<QuarantinedTick>,
        mut stopping: oneshot::Receiver<Instant>,
    ) -> (u64, u64) {
        let mut give_up_at = None;
        let mut open = true;
        loop {
            self.begin_put();
            if !open && (self.store.len() == 0 || self.may_end(give_up_at)) {
                return self.store.left();
            }
            let mut taken = Vec::new();
            let has_room = self.store.len() < MOST;
            let has_work = self.store.len() > 0;
            let try_disk_at = self.store.try_again_at();
            tokio::select! {
                count = receiver.recv_many(&mut taken, BATCH), if open && has_room => {
                    open = count > 0;
                    self.store.append(taken);
                }
                stop = &mut stopping, if give_up_at.is_none() => {
                    // all handles may be gone, and then nobody says until when
                    give_up_at = Some(stop.unwrap_or_else(|_| Instant::now()));
                    receiver.close();
                }
                put = joined(&mut self.putting), if self.putting.is_some() => self.ended(put),
                () = sleep_until(self.retry_at), if has_work && self.putting.is_none() => {}
                () = sleep_until(try_disk_at.unwrap_or(self.retry_at)), if try_disk_at.is_some() => {
                    self.store.save();
                }
                () = sleep_until(give_up_at.unwrap_or(self.retry_at)), if give_up_at.is_some() => {
                    // what is in the channel goes to the disk, the rest stays where it is
                    while let Ok(tick) = receiver.try_recv() {
                        taken.push(tick);
                    }
                    self.store.append(taken);
                    self.store.save_now();
                    return self.store.left();
                }
            }
            self.waiting.store(self.store.len(), Ordering::Relaxed);
            gauge!("tick_quarantine_waiting").set(self.store.len() as f64);
        }
    }

    fn begin_put(&mut self) {
        if self.putting.is_some() || self.store.len() == 0 || Instant::now() < self.retry_at {
            return;
        }
        let Some(batch) = self.store.first(BATCH).map(Arc::new) else {
            // a disk that gives nothing may do so later
            self.retry_at = Instant::now() + BACKOFF.initial;
            return;
        };
        let repository = Arc::clone(&self.repository);
        let ticks = Arc::clone(&batch);
        let put = tokio::spawn(async move { repository.put(&ticks.ticks).await });
        self.putting = Some((batch, put));
    }

    fn ended(&mut self, (batch, put): (Arc<Batch>, Result<u64, String>)) {
        self.putting = None;
        match put {
            Ok(_) => {
                self.store.forget(&batch);
                self.delays.reset();
                self.retry_at = Instant::now();
            }
            Err(error) => {
                if !self.delays.has_failed() {
                    tracing::warn!(error, "the quarantine cannot be written: its ticks wait");
                }
                self.retry_at = Instant::now() + self.delays.next_delay();
            }
        }
    }

    /// Whether nothing is lost by ending before everything is put.
    fn may_end(&self, give_up_at: Option<Instant>) -> bool {
        let (_, in_memory) = self.store.left();
        let has_failed = self.delays.has_failed() && self.putting.is_none();
        give_up_at.is_some() && has_failed && in_memory == 0
    }
}

async fn joined(putting: &mut Option<Putting>) -> (Arc<Batch>, Result<u64, String>) {
    let Some((batch, put)) = putting else {
        return std::future::pending().await;
    };
    let put = match put.await {
        Ok(put) => put.map_err(|error| error.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    };
    (Arc::clone(batch), put)
}
