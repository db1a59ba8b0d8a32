//! Captures the log of a test to count its lines.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// A second subscriber. With a single one, tracing asks the thread that reaches a log line first and caches
/// its answer for all threads, so a thread without a subscriber would hide the line from a test.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines(Arc::default(), None)));

/// The log lines of this thread during the lifetime of this value.
pub(super) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Log {
    pub(super) fn start() -> Self {
        Self::panicking_at(None)
    }

    /// Makes the task panic that logs a line with this text.
    pub(super) fn panicking_at(text: Option<&'static str>) -> Self {
        LazyLock::force(&SECOND);
        let lines = Arc::default();
        let guard = tracing::subscriber::set_default(Lines(Arc::clone(&lines), text));
        Self {
            lines,
            _guard: guard,
        }
    }

    /// The number of lines with this text.
    pub(super) fn count(&self, text: &str) -> usize {
        let lines = self.lines.lock().expect("whole");
        lines.iter().filter(|line| line.contains(text)).count()
    }
}

struct Lines(Arc<Mutex<Vec<String>>>, Option<&'static str>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").expect("memory");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        assert!(!self.1.is_some_and(|text| line.0.contains(text)), "told to");
        self.0.lock().expect("whole").push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn log_line_of_another_thread_is_counted() {
    let say = || tracing::error!("the line is logged");
    let log = Log::start();
    std::thread::spawn(say).join().expect("no panic");
    say();
    assert_eq!(log.count("the line is logged"), 1);
}
