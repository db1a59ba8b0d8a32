//! A feed that pushes without a break, and what it pushed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tickbook::domain::Tick;
use tickbook::ingest::{PersisterConfig, TickPersister};
use tickbook::repository::TickRepository;
use tokio::task::JoinHandle;

use crate::memory::Memory;
use crate::migrated::ticks;
use crate::site::RECOVERY;

/// Ten ticks every five milliseconds.
const BURST: i64 = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// What one that waits takes.
const TICK_BYTES: u64 = 130;

pub(crate) struct Load {
    persister: TickPersister,
    stop: Arc<AtomicBool>,
    pushing: JoinHandle<i64>,
    memory: Memory,
    cap: u64,
}

impl Load {
    pub(crate) fn start(repository: Arc<dyn TickRepository>, config: PersisterConfig) -> Self {
        let memory = Memory::start();
        let cap = config.queue as u64 * TICK_BYTES;
        let persister = TickPersister::start(repository, config);
        let stop = Arc::new(AtomicBool::new(false));
        let (handle, stopped) = (persister.clone(), Arc::clone(&stop));
        let pushing = tokio::spawn(async move {
            let mut accepted = 0;
            while !stopped.load(Ordering::Relaxed) {
                for tick in ticks(accepted, accepted + BURST) {
                    handle.push(tick).await.expect("nobody stops it");
                }
                accepted += BURST;
                tokio::time::sleep(PAUSE).await;
            }
            accepted
        });
        Self {
            persister,
            stop,
            pushing,
            memory,
            cap,
        }
    }

    /// Waits until something is stored that was not before.
    pub(crate) async fn wait_for_progress(&self, patience: Duration) -> Duration {
        let begun = Instant::now();
        let before = self.persister.stats().inserted;
        while self.persister.stats().inserted <= before {
            assert!(begun.elapsed() < patience, "nothing stored in {patience:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }

    /// Waits until so many more writes have failed.
    pub(crate) async fn wait_for_failures(&self, count: u64) {
        let wanted = self.persister.stats().retries + count;
        eventually("writes fail", || self.persister.stats().retries >= wanted).await;
    }

    /// Checks that something is stored soon: the database accepts connections from now on.
    pub(crate) async fn assert_recovers(&self) {
        let took = self.wait_for_progress(Duration::from_secs(40)).await;
        assert!(took <= RECOVERY, "the first success came after {took:?}");
    }

    /// Stops pushing, waits until everything is stored, and returns what was accepted.
    pub(crate) async fn finish(self) -> Vec<Tick> {
        self.stop.store(true, Ordering::Relaxed);
        let accepted = self.pushing.await.expect("no panic");
        assert!(accepted > 0, "nothing was pushed");
        let flushed = tokio::time::timeout(Duration::from_secs(60), self.persister.flush()).await;
        flushed.expect("drained in time").expect("not stopped");
        self.memory.assert_within(self.cap);
        ticks(0, accepted)
    }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
