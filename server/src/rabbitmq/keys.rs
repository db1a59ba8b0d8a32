//! Cache of the routing keys of symbols, and the events that wait for a key.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use metrics::{counter, gauge};
use tickbook::domain::{Symbol, SymbolId, Tick};
use tickbook::ingest::fanout::{Event, Gap};
use tokio::time::Instant;

use super::message::{MessageRecord, routing_key, unknown_key};
use crate::metrics::RABBITMQ_WAITING;

/// Maximum number of events that wait for the key of one symbol; more are merged into one gap.
const OF_SYMBOL: usize = 1_000;

/// Maximum number of events that wait for keys in total.
const IN_ALL: usize = 10_000;

/// An unknown symbol may be created later: it is looked up again after this time.
const FORGET_UNKNOWN: Duration = Duration::from_secs(60);

/// Known keys, and events of symbols whose keys are unknown.
#[derive(Debug)]
pub(super) struct Keys<R: MessageRecord = Tick> {
    /// Keys from the first look-up of each symbol: a renamed symbol retains its key until the server
    /// restarts, so that its messages stay in one queue.
    known: HashMap<SymbolId, String>,
    unknown: HashMap<SymbolId, Instant>,
    waiting: BTreeMap<SymbolId, Vec<Event<R>>>,
    count: usize,
}

impl<R: MessageRecord> Default for Keys<R> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            unknown: HashMap::new(),
            waiting: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<R: MessageRecord> Keys<R> {
    /// Returns the event with its key if the key is known; otherwise stores the event until it is.
    pub(super) fn key_or_keep(&mut self, event: Event<R>) -> Option<(Event<R>, String)> {
        let symbol_id = event.symbol_id();
        if let Some(waiting) = self.waiting.get_mut(&symbol_id) {
            waiting.push(event);
            self.count += 1;
            if waiting.len() > OF_SYMBOL || self.count > IN_ALL {
                self.count -= waiting.len();
                waiting.splice(.., join(waiting.clone()));
                self.count += waiting.len();
            }
            self.show_count();
            return None;
        }
        if let Some(key) = self.known.get(&symbol_id) {
            return Some((event, key.clone()));
        }
        let is_recent = |since: &Instant| since.elapsed() < FORGET_UNKNOWN;
        if self.unknown.get(&symbol_id).is_some_and(is_recent) {
            return Some((event, unknown_key(symbol_id)));
        }
        self.waiting.insert(symbol_id, vec![event]);
        self.count += 1;
        None
    }

    /// The symbols whose events wait.
    pub(super) fn wanted(&self) -> Vec<SymbolId> {
        self.waiting.keys().copied().collect()
    }

    pub(super) fn waiting(&self) -> usize {
        self.count
    }

    /// Records the result of a look-up of `asked`, and returns the events that waited for it.
    pub(super) fn found(
        &mut self,
        asked: &[SymbolId],
        found: &[Symbol],
    ) -> Vec<(Event<R>, String)> {
        let named = |symbol: &Symbol| (symbol.symbol_id, routing_key(symbol));
        self.known.extend(found.iter().map(named));
        let mut ready = Vec::new();
        for symbol_id in asked {
            let key = match self.known.get(symbol_id) {
                Some(key) => {
                    self.unknown.remove(symbol_id);
                    key.clone()
                }
                None => {
                    self.unknown.insert(*symbol_id, Instant::now());
                    unknown_key(*symbol_id)
                }
            };
            let events = self.waiting.remove(symbol_id).unwrap_or_default();
            self.count -= events.len();
            ready.extend(events.into_iter().map(|event| (event, key.clone())));
        }
        self.show_count();
        ready
    }

    fn show_count(&self) {
        gauge!(RABBITMQ_WAITING, "records" => R::NAMES).set(self.count as f64);
    }
}

/// Merges the events of one symbol into one gap.
fn join<R: MessageRecord>(events: Vec<Event<R>>) -> Option<Event<R>> {
    let gaps = events.into_iter().map(|event| match event {
        Event::Record(published) => {
            counter!(R::MISSED, "sink" => "rabbitmq").increment(1);
            Gap::of(&published)
        }
        Event::Gap(gap) => gap,
    });
    gaps.reduce(Gap::joined).map(Event::Gap)
}
