//! Stores the live books of a pipeline.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::desks::Desks;
use super::live::LiveBooks;
use super::recorder::RecorderConfig;
use super::recovery::end_interrupted;
use super::taken::Taken;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::domain::SymbolId;
use crate::ingest::record::{BookRecord, Record as _};
use crate::ingest::{BookPersister, PersisterHealth, PersisterStats, PushError, StopReport};
use crate::metrics::ingest::feed_refused;
use crate::repository::OrderBookRepository;

/// The number of records that are passed on between two looks at the timer.
const AT_ONCE: usize = 100;

/// The delays after a failure to end the interval of an earlier run.
const RETRIES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// How the books of a pipeline are stored: by a [`BookRecorder`](super::BookRecorder) for each symbol, through one
/// persister.
#[derive(Debug)]
pub struct BookRecording {
    persister: BookPersister,
    books: Arc<dyn OrderBookRepository>,
    config: RecorderConfig,
    clock: Clock,
}

impl BookRecording {
    /// Stores books through `persister`, which writes to `books`. `clock` decides when a snapshot is due.
    ///
    /// Before the first event of a symbol is recorded, the interval that an earlier run left open in `books` is
    /// ended, as [`end_interrupted`] does. The event waits for that for some seconds at most; if the database does
    /// not answer, the book is recorded as soon as it does.
    #[must_use]
    pub fn new(
        persister: BookPersister,
        books: Arc<dyn OrderBookRepository>,
        config: RecorderConfig,
        clock: Clock,
    ) -> Self {
        Self {
            persister,
            books,
            config,
            clock,
        }
    }

    /// Starts the tasks that pass records to the persister.
    pub(crate) fn start(self, live: &LiveBooks) -> RunningRecording {
        let Self {
            persister,
            books,
            config,
            clock,
        } = self;
        // a snapshot is late by a quarter of its interval at most
        let every = config.every.to_std().unwrap_or_default() / 4;
        let every = every.clamp(Duration::from_millis(10), Duration::from_millis(250));
        let desks = Arc::new(Desks::new(config, clock, persister.clone()));
        let refused = feed_refused(BookRecord::NAMES);
        // initialize to 0, so that rate() sees the first increment
        counter!(refused).increment(0);
        let passing = Passing {
            desks: Arc::clone(&desks),
            persister: persister.clone(),
            live: live.clone(),
            every,
        };
        let settling = settle(Arc::clone(&desks), persister.clone(), books);
        RunningRecording {
            monitor: RecordingMonitor { desks, persister },
            passing: tokio::spawn(passing.run()),
            settling: tokio::spawn(settling),
        }
    }
}

/// The tasks of a recording. They end when it is dropped; what waits then is passed on before.
#[derive(Debug)]
pub(crate) struct RunningRecording {
    pub(crate) monitor: RecordingMonitor,
    passing: JoinHandle<()>,
    settling: JoinHandle<()>,
}

impl Drop for RunningRecording {
    fn drop(&mut self) {
        self.settling.abort();
        self.monitor.desks.close();
    }
}

impl RunningRecording {
    /// Waits at most `hand_over` until the persister has all records, and at most `patience` in all until they are
    /// stored. Returns also the number of records that the persister did not get.
    pub(crate) async fn stop(
        mut self,
        hand_over: Duration,
        patience: Duration,
    ) -> (StopReport<BookRecord>, u64) {
        let deadline = Instant::now() + patience;
        let RecordingMonitor { desks, persister } = self.monitor.clone();
        self.settling.abort();
        desks.close();
        let not_handed_over = match timeout(hand_over, &mut self.passing).await {
            Ok(_) => 0,
            Err(_) => {
                self.passing.abort();
                desks.waiting()
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        (persister.stop(left).await, not_handed_over)
    }
}

/// Observes a recording. Clones observe the same one.
#[derive(Debug, Clone)]
pub(crate) struct RecordingMonitor {
    pub(crate) desks: Arc<Desks>,
    pub(crate) persister: BookPersister,
}

impl RecordingMonitor {
    /// The counts of the persister, and the number of records that wait to be stored.
    pub(crate) fn stats(&self) -> (PersisterStats, u64) {
        // read the records before the counts, which then include all that the persister has got
        let on_the_way = self.desks.waiting();
        let stats = self.persister.stats();
        (stats, on_the_way + stats.queued)
    }

    /// The number of records that were refused for lack of space.
    pub(crate) fn refused(&self) -> u64 {
        self.desks.refused()
    }

    pub(crate) fn health(&self) -> PersisterHealth {
        self.persister.health()
    }
}

/// Passes records to the persister in their order.
struct Passing {
    desks: Arc<Desks>,
    persister: BookPersister,
    live: LiveBooks,
    every: Duration,
}

impl Passing {
    async fn run(self) {
        let mut timer = interval(self.every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {
                    self.send_ends().await;
                    self.desks.on_timer(&self.live);
                }
                () = self.desks.added.notified() => {}
            }
            for _ in 0..AT_ONCE {
                let Some(record) = self.desks.take() else {
                    break;
                };
                self.pass(record).await;
            }
            if self.desks.is_drained() {
                return self.send_ends().await;
            }
            // the next round continues with what is left
            if self.desks.waiting() > 0 {
                self.desks.added.notify_one();
            }
        }
    }

    async fn pass(&self, record: BookRecord) {
        let taken = Taken::of(&record);
        match self.persister.push(record).await {
            Ok(()) => self.desks.accept(taken),
            Err(PushError::SpoolFull) => {
                let lost = self.desks.refuse(taken);
                counter!(feed_refused(BookRecord::NAMES)).increment(lost);
            }
            Err(PushError::Closed) => self.desks.close(),
        }
    }

    /// Sends the ends of intervals that were refused.
    async fn send_ends(&self) {
        for end in self.desks.unsent_ends() {
            let symbol_id = end.symbol_id();
            if self.persister.push(end).await.is_ok() {
                tracing::info!(%symbol_id, "the book is recorded again");
                self.desks.sent_end(symbol_id);
            }
        }
    }
}

/// Ends the intervals that an earlier run left open, after its spool was stored, for each new symbol.
async fn settle(desks: Arc<Desks>, persister: BookPersister, books: Arc<dyn OrderBookRepository>) {
    if persister.flush().await.is_err() {
        return;
    }
    loop {
        for symbol_id in desks.take_unsettled() {
            settle_one(&*books, symbol_id).await;
            desks.settle(symbol_id);
        }
        desks.unsettled.notified().await;
    }
}

async fn settle_one(books: &dyn OrderBookRepository, symbol_id: SymbolId) {
    let mut delays = RETRIES.delays();
    loop {
        match end_interrupted(books, symbol_id).await {
            Ok(None) => return,
            Ok(Some(_)) => {
                tracing::info!(%symbol_id, "an earlier run had not ended its record of the book");
                return;
            }
            Err(error) => {
                let error = error.with_causes();
                tracing::warn!(%symbol_id, %error, "cannot read earlier rows of a book; retrying");
            }
        }
        sleep(delays.next_delay()).await;
    }
}
