//! Measures whether the runtime stays responsive: a task wakes every millisecond, and so do plain
//! threads, whose lag is that of the machine.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const TICK: Duration = Duration::from_millis(1);

/// The largest number of times that the plain threads may wake between two beats of the task. On a busy
/// machine they wake more rarely, so the lag of the machine does not count against the runtime.
pub(crate) const MAX_GAP: u64 = 500;

/// The maximum difference between the largest lag of the task and that of the plain threads, if times are
/// asserted.
const MAX_LAG: Duration = Duration::from_millis(100);

/// The maximum difference between the 99th percentiles.
const USUAL_LAG: Duration = Duration::from_millis(10);

pub(crate) struct Heartbeat {
    stopped: Arc<AtomicBool>,
    woken: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<Vec<Beat>>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

/// One beat of the task.
struct Beat {
    lag: Duration,
    /// The number of times that the plain threads woke since the previous beat.
    meanwhile: u64,
}

/// Statistics of the beats.
#[derive(Debug)]
pub(crate) struct Beats {
    pub(crate) count: usize,
    /// The largest number of times that the plain threads woke between two beats.
    pub(crate) gap: u64,
    /// The largest, and the 99th percentile.
    pub(crate) lag: [Duration; 2],
    /// The same of the plain threads.
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
            // count from the start, in case the runtime blocks before the first beat
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
        // as in the runtime, one thread waits for the time and wakes another one
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

    /// The number of times that the plain threads have woken.
    pub(crate) fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    /// Stops the heartbeat.
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

    /// Stops the heartbeat and asserts that the runtime was never blocked.
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
