//! Whether the runtime goes on: a task that wants to wake every millisecond, and beside it bare
//! threads that want the same, by which the machine's own lag is told from ours.

// each test file uses what it needs
#![allow(dead_code)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);

/// The 99th percentile during a full outage, above that of the bare threads.
const LAG: Duration = Duration::from_millis(10);

/// Fewer beats say nothing about one in a hundred.
const FEWEST: usize = 100;

pub(crate) struct Heartbeat {
    stopped: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Duration>>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

/// What the beats came to.
#[derive(Debug)]
pub(crate) struct Beats {
    pub(crate) count: usize,
    /// The 99th percentile.
    pub(crate) lag: Duration,
    /// That of the bare threads.
    pub(crate) machine: Duration,
}

impl Heartbeat {
    pub(crate) fn start() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (of_task, of_thread) = (Arc::clone(&stopped), Arc::clone(&stopped));
        let task = tokio::spawn(async move {
            let mut lags = Vec::new();
            while !of_task.load(Ordering::Relaxed) {
                let before = Instant::now();
                tokio::time::sleep(TICK).await;
                lags.push(before.elapsed().saturating_sub(TICK));
            }
            lags
        });
        // as in the runtime one thread waits for the time and wakes another one
        let (wake, woken) = mpsc::channel();
        thread::spawn(move || {
            while !of_thread.load(Ordering::Relaxed) {
                let before = Instant::now();
                thread::sleep(TICK);
                if wake.send(before).is_err() {
                    return;
                }
            }
        });
        let thread = thread::spawn(move || {
            let lag = |before: Instant| before.elapsed().saturating_sub(TICK);
            woken.into_iter().map(lag).collect()
        });
        Self {
            stopped,
            task,
            thread,
        }
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Beats {
        self.stopped.store(true, Ordering::Relaxed);
        let lags = self.task.await.expect("no panic");
        let machine = self.thread.join().expect("no panic");
        Beats {
            count: lags.len(),
            lag: percentile(lags),
            machine: percentile(machine),
        }
    }

    /// Ends it and checks that 99 of 100 wakes came in time.
    pub(crate) async fn assert_steady(self) {
        let beats = self.stop().await;
        println!("the runtime: {beats:?}");
        assert!(beats.count >= FEWEST, "too few beats to judge: {beats:?}");
        assert!(beats.is_steady(), "{beats:?}");
    }
}

impl Beats {
    pub(crate) fn is_steady(&self) -> bool {
        self.lag.saturating_sub(self.machine) <= LAG
    }
}

/// The 99th.
fn percentile(mut lags: Vec<Duration>) -> Duration {
    lags.sort_unstable();
    let place = lags.len() * 99 / 100;
    lags.get(place).copied().unwrap_or_default()
}

#[tokio::test]
async fn a_runtime_that_stands_still_is_noticed() {
    let heartbeat = Heartbeat::start();
    for _ in 0..40 {
        thread::sleep(Duration::from_millis(25));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let beats = heartbeat.stop().await;
    assert!(!beats.is_steady(), "{beats:?}");
}
