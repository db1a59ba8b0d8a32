//! Which queue gets which record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use metrics::{Counter, counter};
use tokio::sync::Notify;

use super::event::{Event, Gap, Published};
use super::queue::{OverflowPolicy, Queue, QueueOptions};
use crate::domain::SymbolId;
use crate::ingest::record::Record;

/// So many events are put into queues at most before others get the lock; one record and all who
/// follow its symbol are more than that only where so many follow it.
pub(super) const WORK: usize = 4_096;

/// A map that has room for so many times what it holds gives memory back.
const SPARSE: usize = 4;

/// The queues, found by what they get. A record costs nothing for a queue that does not get it.
#[derive(Debug)]
pub(super) struct Core<R: Record> {
    /// How many records were published.
    published: u64,
    queues: BTreeMap<u64, Registered<R>>,
    every_symbol: BTreeSet<u64>,
    followers: HashMap<SymbolId, BTreeSet<u64>>,
    /// Those that publishers wait for.
    blocking: BTreeSet<u64>,
    /// What queues of a name hold together.
    limits: BTreeMap<&'static str, Limit>,
    opened: u64,
    pub(super) closed: bool,
    /// How many times a queue was looked at for a record or a gap.
    #[cfg(test)]
    pub(super) visits: usize,
}

/// How many events the queues of a name hold and may hold.
#[derive(Debug)]
struct Limit {
    most: usize,
    held: usize,
}

/// A queue and its owner.
pub(super) struct Registered<R: Record> {
    name: &'static str,
    pub(super) queue: Queue<R>,
    /// Events that were taken and are still being worked at.
    pub(super) taken: usize,
    takes_stored: bool,
    pub(super) blocks: bool,
    pub(super) ready: Arc<Notify>,
    missed: Counter,
    /// Got something, and its owner is still to be woken.
    is_fresh: bool,
    /// So many of its events are counted in the limit of its name.
    counted: usize,
    /// It held the most when the queues of its name held too much, and gets nothing any more.
    pub(super) is_evicted: bool,
    pub(super) evicted: Arc<Notify>,
}

impl<R: Record> std::fmt::Debug for Registered<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Registered<R> {
    pub(super) fn new(options: &QueueOptions, ready: Arc<Notify>, missed: Counter) -> Self {
        Self {
            name: options.name,
            queue: Queue::new(options),
            taken: 0,
            takes_stored: options.takes_stored,
            blocks: options.policy == OverflowPolicy::Block,
            ready,
            missed,
            is_fresh: false,
            counted: 0,
            is_evicted: false,
            evicted: Arc::default(),
        }
    }

    /// Returns whether its owner has to be woken that nobody else wakes.
    fn push(&mut self, event: Event<R>) -> bool {
        let missed = self.queue.push(event);
        if missed > 0 {
            self.missed.increment(missed);
        }
        !std::mem::replace(&mut self.is_fresh, true)
    }
}

impl<R: Record> Default for Core<R> {
    fn default() -> Self {
        Self {
            published: 0,
            queues: BTreeMap::new(),
            every_symbol: BTreeSet::new(),
            followers: HashMap::new(),
            blocking: BTreeSet::new(),
            limits: BTreeMap::new(),
            opened: 0,
            closed: false,
            #[cfg(test)]
            visits: 0,
        }
    }
}

impl<R: Record> Core<R> {
    pub(super) fn add(&mut self, registered: Registered<R>, every_symbol: bool) -> u64 {
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

    pub(super) fn remove(&mut self, id: u64) -> Option<Registered<R>> {
        let removed = self.queues.remove(&id)?;
        if let Some(limit) = self.limits.get_mut(removed.name) {
            limit.held -= removed.counted;
        }
        self.every_symbol.remove(&id);
        self.blocking.remove(&id);
        for symbol_id in removed.queue.followed() {
            self.forget(symbol_id, id);
        }
        self.shrink();
        Some(removed)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Registered<R>> {
        self.queues.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Registered<R>> {
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
        if registered.is_evicted {
            return;
        }
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
        self.count(id);
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

    /// How many records can be published without anybody waiting.
    pub(super) fn room(&self, stored: bool) -> usize {
        let queues = self.blocking.iter().filter_map(|id| self.queues.get(id));
        let concerned = queues.filter(|queue| queue.takes_stored || !stored);
        concerned
            .map(|registered| registered.queue.room())
            .min()
            .unwrap_or(usize::MAX)
    }

    /// Numbers records from the start of `records` and gives them to the queues that get them. Returns
    /// how many: as much work as is done at once, one at least.
    pub(super) fn give(&mut self, records: &[R], stored: bool) -> usize {
        let count = self.share(records.iter().map(R::symbol_id));
        let records = &records[..count];
        let first = self.published + 1;
        self.published += count as u64;
        let numbered = || {
            (first..).zip(records).map(|(number, record)| {
                let record = record.clone();
                (
                    record.symbol_id(),
                    Event::Record(Published { number, record }),
                )
            })
        };
        self.push(&numbered, stored);
        count
    }

    /// Numbers the missed records of gaps from the start of `gaps`, one of each symbol, and tells of
    /// them as [`give`](Self::give) does. Returns how many gaps it is done with.
    pub(super) fn give_missed(&mut self, gaps: &[Gap]) -> usize {
        let count = self.share(gaps.iter().map(|gap| gap.symbol_id));
        let mut gaps = gaps[..count].to_vec();
        for gap in &mut gaps {
            gap.first = self.published + 1;
            self.published += gap.missed;
            gap.last = self.published;
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

    fn push<I: Iterator<Item = (SymbolId, Event<R>)>>(
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
            self.count(id);
        }
    }

    /// From now on the queues of a name hold so many events together.
    pub(super) fn limit(&mut self, name: &'static str, most: usize) {
        self.limits.insert(name, Limit { most, held: 0 });
        let ids: Vec<_> = self.queues.keys().copied().collect();
        for id in ids {
            if let Some(registered) = self.queues.get_mut(&id)
                && registered.name == name
            {
                registered.counted = 0;
            }
            self.count(id);
        }
    }

    /// Counts what a queue holds, after that has changed. Where the queues of its name hold too much
    /// then, those that hold the most lose it.
    pub(super) fn count(&mut self, id: u64) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        let Some(limit) = self.limits.get_mut(registered.name) else {
            return;
        };
        // what publishers wait for has a bound of its own
        if registered.is_evicted || registered.blocks {
            return;
        }
        let held = registered.queue.held() + registered.taken;
        limit.held = limit.held - registered.counted + held;
        registered.counted = held;
        let name = registered.name;
        while self
            .limits
            .get(name)
            .is_some_and(|limit| limit.held > limit.most)
        {
            if !self.evict_largest(name) {
                return;
            }
        }
    }

    /// Returns whether there was one that held anything.
    fn evict_largest(&mut self, name: &'static str) -> bool {
        let of_name = self.queues.iter_mut().filter(|(_, one)| one.name == name);
        let Some((id, largest)) = of_name.max_by_key(|(_, registered)| registered.counted) else {
            return false;
        };
        let id = *id;
        let counted = std::mem::take(&mut largest.counted);
        if let Some(limit) = self.limits.get_mut(name) {
            limit.held -= counted;
        }
        if counted == 0 {
            return false;
        }
        largest.is_evicted = true;
        let followed: Vec<_> = largest.queue.followed().collect();
        largest.queue.clear();
        largest.evicted.notify_one();
        largest.ready.notify_one();
        self.every_symbol.remove(&id);
        for symbol_id in followed {
            self.forget(symbol_id, id);
        }
        counter!("fan_out_evicted_sinks_total", "sink" => name).increment(1);
        true
    }
}
