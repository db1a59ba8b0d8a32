use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Interval at which the bare threads wake.
const TICK: Duration = Duration::from_millis(1);
/// A delay of this length is normal for any thread.
const USUAL: Duration = Duration::from_millis(2);

/// Whether limits of real time are asserted: in `make faults` and `make soak`, which run one test at a time.
/// In other runs a limit would measure the machine rather than the code.
#[must_use]
pub fn asserts_time() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("TICKBOOK_FAULTS") || is_set("TICKBOOK_SOAK_MINUTES")
}

/// Measures a duration, and how much of it was lag of the machine.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    lost: Duration,
}

impl Watch {
    /// Starts the measurement.
    #[must_use]
    pub fn start() -> Self {
        let lost = lost();
        Self {
            begun: Instant::now(),
            lost,
        }
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The time since the start, less the lag of the machine.
    #[must_use]
    pub fn of_ours(&self) -> Duration {
        let lost = lost().saturating_sub(self.lost);
        self.elapsed().saturating_sub(lost)
    }

    /// Checks that the elapsed time is at most `limit`, if limits are asserted.
    ///
    /// # Panics
    /// If it took longer.
    #[track_caller]
    pub fn assert_within(&self, limit: Duration) {
        assert_in_time(self.of_ours(), limit);
    }
}

/// Checks that `took`, a result of [`Watch::of_ours`], is at most `limit`, if limits are asserted.
///
/// # Panics
/// If it took longer.
#[track_caller]
pub fn assert_in_time(took: Duration, limit: Duration) {
    if asserts_time() {
        assert!(
            took <= limit,
            "it took {took:?} less the lag of the machine: at most {limit:?}"
        );
    }
}

/// The total lag of the bare threads. They start at the first call.
fn lost() -> Duration {
    static MICROS: AtomicU64 = AtomicU64::new(0);
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // as in a runtime, one thread waits for the time and wakes another one
        let (wake, woken) = mpsc::channel::<Instant>();
        thread::spawn(move || {
            loop {
                let before = Instant::now();
                thread::sleep(TICK);
                if wake.send(before).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || {
            for before in woken {
                let late = before.elapsed().saturating_sub(TICK + USUAL);
                let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                MICROS.fetch_add(micros, Ordering::Relaxed);
            }
        });
    });
    Duration::from_micros(MICROS.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watch_measures_elapsed_time() {
        let watch = Watch::start();
        thread::sleep(Duration::from_millis(20));
        assert!(watch.elapsed() >= Duration::from_millis(20));
        assert!(watch.of_ours() <= watch.elapsed());
    }
}
