//! Whether the runtime goes on: a task that wants to wake every millisecond, and beside it bare
//! threads that want the same, by which the machine's own lag is told from ours.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const TICK: Duration = Duration::from_millis(1);

/// So often the bare threads wake at most between two beats of the runtime. They wake later where the
/// machine is busy, and so do not take its lag for ours.
pub(crate) const MAX_GAP: u64 = 500;

/// The largest gap between two beats, above that of the bare threads; where time is asserted.
const MAX_LAG: Duration = Duration::from_millis(100);

/// The 99th percentile of the gaps, the same way.
const USUAL_LAG: Duration = Duration::from_millis(10);

pub(crate) struct Heartbeat {
    stopped: Arc<AtomicBool>,
    woken: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<Vec<Beat>>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

/// One beat of the runtime.
struct Beat {
    lag: Duration,
    /// How often the bare threads woke since the one before.
    meanwhile: u64,
}

/// What the beats came to.
#[derive(Debug)]
pub(crate) struct Beats {
    pub(crate) count: usize,
    /// The most that the bare threads woke between two of them.
    pub(crate) gap: u64,
    /// The largest, and the 99th percentile.
    pub(crate) lag: [Duration; 2],
    /// Those of the bare threads.
    pub(crate) machine: [Duration; 2],
}

impl Heartbeat {
    pub(crate) fn start() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let woken = Arc::new(AtomicU64::new(0));
        let (of_task, of_thread) = (Arc::clone(&stopped), Arc::clone(&stopped));
        let seen = Arc::clone(&woken);
        let task = tokio::spawn(async move {
            let mut beats = Vec::new();
            // from the start on, also where the runtime stands still before the first beat
            let mut last = 0;
            while !of_task.load(Ordering::Relaxed) {
                let before = Instant::now();
                tokio::time::sleep(TICK).await;
                let now = seen.load(Ordering::Relaxed);
                beats.push(Beat {
                    lag: before.elapsed().saturating_sub(TICK),
                    meanwhile: now - last,
                });
                last = now;
            }
            beats
        });
        // as in the runtime one thread waits for the time and wakes another one
        let (wake, waking) = mpsc::channel();
        thread::spawn(move || {
            while !of_thread.load(Ordering::Relaxed) {
                let before = Instant::now();
                thread::sleep(TICK);
                if wake.send(before).is_err() {
                    return;
                }
            }
        });
        let count = Arc::clone(&woken);
        let thread = thread::spawn(move || {
            let lag = |before: Instant| {
                count.fetch_add(1, Ordering::Relaxed);
                before.elapsed().saturating_sub(TICK)
            };
            waking.into_iter().map(lag).collect()
        });
        Self {
            stopped,
            woken,
            task,
            thread,
        }
    }

    /// How often the bare threads have woken.
    pub(crate) fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Beats {
        self.stopped.store(true, Ordering::Relaxed);
        let beats = self.task.await.expect("no panic");
        let machine = self.thread.join().expect("no panic");
        Beats {
            count: beats.len(),
            gap: beats.iter().map(|beat| beat.meanwhile).max().unwrap_or(0),
            lag: largest_and_usual(beats.iter().map(|beat| beat.lag).collect()),
            machine: largest_and_usual(machine),
        }
    }

    /// Ends it and checks that the runtime never stood still.
    pub(crate) async fn assert_steady(self) {
        let beats = self.stop().await;
        println!("the runtime: {beats:?}");
        assert!(beats.is_steady(), "the runtime stood still: {beats:?}");
        if suite::asserts_time() {
            assert!(beats.is_in_time(), "the runtime was late: {beats:?}");
        }
    }
}

impl Beats {
    pub(crate) fn is_steady(&self) -> bool {
        self.count > 0 && self.gap <= MAX_GAP
    }

    pub(crate) fn is_in_time(&self) -> bool {
        let above = |which: usize| self.lag[which].saturating_sub(self.machine[which]);
        above(0) <= MAX_LAG && above(1) <= USUAL_LAG
    }
}

/// The largest, and the 99th percentile.
fn largest_and_usual(mut lags: Vec<Duration>) -> [Duration; 2] {
    lags.sort_unstable();
    let at = |place: usize| lags.get(place).copied().unwrap_or_default();
    [at(lags.len().saturating_sub(1)), at(lags.len() * 99 / 100)]
}
