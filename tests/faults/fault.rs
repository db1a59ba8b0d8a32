//! The start of each fault test: it waits for its turn, and adds a line to the table of `make faults`.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

static TURN: Mutex<()> = Mutex::new(());

/// The fault that is being tested. Other fault tests wait until it is dropped.
pub(crate) struct Fault {
    name: &'static str,
    begun: Instant,
    skipped: Option<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Fault {
    pub(crate) fn begin(name: &'static str) -> Self {
        // a failed test poisons the lock, but has ended
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            name,
            begun: Instant::now(),
            skipped: None,
            _turn: turn,
        }
    }

    /// Returns `None`, and counts the test as skipped, unless long tests are requested.
    pub(crate) fn begin_long(name: &'static str) -> Option<Self> {
        let fault = Self::begin(name);
        if std::env::var("TICKBOOK_FAULTS").is_ok_and(|wanted| wanted == "all") {
            return Some(fault);
        }
        fault.skip("it takes long and is part of `make faults`");
        None
    }

    /// Ends the test with the reason why the fault cannot be injected on this machine.
    pub(crate) fn skip(mut self, reason: impl Into<String>) {
        let reason = reason.into();
        suite::skip(&reason);
        self.skipped = Some(reason);
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let Some(report) = std::env::var_os("TICKBOOK_FAULTS_REPORT") else {
            return;
        };
        let result = match &self.skipped {
            Some(reason) => format!("skipped: {reason}"),
            None if std::thread::panicking() => "FAILED".to_owned(),
            None => format!("ok, {:.1} s", self.begun.elapsed().as_secs_f64()),
        };
        let line = format!("{:<48} {result}\n", self.name);
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(report);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            eprintln!("the report of {} is not written: {error}", self.name);
        }
    }
}
