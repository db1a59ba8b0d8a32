//! Which queue gets which tick.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use metrics::Counter;
use tokio::sync::Notify;

use super::event::{Event, Gap, PublishedTick};
use super::queue::{OverflowPolicy, Queue, QueueOptions};
use crate::domain::{SymbolId, Tick};

/// So many events are put into queues at most before others get the lock; one tick and all who
/// follow its symbol are more than that only where so many follow it.
pub(super) const WORK: usize = 4_096;

/// A map that has room for so many times what it holds gives memory back.
const SPARSE: usize = 4;

/// The queues, found by what they get. A tick costs nothing for a queue that does not get it.
#[derive(Debug, Default)]
pub(super) struct Core {
    /// How many ticks were published.
    published: u64,
    queues: BTreeMap<u64, Registered>,
    every_symbol: BTreeSet<u64>,
    followers: HashMap<SymbolId, BTreeSet<u64>>,
    /// Those that publishers wait for.
    blocking: BTreeSet<u64>,
    opened: u64,
    pub(super) closed: bool,
    /// How many times a queue was looked at for a tick or a gap.
    #[cfg(test)]
    pub(super) visits: usize,
}

/// A queue and its owner.
pub(super) struct Registered {
    pub(super) queue: Queue,
    /// Events that were taken and are still being worked at.
    pub(super) taken: usize,
    takes_stored: bool,
    pub(super) blocks: bool,
    pub(super) ready: Arc<Notify>,
    missed: Counter,
    /// Got something, and its owner is still to be woken.
    is_fresh: bool,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

impl Registered {
    pub(super) fn new(options: &QueueOptions, ready: Arc<Notify>, missed: Counter) -> Self {
        Self {
            queue: Queue::new(options),
            taken: 0,
            takes_stored: options.takes_stored,
            blocks: options.policy == OverflowPolicy::Block,
            ready,
            missed,
            is_fresh: false,
        }
    }

    /// Returns whether its owner has to be woken that nobody else wakes.
    fn push(&mut self, event: Event) -> bool {
        let missed = self.queue.push(event);
        if missed > 0 {
            self.missed.increment(missed);
        }
        !std::mem::replace(&mut self.is_fresh, true)
    }
}

impl Core {
    pub(super) fn add(&mut self, registered: Registered, every_symbol: bool) -> u64 {
        self.opened += 1;
        let id = self.opened;
        if registered.blocks {
            self.blocking.insert(id);
        }
        if every_symbol {
            self.every_symbol.insert(id);
        }
        self.queues.insert(id, registered);
        id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Registered> {
        let removed = self.queues.remove(&id)?;
        self.every_symbol.remove(&id);
        self.blocking.remove(&id);
        for symbol_id in removed.queue.followed() {
            self.forget(symbol_id, id);
        }
        self.shrink();
        Some(removed)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Registered> {
        self.queues.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Registered> {
        self.queues.get_mut(&id)
    }

    pub(super) fn wake_all(&self) {
        for registered in self.queues.values() {
            registered.ready.notify_one();
        }
    }

    pub(super) fn follow(&mut self, id: u64, symbol_ids: &[SymbolId]) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        for symbol_id in symbol_ids {
            if registered.queue.follow(*symbol_id) {
                self.followers.entry(*symbol_id).or_default().insert(id);
            }
        }
    }

    pub(super) fn unfollow(&mut self, id: u64, symbol_ids: &[SymbolId]) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        for symbol_id in registered.queue.unfollow(symbol_ids) {
            self.forget(symbol_id, id);
        }
        self.shrink();
    }

    fn forget(&mut self, symbol_id: SymbolId, id: u64) {
        if let Some(followers) = self.followers.get_mut(&symbol_id) {
            followers.remove(&id);
            if followers.is_empty() {
                self.followers.remove(&symbol_id);
            }
        }
    }

    /// How many symbols anybody follows.
    #[cfg(test)]
    pub(super) fn followed(&self) -> usize {
        self.followers.len()
    }

    fn shrink(&mut self) {
        if self.followers.capacity() > SPARSE * self.followers.len().max(WORK) {
            self.followers.shrink_to_fit();
        }
    }

    /// How many ticks can be published without anybody waiting.
    pub(super) fn room(&self, stored: bool) -> usize {
        let queues = self.blocking.iter().filter_map(|id| self.queues.get(id));
        let concerned = queues.filter(|queue| queue.takes_stored || !stored);
        concerned
            .map(|registered| registered.queue.room())
            .min()
            .unwrap_or(usize::MAX)
    }

    /// Numbers ticks from the start of `ticks` and gives them to the queues that get them. Returns
    /// how many: as much work as is done at once, one at least.
    pub(super) fn give(&mut self, ticks: &[Tick], stored: bool) -> usize {
        let count = self.share(ticks.iter().map(|tick| tick.symbol_id));
        let ticks = &ticks[..count];
        let first = self.published + 1;
        self.published += count as u64;
        let numbered = || {
            (first..).zip(ticks).map(|(number, tick)| {
                let tick = tick.clone();
                (tick.symbol_id, Event::Tick(PublishedTick { number, tick }))
            })
        };
        self.push(&numbered, stored);
        count
    }

    /// Numbers missed ticks from the start of `by_symbol`, which has those of a symbol together,
    /// and tells of them as [`give`](Self::give) does. Returns how many symbols it is done with.
    pub(super) fn give_missed(&mut self, by_symbol: &[&[Tick]]) -> usize {
        let symbols = by_symbol
            .iter()
            .filter_map(|ticks| ticks.first())
            .map(|tick| tick.symbol_id);
        let count = self.share(symbols);
        let mut gaps = Vec::with_capacity(count);
        for ticks in &by_symbol[..count] {
            let first = self.published + 1;
            self.published += ticks.len() as u64;
            let missed = (first..).zip(*ticks).map(|(number, tick)| {
                let tick = tick.clone();
                Gap::of(&PublishedTick { number, tick })
            });
            gaps.extend(missed.reduce(Gap::joined));
        }
        let events = || gaps.iter().map(|gap| (gap.symbol_id, Event::Gap(*gap)));
        self.push(&events, true);
        count
    }

    /// So many of `symbols` make as much work as is done at once.
    fn share(&self, symbols: impl Iterator<Item = SymbolId>) -> usize {
        let mut work = 0;
        let mut count = 0;
        for symbol_id in symbols {
            let followers = self.followers.get(&symbol_id).map_or(0, BTreeSet::len);
            work += 1 + self.every_symbol.len() + followers;
            if work > WORK && count > 0 {
                break;
            }
            count += 1;
        }
        count
    }

    fn push<I: Iterator<Item = (SymbolId, Event)>>(
        &mut self,
        events: &impl Fn() -> I,
        stored: bool,
    ) {
        let mut fresh = Vec::new();
        for id in &self.every_symbol {
            let Some(registered) = self.queues.get_mut(id) else {
                continue;
            };
            if stored && !registered.takes_stored {
                continue;
            }
            for (_, event) in events() {
                #[cfg(test)]
                {
                    self.visits += 1;
                }
                if registered.push(event) {
                    fresh.push(*id);
                }
            }
        }
        if !self.followers.is_empty() {
            for (symbol_id, event) in events() {
                for id in self.followers.get(&symbol_id).into_iter().flatten() {
                    #[cfg(test)]
                    {
                        self.visits += 1;
                    }
                    let Some(registered) = self.queues.get_mut(id) else {
                        continue;
                    };
                    if stored && !registered.takes_stored {
                        continue;
                    }
                    if registered.push(event.clone()) {
                        fresh.push(*id);
                    }
                }
            }
        }
        for id in fresh {
            if let Some(registered) = self.queues.get_mut(&id) {
                registered.is_fresh = false;
                registered.ready.notify_one();
            }
        }
    }
}
