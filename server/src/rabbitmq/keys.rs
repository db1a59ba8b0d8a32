//! Routing keys of symbols, and what waits for them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use metrics::{counter, gauge};
use tickbook::domain::{Symbol, SymbolId};
use tickbook::ingest::fanout::{Event, Gap};
use tokio::time::Instant;

use super::message::{routing_key, unknown_key};

/// Events that wait for the key of one symbol at most; more become one gap.
const OF_SYMBOL: usize = 1_000;

/// Events that wait for keys at most.
const IN_ALL: usize = 10_000;

/// A symbol that does not exist may be created: after this it is asked for again.
const FORGET_UNKNOWN: Duration = Duration::from_secs(60);

/// Keys that are known, and events of symbols whose keys are not.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// As they were at the first look-up: a symbol that is renamed keeps its key, so that its messages
    /// stay in one queue until the server starts again.
    known: HashMap<SymbolId, String>,
    unknown: HashMap<SymbolId, Instant>,
    waiting: BTreeMap<SymbolId, Vec<Event>>,
    count: usize,
}

impl Keys {
    /// The key under which an event is published now; an event that has to wait is kept.
    pub(super) fn key_or_keep(&mut self, event: Event) -> Option<(Event, String)> {
        let symbol_id = event.symbol_id();
        if let Some(waiting) = self.waiting.get_mut(&symbol_id) {
            waiting.push(event);
            self.count += 1;
            if waiting.len() > OF_SYMBOL || self.count > IN_ALL {
                self.count -= waiting.len();
                waiting.splice(.., join(waiting.clone()));
                self.count += waiting.len();
            }
            gauge!("rabbitmq_waiting_for_symbols").set(self.count as f64);
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

    /// Whose events wait.
    pub(super) fn wanted(&self) -> Vec<SymbolId> {
        self.waiting.keys().copied().collect()
    }

    pub(super) fn waiting(&self) -> usize {
        self.count
    }

    /// Takes what a look-up of `asked` has found, and returns what waited for it.
    pub(super) fn found(&mut self, asked: &[SymbolId], found: &[Symbol]) -> Vec<(Event, String)> {
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
        gauge!("rabbitmq_waiting_for_symbols").set(self.count as f64);
        ready
    }
}

/// Events of one symbol as one gap.
fn join(events: Vec<Event>) -> Option<Event> {
    let gaps = events.into_iter().map(|event| match event {
        Event::Record(published) => {
            counter!("fan_out_missed_ticks_total", "sink" => "rabbitmq").increment(1);
            Gap::of(&published)
        }
        Event::Gap(gap) => gap,
    });
    gaps.reduce(Gap::joined).map(Event::Gap)
}
