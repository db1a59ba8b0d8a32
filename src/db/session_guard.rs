//! Notices statements that change a session for whoever uses its connection next.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};

/// So much of a text is looked at; statements that change a session are short.
const LOOKED_AT: usize = 2_048;

/// How many texts are remembered, of 2 KiB at most: more than the statements of one call.
const REMEMBERED: usize = 16;

/// What diesel shows between the text of a statement and its values. Values change no session, and
/// showing those of a batch takes longer than sending a small one.
const BEFORE_VALUES: &str = " -- binds: ";

/// Watches the statements of one connection.
///
/// diesel knows of the transactions that it opened itself and of nothing else that lasts: `BEGIN`,
/// `SET`, `LISTEN` and the like sent as text, cursors, temporary tables, session locks, blocks of
/// code. What a function of the database does out of sight is not noticed, as finding it would cost
/// a round trip: such functions set what they set for their transaction only. Passes everything on to the instrumentation that the
/// process has set for all connections.
pub(super) struct SessionGuard {
    changed: Arc<AtomicBool>,
    begins: bool,
    text: Beginning,
    /// The last texts that change nothing: most statements are the same again and again.
    harmless: VecDeque<String>,
    next: Option<Box<dyn Instrumentation>>,
}

impl SessionGuard {
    /// A guard that sets `changed`.
    pub(super) fn new(changed: Arc<AtomicBool>) -> Self {
        Self {
            changed,
            begins: false,
            text: Beginning(String::new()),
            harmless: VecDeque::new(),
            next: get_default_instrumentation(),
        }
    }

    fn look(&mut self, event: &InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::BeginTransaction { .. } => self.begins = true,
            InstrumentationEvent::StartQuery { query, .. } => {
                // the BEGIN of diesel, which ends the transaction as well
                if std::mem::take(&mut self.begins) {
                    return;
                }
                self.text.0.clear();
                // it fails when there is more, which is not looked at
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
        self.look(&event);
        if let Some(next) = &mut self.next {
            next.on_connection_event(event);
        }
    }
}

/// The first bytes of a text, without the values.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text == BEFORE_VALUES {
            return Err(fmt::Error);
        }
        let room = LOOKED_AT.saturating_sub(self.0.len());
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

/// Whether the last of `arguments`, which follow `set_config`, is not `true`: for the transaction
/// only.
fn sets_beyond_transaction(arguments: &str) -> bool {
    let arguments = arguments.split(')').next().unwrap_or_default();
    !arguments.trim_end().ends_with("true")
}

fn is_of_session(statement: &str) -> bool {
    let mut words = statement.split_whitespace();
    let (first, second) = (words.next(), words.next());
    match (first.unwrap_or_default(), second.unwrap_or_default()) {
        ("set", "local" | "constraints" | "transaction") => false,
        // what a block does is as good as out of sight
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
    fn statements_that_last_are_told_from_those_that_do_not() {
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
    fn values_are_not_looked_at() {
        use diesel::sql_types::{Array, Text};
        let values = vec!["a; BEGIN; set_config('x')".to_owned(); 3];
        let query = diesel::sql_query("SELECT $1").bind::<Array<Text>, _>(values);
        let mut text = Beginning(String::new());
        let shown = write!(text, "{}", diesel::debug_query::<diesel::pg::Pg, _>(&query));
        assert!(shown.is_err(), "more than the statement: {}", text.0);
        assert_eq!(text.0, "SELECT $1");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut text = Beginning(String::new());
        let long = "é".repeat(LOOKED_AT);
        assert!(write!(text, "x{long}").is_err());
        assert!(text.0.len() <= LOOKED_AT && text.0.starts_with("xé"));
    }
}
