//! The bounded queue of one sink, and its overflow policies.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::event::{Event, Gap};
use crate::domain::{SymbolId, setters};
use crate::ingest::record::Record;

/// The capacity that a queue always retains, in events.
const USUAL: usize = 256;

/// A queue releases memory if its capacity exceeds its content by this factor.
const SPARSE: usize = 4;

/// The policy for a full queue of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverflowPolicy {
    /// The publisher waits. For the sink that stores records and must not miss any. When it ends, nothing
    /// more is published.
    Block,
    /// The oldest record is dropped.
    DropOldest,
    /// Only the newest record of each symbol is retained. If there are more symbols than the capacity,
    /// the oldest record is dropped.
    KeepNewestPerSymbol,
}

/// Options of a sink's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueOptions {
    /// The name of the sink in metrics; several sinks may share a name.
    pub name: &'static str,
    /// Maximum number of waiting records; 0 counts as 1.
    pub capacity: usize,
    /// The policy for a full queue.
    pub policy: OverflowPolicy,
    /// Whether the sink also receives records that are already stored; the sink that stores records does not
    /// need them.
    pub takes_stored: bool,
    /// Whether the sink receives every symbol, or only symbols that it [follows](super::SinkQueue::follow).
    pub every_symbol: bool,
}

impl QueueOptions {
    /// Creates options for a queue that receives every record of every symbol and drops its oldest records.
    #[must_use]
    pub fn dropping_oldest(name: &'static str, capacity: usize) -> Self {
        Self {
            name,
            capacity,
            policy: OverflowPolicy::DropOldest,
            takes_stored: true,
            every_symbol: true,
        }
    }

    /// Creates options for a queue that makes publishers wait and receives every record that is not stored
    /// yet.
    #[must_use]
    pub fn storing(name: &'static str, capacity: usize) -> Self {
        Self {
            name,
            capacity,
            policy: OverflowPolicy::Block,
            takes_stored: false,
            every_symbol: true,
        }
    }
}

setters!(QueueOptions {
    set {
        /// Sets the policy for a full queue.
        policy: OverflowPolicy,
        /// Sets whether the sink receives records that are already stored.
        takes_stored: bool,
        /// Sets whether the sink receives every symbol.
        every_symbol: bool,
    }
});

/// Waiting records, and the gaps since the last delivery.
#[derive(Debug)]
pub(super) struct Queue<R: Record> {
    capacity: usize,
    policy: OverflowPolicy,
    /// Whether every symbol is followed, besides `followed`.
    every_symbol: bool,
    followed: HashSet<SymbolId>,
    /// The gap of each symbol, which precedes its first waiting event.
    dropped: BTreeMap<SymbolId, Gap>,
    waiting: VecDeque<Event<R>>,
    missed: u64,
}

impl<R: Record> Queue<R> {
    pub(super) fn new(options: &QueueOptions) -> Self {
        Self {
            capacity: options.capacity.max(1),
            policy: options.policy,
            every_symbol: options.every_symbol,
            followed: HashSet::new(),
            dropped: BTreeMap::new(),
            waiting: VecDeque::new(),
            missed: 0,
        }
    }

    /// The number of records that fit before a publisher has to wait.
    pub(super) fn room(&self) -> usize {
        match self.policy {
            OverflowPolicy::Block => self.capacity.saturating_sub(self.waiting.len()),
            OverflowPolicy::DropOldest | OverflowPolicy::KeepNewestPerSymbol => usize::MAX,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped.is_empty()
    }

    /// The number of records and gaps in memory.
    pub(super) fn held(&self) -> usize {
        self.waiting.len() + self.dropped.len()
    }

    /// Drops all waiting events and unfollows all symbols.
    pub(super) fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.dropped = BTreeMap::new();
        self.every_symbol = false;
        self.followed = HashSet::new();
    }

    /// Whether no symbol is followed and nothing waits.
    pub(super) fn is_unused(&self) -> bool {
        !self.every_symbol && self.followed.is_empty() && self.is_empty()
    }

    /// The total number of missed records.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    /// Adds an event of a followed symbol. Returns the number of records that were missed because of it.
    pub(super) fn push(&mut self, event: Event<R>) -> u64 {
        let symbol_id = event.symbol_id();
        if !self.every_symbol && !self.followed.contains(&symbol_id) {
            return 0;
        }
        let before = self.missed;
        if let Event::Gap(gap) = &event {
            self.missed += gap.missed;
        }
        // with the policy `Block` publishers wait for room
        if self.waiting.len() >= self.capacity && self.policy != OverflowPolicy::Block {
            if self.policy == OverflowPolicy::KeepNewestPerSymbol {
                self.keep_newest(symbol_id);
            }
            while self.waiting.len() >= self.capacity {
                let oldest = self.waiting.pop_front();
                oldest.into_iter().for_each(|event| self.drop_event(&event));
            }
        }
        self.waiting.push_back(event);
        self.missed - before
    }

    /// Takes the gaps and at most `max_records` waiting events.
    pub(super) fn take(&mut self, max_records: usize) -> Vec<Event<R>> {
        let dropped = std::mem::take(&mut self.dropped);
        let mut events: Vec<_> = dropped.into_values().map(Event::Gap).collect();
        let ready = self.waiting.len().min(max_records);
        events.extend(self.waiting.drain(..ready));
        // release memory of a burst, unless it will be needed again soon
        if ready * 2 * SPARSE < self.waiting.capacity() {
            self.shrink();
        }
        events
    }

    /// Returns whether the symbol was not followed before.
    pub(super) fn follow(&mut self, symbol_id: SymbolId) -> bool {
        self.followed.insert(symbol_id)
    }

    /// Follows every symbol, or only those that are followed one by one. Waiting events of the others are dropped,
    /// and do not count as missed.
    pub(super) fn follow_every(&mut self, every_symbol: bool) {
        self.every_symbol = every_symbol;
        if !every_symbol {
            let followed = &self.followed;
            self.dropped.retain(|id, _| followed.contains(id));
            self.waiting
                .retain(|event| followed.contains(&event.symbol_id()));
            self.shrink();
        }
    }

    /// Unfollows symbols and drops their waiting events, which do not count as missed. Returns the symbols
    /// that were followed.
    pub(super) fn unfollow(&mut self, symbol_ids: &[SymbolId]) -> HashSet<SymbolId> {
        let followed = &mut self.followed;
        let left = symbol_ids.iter().filter(|id| followed.remove(id));
        let left: HashSet<_> = left.copied().collect();
        if !left.is_empty() && !self.every_symbol {
            self.dropped.retain(|id, _| !left.contains(id));
            self.waiting
                .retain(|event| !left.contains(&event.symbol_id()));
            self.shrink();
        }
        left
    }

    pub(super) fn followed(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.followed.iter().copied()
    }

    /// Releases memory that a burst has taken.
    fn shrink(&mut self) {
        let room = self.waiting.capacity();
        if room > USUAL && self.waiting.len() < room / SPARSE {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
    }

    /// Drops every event that has a newer event of its symbol; an event of `next` is about to be added.
    fn keep_newest(&mut self, next: SymbolId) {
        let mut newer = HashSet::from([next]);
        let mut kept = VecDeque::with_capacity(self.capacity);
        let mut old = Vec::new();
        while let Some(event) = self.waiting.pop_back() {
            if newer.insert(event.symbol_id()) {
                kept.push_front(event);
            } else {
                old.push(event);
            }
        }
        self.waiting = kept;
        old.iter().for_each(|event| self.drop_event(event));
    }

    fn drop_event(&mut self, event: &Event<R>) {
        let gap = event.as_missed();
        // a waiting gap was counted when it arrived
        if let Event::Record(_) = event {
            self.missed += gap.missed;
        }
        self.dropped
            .entry(gap.symbol_id)
            .and_modify(|whole| *whole = whole.joined(gap))
            .or_insert(gap);
    }
}

#[cfg(test)]
mod tests;
