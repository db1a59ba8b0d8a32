//! A feed that pushes ticks continuously, and the ticks that it pushed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tickbook::domain::Tick;
use tickbook::ingest::{Ack, AckLevel, PersisterConfig, SpoolConfig, TickPersister};
use tickbook::repository::TickRepository;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::memory::Memory;
use crate::site::{RECOVERY, small_batches};
use crate::support::migrated_schema::ticks;
use crate::timed::Timed;

/// Ten ticks every five milliseconds.
const BURST: i64 = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// The memory of one waiting tick.
const TICK_BYTES: u64 = 130;

/// The default deadline of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) struct Load {
    persister: TickPersister,
    repository: Arc<Timed>,
    stop: Arc<AtomicBool>,
    pushing: JoinHandle<i64>,
    newest: watch::Receiver<Option<Ack>>,
    memory: Memory,
    cap: u64,
}

impl Load {
    /// Starts a feed whose ticks wait in memory.
    pub(crate) fn start(repository: Arc<dyn TickRepository>) -> Self {
        Self::start_with_deadline(repository, CALL_TIMEOUT)
    }

    /// Starts a feed with another deadline of calls.
    pub(crate) fn start_with_deadline(
        repository: Arc<dyn TickRepository>,
        deadline: Duration,
    ) -> Self {
        let memory = Memory::start();
        let repository = Arc::new(Timed::new(repository, deadline));
        let persister = TickPersister::start(Arc::clone(&repository) as _, small_batches());
        Self::push(persister, repository, memory)
    }

    /// Starts a feed with a write-ahead spool in `directory`.
    pub(crate) async fn start_with_spool(
        repository: Arc<dyn TickRepository>,
        directory: &Path,
    ) -> Self {
        Self::start_with(repository, write_ahead(directory)).await
    }

    /// Starts a feed with the given spool.
    pub(crate) async fn start_with(
        repository: Arc<dyn TickRepository>,
        spool: SpoolConfig,
    ) -> Self {
        let memory = Memory::start();
        let repository = Arc::new(Timed::new(repository, CALL_TIMEOUT));
        let opened = TickPersister::open(Arc::clone(&repository) as _, small_batches(), &spool);
        let persister = opened.await.expect("a spool of its own");
        Self::push(persister, repository, memory)
    }

    fn push(persister: TickPersister, repository: Arc<Timed>, memory: Memory) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (handle, stopped) = (persister.clone(), Arc::clone(&stop));
        let (pushed, newest) = watch::channel(None);
        let pushing = tokio::spawn(async move {
            let mut accepted = 0;
            while !stopped.load(Ordering::Relaxed) {
                for tick in ticks(accepted, accepted + BURST) {
                    let ack = handle.push_with_ack(tick).await.expect("nobody stops it");
                    pushed.send_replace(Some(ack));
                }
                accepted += BURST;
                tokio::time::sleep(PAUSE).await;
            }
            accepted
        });
        Self {
            persister,
            repository,
            stop,
            pushing,
            newest,
            memory,
            cap: PersisterConfig::default().queue as u64 * TICK_BYTES,
        }
    }

    pub(crate) fn persister(&self) -> &TickPersister {
        &self.persister
    }

    /// The acknowledgement of the tick that was pushed last.
    pub(crate) fn newest(&self) -> Option<Ack> {
        self.newest.borrow().clone()
    }

    /// Asserts that the tick that was pushed last becomes durable on the disk while the database accepts
    /// nothing.
    pub(crate) async fn assert_spools(&self) {
        let ack = self.newest.borrow().clone().expect("something was pushed");
        let durable = ack.wait(AckLevel::Durable);
        let durable = tokio::time::timeout(Duration::from_secs(5), durable).await;
        durable.expect("on the disk in time").expect("not stopped");
        assert_eq!(ack.level(), AckLevel::Durable, "the database takes it");
        let content = self.persister.spool_content().expect("there is one");
        assert!(content.records > 0, "{content:?}");
    }

    /// Waits until further ticks are stored.
    pub(crate) async fn wait_for_progress(&self, patience: Duration) -> Duration {
        let begun = Instant::now();
        let before = self.persister.stats().inserted;
        while self.persister.stats().inserted <= before {
            assert!(begun.elapsed() < patience, "nothing stored in {patience:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }

    /// Waits until `count` more writes have failed.
    pub(crate) async fn wait_for_failures(&self, count: u64) {
        let wanted = self.persister.stats().retries + count;
        eventually("writes fail", || self.persister.stats().retries >= wanted).await;
    }

    /// Asserts that ticks are stored now that the database accepts connections again, and, if times are
    /// asserted, that this happens soon.
    pub(crate) async fn assert_recovers(&self) {
        let watch = suite::Watch::start();
        let took = self.wait_for_progress(Duration::from_secs(60)).await;
        println!("the first success came after {took:?}");
        watch.assert_within(RECOVERY);
    }

    /// Stops pushing, waits until everything is stored, and returns the accepted ticks. Asserts that no
    /// write exceeded its deadline and that memory stayed within its limit.
    pub(crate) async fn finish(self) -> Vec<Tick> {
        self.stop.store(true, Ordering::Relaxed);
        let accepted = self.pushing.await.expect("no panic");
        assert!(accepted > 0, "nothing was pushed");
        let flushed = tokio::time::timeout(Duration::from_secs(60), self.persister.flush()).await;
        flushed.expect("drained in time").expect("not stopped");
        self.memory.assert_within(self.cap);
        self.repository.assert_in_time();
        ticks(0, accepted)
    }
}

/// Settings of a write-ahead spool with a limit that no test reaches.
pub(crate) fn write_ahead(directory: &Path) -> SpoolConfig {
    SpoolConfig::new(directory.to_owned())
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
