use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How often the bare threads want to wake.
const TICK: Duration = Duration::from_millis(1);
/// So late is every thread now and then.
const USUAL: Duration = Duration::from_millis(2);

/// Whether limits of real time are asserted: in `make faults` and `make soak`, which run one test
/// after the other. Everywhere else a limit says more about the machine than about the code.
#[must_use]
pub fn asserts_time() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("TICKBOOK_FAULTS") || is_set("TICKBOOK_SOAK_MINUTES")
}

/// Measures how long something takes, and how much of that the machine took from every thread.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    lost: Duration,
}

impl Watch {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        let lost = lost();
        Self {
            begun: Instant::now(),
            lost,
        }
    }

    /// How long it has taken so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The same, less what the machine took.
    #[must_use]
    pub fn of_ours(&self) -> Duration {
        let lost = lost().saturating_sub(self.lost);
        self.elapsed().saturating_sub(lost)
    }

    /// Checks that it took at most `limit`, where that is asserted.
    ///
    /// # Panics
    /// When it took longer.
    #[track_caller]
    pub fn assert_within(&self, limit: Duration) {
        assert_in_time(self.of_ours(), limit);
    }
}

/// Checks that something took at most `limit`, where that is asserted; `took` as
/// [`Watch::of_ours`] gives it.
///
/// # Panics
/// When it took longer.
#[track_caller]
pub fn assert_in_time(took: Duration, limit: Duration) {
    if asserts_time() {
        assert!(
            took <= limit,
            "it took {took:?} less the lag of the machine: at most {limit:?}"
        );
    }
}

/// By how much bare threads were late, all in all. They start when this is first called.
fn lost() -> Duration {
    static MICROS: AtomicU64 = AtomicU64::new(0);
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // as in a runtime one thread waits for the time and wakes another one
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
    fn a_watch_tells_how_long_something_takes() {
        let watch = Watch::start();
        thread::sleep(Duration::from_millis(20));
        assert!(watch.elapsed() >= Duration::from_millis(20));
        assert!(watch.of_ours() <= watch.elapsed());
    }
}
