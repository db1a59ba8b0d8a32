//! A session that the server replays, and the truth behind it: the books of the undamaged session.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use venue_server::{Answer, Play, Step};

use super::history::ServedHistory;
use super::truth::Truth;
use super::venues::{BINANCE, Dialect, renumbered};
use crate::binance::Snapshots;
use crate::sessions::Line;

/// A line of a session, as the server plays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    /// The connection ends; the next line is for another one.
    Reconnect,
}

/// The received lines of a session.
pub(crate) fn parts(lines: &[Line]) -> Vec<Part> {
    let mut is_open = false;
    let part = |line: &Line| match line {
        Line::Opened => std::mem::replace(&mut is_open, true).then_some(Part::Reconnect),
        Line::Received { text, .. } => Some(Part::Text(text.clone())),
        Line::Answer { .. } | Line::Other => None,
    };
    lines.iter().filter_map(part).collect()
}

/// How the server plays a session.
#[derive(Debug)]
pub(crate) struct SessionPlay {
    dialect: Dialect,
    symbols: Vec<String>,
    parts: Vec<Part>,
    position: usize,
    truth: Option<Truth>,
    /// The numbers of parts before and after the damage that are as in the truth.
    before: usize,
    after: usize,
    /// The bodies that the session has for the first requests of each symbol.
    answers: Snapshots,
    /// HTTP requests with the position at which they are answered, and the body.
    held: BTreeMap<String, (usize, String)>,
    /// How many parts later an HTTP request is answered.
    pub(crate) lag: usize,
    /// Whether the snapshots after a reconnection are in the session.
    has_own_snapshots: bool,
    /// Whether the server closes at the end, for good.
    closes: bool,
    /// The number of books that have to be valid at the end.
    pub(crate) books: usize,
    /// Whether a connection begins with the answers to the first HTTP request of each symbol.
    pub(crate) is_patient: bool,
    /// The symbols whose snapshots were requested on this connection.
    requested: BTreeSet<String>,
    /// Positions at which the server sends something else first.
    pub(crate) extra: BTreeMap<usize, Step>,
    /// The numbers of parts that are never sent, by the position of the `extra` step before them.
    pub(crate) lost: BTreeMap<usize, usize>,
    /// The trades that the server has over HTTP.
    pub(crate) history: Option<ServedHistory>,
    /// Positions in which the server waits for the client after each part.
    pub(crate) lockstep: std::ops::Range<usize>,
    is_started: bool,
    is_subscribed: bool,
    connections: usize,
    /// The number of the next message of a connection, if the server numbers them.
    number: i64,
    wanted: Vec<String>,
    queue: VecDeque<String>,
    waits: usize,
    is_finished: Arc<AtomicBool>,
}

impl Default for SessionPlay {
    fn default() -> Self {
        Self::new(BINANCE, &[], Vec::new(), Vec::new(), Snapshots::new())
    }
}

impl SessionPlay {
    /// Plays `damaged`; snapshots are those of `whole`.
    pub(crate) fn new(
        dialect: Dialect,
        symbols: &[String],
        whole: Vec<Part>,
        damaged: Vec<Part>,
        answers: Snapshots,
    ) -> Self {
        let shorter = whole.len().min(damaged.len());
        let equal = |pair: &(&Part, &Part)| pair.0 == pair.1;
        let before = whole.iter().zip(&damaged).take_while(equal).count();
        let after = whole
            .iter()
            .rev()
            .zip(damaged.iter().rev())
            .take_while(equal)
            .count();
        let after = after.min(shorter - before);
        let reconnects = damaged
            .iter()
            .filter(|part| **part == Part::Reconnect)
            .count();
        let truth = Truth::of(dialect, symbols, whole, answers.clone());
        Self {
            dialect,
            symbols: symbols.to_vec(),
            position: 0,
            truth: Some(truth),
            before,
            after,
            answers,
            held: BTreeMap::new(),
            lag: 0,
            has_own_snapshots: reconnects > 0,
            closes: false,
            books: symbols.len(),
            is_patient: false,
            requested: BTreeSet::new(),
            extra: BTreeMap::new(),
            lost: BTreeMap::new(),
            history: None,
            lockstep: before.saturating_sub(3)..(damaged.len() - after) + 40,
            parts: damaged,
            is_started: false,
            is_subscribed: false,
            connections: 0,
            number: 0,
            wanted: Vec::new(),
            queue: VecDeque::new(),
            waits: 0,
            is_finished: Arc::default(),
        }
    }

    /// Plays an undamaged session.
    pub(crate) fn whole(
        dialect: Dialect,
        symbols: &[String],
        parts: Vec<Part>,
        answers: Snapshots,
    ) -> Self {
        let mut play = Self::new(dialect, symbols, parts.clone(), parts, answers);
        play.lockstep = 0..0;
        play
    }

    /// Gives other bodies to the client than the undamaged session has.
    pub(crate) fn with_answers(mut self, answers: Snapshots) -> Self {
        self.answers = answers;
        self
    }

    /// Closes at the end, and refuses further connections.
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The bodies of the session for the first requests of each symbol.
    pub(crate) fn answers(&self) -> Snapshots {
        self.answers.clone()
    }

    pub(crate) fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The positions of the damaged parts.
    pub(crate) fn damage(&self) -> std::ops::Range<usize> {
        self.before..self.parts.len() - self.after
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Set at the end of the session.
    pub(crate) fn finished(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_finished)
    }

    /// The truth after the parts that were sent; `None` within the damage.
    fn truth(&mut self) -> Option<&mut Truth> {
        let truth = self.truth.as_mut()?;
        let position = if self.position >= self.parts.len() - self.after {
            self.position + truth.parts.len() - self.parts.len()
        } else if self.position <= self.before {
            self.position
        } else {
            return None;
        };
        truth.advance(position);
        Some(truth)
    }

    /// The snapshot of a symbol; `None` within the damage, and before the session has one.
    fn snapshot(&mut self, symbol: &str) -> Option<String> {
        let render = self.dialect.snapshot;
        let truth = self.truth()?;
        let book = truth.venue.protocol().book(symbol)?;
        let last = truth.last.get(symbol).copied().unwrap_or(0);
        book.state().is_valid().then(|| render(symbol, book, last))
    }

    fn queue_snapshots(&mut self) {
        if self.wanted.is_empty() || self.truth().is_none() {
            return;
        }
        for symbol in std::mem::take(&mut self.wanted) {
            // before its first snapshot the session itself brings it
            let snapshot = self.snapshot(&symbol);
            self.queue.extend(snapshot);
        }
    }

    /// The text with the next number of the connection, if the server numbers the messages.
    fn numbered(&mut self, text: String) -> String {
        if !self.dialect.is_numbered || self.connections < 2 {
            return text;
        }
        self.number += 1;
        renumbered(&text, self.number)
    }

    fn send(&mut self, text: String) -> Step {
        let text = self.numbered(text);
        match self.lockstep.contains(&self.position) {
            true => Step::SendAndWait(text),
            false => Step::Send(text),
        }
    }
}

impl Play for SessionPlay {
    fn open(&mut self, _: &str) -> bool {
        if self.closes && self.position == self.parts.len() {
            return false;
        }
        self.connections += 1;
        (self.is_started, self.is_subscribed) = (false, false);
        self.number = 0;
        true
    }

    fn closed(&mut self) {
        self.held.clear();
        self.requested.clear();
        self.wanted.clear();
        self.queue.clear();
        (self.is_started, self.is_subscribed) = (false, false);
    }

    fn text(&mut self, text: &str) {
        self.is_started = true;
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return;
        };
        self.queue.extend((self.dialect.acknowledgement)(&message));
        let symbols = (self.dialect.requested)(&message);
        if symbols.is_empty() {
            return;
        }
        // the session has the answers to the first subscription
        let is_first = !std::mem::replace(&mut self.is_subscribed, true);
        if !is_first || (self.connections > 1 && !self.has_own_snapshots) {
            self.wanted.extend(symbols);
        }
    }

    fn next(&mut self) -> Step {
        if !self.is_started {
            return Step::Idle;
        }
        self.queue_snapshots();
        if let Some(text) = self.queue.pop_front() {
            return self.send(text);
        }
        if self.is_patient && self.requested.len() < self.symbols.len() {
            return Step::Wait;
        }
        if let Some(step) = self.extra.remove(&self.position) {
            self.position += self.lost.remove(&self.position).unwrap_or(0);
            return step;
        }
        match self.parts.get(self.position).cloned() {
            Some(part) => {
                self.position += 1;
                match part {
                    Part::Text(text) => self.send(text),
                    Part::Reconnect => Step::Close,
                }
            }
            None if self.closes => Step::Close,
            None => {
                self.waits += 1;
                if self.waits == 2 {
                    self.is_finished.store(true, Ordering::Release);
                }
                match self.waits {
                    // the client gives the receiver a chance to end with each of them
                    1 | 2 => Step::Wait,
                    _ => Step::Idle,
                }
            }
        }
    }

    fn get(&mut self, path: &str) -> Option<Answer> {
        if let Some(answer) = self.history.as_mut().and_then(|it| it.answer(path)) {
            return Some(answer);
        }
        let (_, rest) = path.split_once("symbol=")?;
        let symbol = rest.split('&').next()?.to_owned();
        self.requested.insert(symbol.clone());
        if !self.held.contains_key(&symbol) {
            let own = self.answers.get_mut(&symbol).and_then(VecDeque::pop_front);
            let body = match own {
                Some((_, body)) => body,
                None => self.snapshot(&symbol)?,
            };
            let at = (self.position + self.lag).min(self.parts.len());
            self.held.insert(symbol.clone(), (at, body));
        }
        if self.held[&symbol].0 > self.position {
            return None;
        }
        self.held.remove(&symbol).map(|(_, body)| Answer::ok(body))
    }
}
