//! The bounded queue of one sink, and what happens when it is full.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::event::{Event, Gap};
use crate::domain::{SymbolId, setters};
use crate::ingest::record::Record;

/// Room for so many events is never given back.
const USUAL: usize = 256;

/// A queue with room for so many times what waits gives memory back.
const SPARSE: usize = 4;

/// What happens when the queue of a sink is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverflowPolicy {
    /// The publisher waits. For the sink that nothing may pass by: the one that stores. When it
    /// ends, nothing more is published.
    Block,
    /// The oldest record is dropped.
    DropOldest,
    /// Of each symbol only the newest record is kept; where there are more symbols than places, the
    /// oldest record is dropped.
    KeepNewestPerSymbol,
}

/// How the queue of a sink works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueOptions {
    /// What the sink is called in the metrics; several sinks may share a name.
    pub name: &'static str,
    /// Records that wait at most; 0 counts as 1.
    pub capacity: usize,
    /// What happens then.
    pub policy: OverflowPolicy,
    /// Whether it also gets records that are stored already; the sink that stores need not.
    pub takes_stored: bool,
    /// Whether it gets every symbol, or only those it [follows](super::SinkQueue::follow).
    pub every_symbol: bool,
}

impl QueueOptions {
    /// A queue that drops its oldest records, for every record of every symbol.
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

    /// A queue that makes publishers wait, for every record that is not stored yet.
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
        /// Sets what happens when it is full.
        policy: OverflowPolicy,
        /// Sets whether it gets records that are stored already.
        takes_stored: bool,
        /// Sets whether it gets every symbol.
        every_symbol: bool,
    }
});

/// Records that wait, and what was dropped since the last look.
#[derive(Debug)]
pub(super) struct Queue<R: Record> {
    capacity: usize,
    policy: OverflowPolicy,
    /// `None` is every symbol.
    followed: Option<HashSet<SymbolId>>,
    /// Of each symbol, what was dropped: all before the first event of it that waits.
    dropped: BTreeMap<SymbolId, Gap>,
    waiting: VecDeque<Event<R>>,
    missed: u64,
}

impl<R: Record> Queue<R> {
    pub(super) fn new(options: &QueueOptions) -> Self {
        Self {
            capacity: options.capacity.max(1),
            policy: options.policy,
            followed: (!options.every_symbol).then(HashSet::new),
            dropped: BTreeMap::new(),
            waiting: VecDeque::new(),
            missed: 0,
        }
    }

    /// How many records fit before a publisher has to wait.
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

    /// What takes memory: records and gaps.
    pub(super) fn held(&self) -> usize {
        self.waiting.len() + self.dropped.len()
    }

    /// Forgets what waits and follows nothing any more.
    pub(super) fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.dropped = BTreeMap::new();
        self.followed = Some(HashSet::new());
    }

    /// How many records were missed in all.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    /// Takes an event of a symbol that is followed; returns how many records were missed by that.
    pub(super) fn push(&mut self, event: Event<R>) -> u64 {
        let symbol_id = event.symbol_id();
        let follows = |followed: &HashSet<SymbolId>| followed.contains(&symbol_id);
        if !self.followed.as_ref().is_none_or(follows) {
            return 0;
        }
        let before = self.missed;
        if let Event::Gap(gap) = &event {
            self.missed += gap.missed;
        }
        // publishers wait for room where the policy is to block
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

    /// What was dropped, then what waits; of that `most` at most.
    pub(super) fn take(&mut self, most: usize) -> Vec<Event<R>> {
        let dropped = std::mem::take(&mut self.dropped);
        let mut events: Vec<_> = dropped.into_values().map(Event::Gap).collect();
        let ready = self.waiting.len().min(most);
        events.extend(self.waiting.drain(..ready));
        // what a rush took, unless it is about to be needed again
        if ready * 2 * SPARSE < self.waiting.capacity() {
            self.shrink();
        }
        events
    }

    /// Returns whether it is new.
    pub(super) fn follow(&mut self, symbol_id: SymbolId) -> bool {
        let followed = self.followed.as_mut();
        followed.is_some_and(|followed| followed.insert(symbol_id))
    }

    /// What waits of the symbols is forgotten, and not missed. Returns those that were followed.
    pub(super) fn unfollow(&mut self, symbol_ids: &[SymbolId]) -> HashSet<SymbolId> {
        let Some(followed) = &mut self.followed else {
            return HashSet::new();
        };
        let left = symbol_ids.iter().filter(|id| followed.remove(id));
        let left: HashSet<_> = left.copied().collect();
        if !left.is_empty() {
            self.dropped.retain(|id, _| !left.contains(id));
            self.waiting
                .retain(|event| !left.contains(&event.symbol_id()));
            self.shrink();
        }
        left
    }

    pub(super) fn followed(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.followed.iter().flatten().copied()
    }

    /// Gives memory back that a rush has taken.
    fn shrink(&mut self) {
        let room = self.waiting.capacity();
        if room > USUAL && self.waiting.len() < room / SPARSE {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
    }

    /// Drops every event that a newer one of its symbol follows; one of `next` is about to come.
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
        // a gap that waited was counted when it came
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
