//! Detects statements that change a session for its later users.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};

/// The number of bytes of a statement that are inspected. Statements that change a session are short.
const MAX_SCANNED_BYTES: usize = 2_048;

/// The number of remembered statements, of up to 2 KiB each. It exceeds the number of different
/// statements of one call.
const REMEMBERED: usize = 16;

/// The separator that diesel prints between a statement and its values. Values do not change the session, and
/// formatting the values of a batch takes longer than sending a small one.
const BEFORE_VALUES: &str = " -- binds: ";

/// Watches the statements of one connection.
///
/// diesel tracks only the transactions that it opened itself. It does not track `BEGIN`, `SET`, `LISTEN` and
/// similar statements sent as text, cursors, temporary tables, session locks, and code blocks. Changes made
/// within a database function are not detected, because that would cost a round trip: such functions must
/// change settings for their transaction only. The guard forwards all events to the instrumentation that the
/// process has set for all connections.
pub(super) struct SessionGuard {
    changed: Arc<AtomicBool>,
    begins: bool,
    text: Beginning,
    /// The last statements without effect on the session, because most statements repeat.
    harmless: VecDeque<String>,
    next: Option<Box<dyn Instrumentation>>,
}

impl SessionGuard {
    /// Creates a guard that sets `changed`.
    pub(super) fn new(changed: Arc<AtomicBool>) -> Self {
        Self {
            changed,
            begins: false,
            text: Beginning(String::new()),
            harmless: VecDeque::new(),
            next: get_default_instrumentation(),
        }
    }

    fn inspect(&mut self, event: &InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::BeginTransaction { .. } => self.begins = true,
            InstrumentationEvent::StartQuery { query, .. } => {
                // diesel's own BEGIN, which diesel also ends
                if std::mem::take(&mut self.begins) {
                    return;
                }
                self.text.0.clear();
                // the write fails at the end of the inspected part
                let _ = write!(self.text, "{query}");
                if self.harmless.contains(&self.text.0) {
                    return;
                }
                if changes_session(&self.text.0) {
                    self.changed.store(true, Ordering::Relaxed);
                } else {
                    self.remember();
                }
            }
            _ => {}
        }
    }
}

impl SessionGuard {
    fn remember(&mut self) {
        let oldest = if self.harmless.len() < REMEMBERED {
            String::new()
        } else {
            self.harmless.pop_front().unwrap_or_default()
        };
        self.harmless
            .push_back(std::mem::replace(&mut self.text.0, oldest));
    }
}

impl Instrumentation for SessionGuard {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        self.inspect(&event);
        if let Some(next) = &mut self.next {
            next.on_connection_event(event);
        }
    }
}

/// The first bytes of a statement, without the values.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text == BEFORE_VALUES {
            return Err(fmt::Error);
        }
        let room = MAX_SCANNED_BYTES.saturating_sub(self.0.len());
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if end < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

fn changes_session(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let locks = ["pg_advisory_lock", "pg_try_advisory_lock"];
    locks.iter().any(|call| lower.contains(call))
        || lower
            .split("set_config")
            .skip(1)
            .any(sets_beyond_transaction)
        || lower.split(';').any(is_of_session)
}

/// Whether the last of `arguments`, which follow `set_config`, is not `true`, that is, not limited to the
/// transaction.
fn sets_beyond_transaction(arguments: &str) -> bool {
    let arguments = arguments.split(')').next().unwrap_or_default();
    !arguments.trim_end().ends_with("true")
}

fn is_of_session(statement: &str) -> bool {
    let mut words = statement.split_whitespace();
    let (first, second) = (words.next(), words.next());
    match (first.unwrap_or_default(), second.unwrap_or_default()) {
        ("set", "local" | "constraints" | "transaction") => false,
        // the effects of a code block cannot be seen
        ("do", _) => true,
        ("begin" | "start" | "set" | "reset" | "listen" | "prepare" | "declare" | "load", _) => {
            true
        }
        ("create", "temp" | "temporary") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_change_the_session_are_found() {
        for text in [
            "BEGIN",
            "begin; insert into t values (1)",
            "INSERT INTO t VALUES (1);\n  START TRANSACTION",
            "SET statement_timeout = 0",
            "SET SESSION search_path = x",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT set_config ('a.b', 'c', false)",
            "SELECT set_config('a.b', 'c', true), set_config('a.b', 'true', false)",
            "DO $$ BEGIN SET a.b = 'c'; END $$",
            "LISTEN news",
            "CREATE TEMP TABLE t (x int)",
            "SELECT pg_advisory_lock(1)",
        ] {
            assert!(changes_session(text), "{text}");
        }
        for text in [
            "SET LOCAL lock_timeout = 5",
            "SELECT set_config('lock_timeout', '5', true)",
            "SET CONSTRAINTS ALL DEFERRED",
            "SELECT pg_advisory_xact_lock(1)",
            "UPDATE t SET x = 1",
            "SAVEPOINT a",
            "COMMIT",
            "CREATE TABLE t (x int)",
            "",
        ] {
            assert!(!changes_session(text), "{text}");
        }
    }

    #[test]
    fn bound_values_are_not_inspected() {
        use diesel::sql_types::{Array, Text};
        let values = vec!["a; BEGIN; set_config('x')".to_owned(); 3];
        let query = diesel::sql_query("SELECT $1").bind::<Array<Text>, _>(values);
        let mut text = Beginning(String::new());
        let shown = write!(text, "{}", diesel::debug_query::<diesel::pg::Pg, _>(&query));
        assert!(shown.is_err(), "more than the statement: {}", text.0);
        assert_eq!(text.0, "SELECT $1");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut text = Beginning(String::new());
        let long = "é".repeat(MAX_SCANNED_BYTES);
        assert!(write!(text, "x{long}").is_err());
        assert!(text.0.len() <= MAX_SCANNED_BYTES && text.0.starts_with("xé"));
    }
}
