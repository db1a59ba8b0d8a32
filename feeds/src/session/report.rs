//! The findings of a protocol in a session.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tickbook::domain::book::{BookSide, BookView, LevelCounts};

/// Further problems are only counted.
const LISTED: usize = 100;

/// The findings of a protocol in the files of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReplayReport {
    /// The protocol, such as `kraken v2`; `None` without messages.
    pub protocol: Option<String>,
    /// Connections that were opened.
    pub connections: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// The number of events by their kind.
    pub events: BTreeMap<&'static str, u64>,
    /// Messages whose checksum equals that of the book; of FIX, those whose length and checksum are right.
    pub checksums_ok: u64,
    /// Messages whose checksum differs from that of the book; of FIX, texts that are not one whole message.
    pub checksums_failed: u64,
    /// Losses that the numbers of updates or messages showed.
    pub gaps: u64,
    /// The counters of the session; `None` for venues over WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionReport>,
    /// Instruments in the answers to HTTP requests and in messages.
    pub instruments: InstrumentCounts,
    /// The book of each symbol.
    pub books: BTreeMap<String, BookReport>,
    /// The number of trades of each symbol.
    pub trades: BTreeMap<String, u64>,
    /// The number of quotes of each symbol.
    pub quotes: BTreeMap<String, u64>,
    /// Stale books, messages that were not applied, and instruments that cannot be used, at most 100.
    pub problems: Vec<Problem>,
    /// The number of problems, listed or not.
    pub problem_count: u64,
}

/// The messages of a session of FIX.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionReport {
    /// The number of messages by their type, such as `W`.
    pub types: BTreeMap<String, u64>,
    /// The number of events of the session, by their names in metrics.
    pub counts: BTreeMap<&'static str, u64>,
    /// Messages that are missing, by their numbers.
    pub lost: u64,
}

/// Instruments of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstrumentCounts {
    /// Instruments that can be used.
    pub listed: u64,
    /// Instruments that cannot.
    pub refused: u64,
}

/// The place and the description of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The name of the file.
    pub file: String,
    /// The number of the line, from 1.
    pub line: u64,
    /// The symbol, if it concerns one.
    pub symbol: Option<String>,
    /// The description.
    pub detail: String,
}

/// The book of a symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BookReport {
    /// Applied snapshots.
    pub snapshots: u64,
    /// Applied updates.
    pub updates: u64,
    /// Messages whose checksum equals that of the book.
    pub checksums_ok: u64,
    /// Messages whose checksum differs from that of the book.
    pub checksums_failed: u64,
    /// Losses that update numbers showed.
    pub gaps: u64,
    /// New levels.
    pub level_inserts: u64,
    /// Changed quantities.
    pub level_changes_of_qty: u64,
    /// Removed levels.
    pub level_deletes: u64,
    /// Removals of levels that the book did not have.
    pub deletes_of_unknown_level: u64,
    /// The state after the last message: `syncing`, `valid` or `stale: <reason>`.
    pub final_state: String,
    /// The levels after the last message; `None` unless the book is valid.
    #[serde(rename = "final")]
    pub last: Option<FinalBook>,
}

/// The levels of a valid book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FinalBook {
    /// The number of bids.
    pub bid_levels: usize,
    /// The number of asks.
    pub ask_levels: usize,
    /// The length of [`book_text`] in bytes.
    pub text_bytes: usize,
    /// SHA-256 of [`book_text`], in hexadecimal digits.
    pub sha256: String,
}

impl FinalBook {
    /// The facts of a valid book.
    #[must_use]
    pub fn of(view: BookView<'_>) -> Self {
        let text = book_text(view);
        let digest = Sha256::digest(text.as_bytes());
        Self {
            bid_levels: view.side(BookSide::Bid).len(),
            ask_levels: view.side(BookSide::Ask).len(),
            text_bytes: text.len(),
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// The text of a whole book: a line `<side> <price> <quantity>` for each level, bids before asks, the best ones
/// first. Numbers have no zeros at the end of fractions.
#[must_use]
pub fn book_text(view: BookView<'_>) -> String {
    let mut text = String::new();
    for side in [BookSide::Bid, BookSide::Ask] {
        for (price, quantity) in view.decimals(side) {
            text += &format!("{side} {} {}\n", price.normalize(), quantity.normalize());
        }
    }
    text
}

impl BookReport {
    pub(super) fn count(&mut self, counts: &LevelCounts) {
        self.level_inserts += counts.inserted;
        self.level_changes_of_qty += counts.replaced;
        self.level_deletes += counts.removed;
        self.deletes_of_unknown_level += counts.unknown;
    }
}

impl ReplayReport {
    /// Whether every message was applied and every book is valid at the end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_valid = |book: &BookReport| book.last.is_some();
        self.problem_count == 0 && self.books.values().all(is_valid)
    }

    pub(super) fn add_problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < LISTED {
            self.problems.push(problem);
        }
    }
}
