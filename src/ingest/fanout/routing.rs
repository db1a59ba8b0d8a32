//! Routes records to queues.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use metrics::{Counter, counter};
use tokio::sync::Notify;

use super::event::{Event, Gap, Published};
use super::queue::{OverflowPolicy, Queue, QueueOptions};
use super::retained::Retained;
use crate::domain::SymbolId;
use crate::ingest::record::Record;
use crate::metrics::ingest::EVICTED_SINKS;

/// Maximum number of events that are put into queues under one lock. A single record exceeds it only if more
/// queues follow its symbol.
pub(super) const WORK: usize = 4_096;

/// A map releases memory if its capacity exceeds its content by this factor.
const SPARSE: usize = 4;

/// The queues, indexed by what they receive. A record costs nothing for queues that do not receive it.
#[derive(Debug)]
pub(super) struct Core<R: Record> {
    /// The number of published records.
    pub(super) published: u64,
    /// The last events; `None` until they are wanted.
    pub(super) retained: Option<Retained<R>>,
    pub(super) queues: BTreeMap<u64, Registered<R>>,
    pub(super) every_symbol: BTreeSet<u64>,
    pub(super) followers: HashMap<SymbolId, BTreeSet<u64>>,
    /// Queues with the policy `Block`.
    blocking: BTreeSet<u64>,
    /// The limits of queues by name.
    limits: BTreeMap<&'static str, Limit>,
    opened: u64,
    pub(super) closed: bool,
    /// The number of times a queue was visited for a record or a gap.
    #[cfg(test)]
    pub(super) visits: usize,
}

/// The number of events that the queues of a name hold, and its maximum.
#[derive(Debug)]
struct Limit {
    max_records: usize,
    held: usize,
}

/// A queue and its owner.
pub(super) struct Registered<R: Record> {
    name: &'static str,
    pub(super) queue: Queue<R>,
    /// The number of events that were put into the queue.
    pub(super) given: u64,
    /// Events that were taken and are still being processed.
    pub(super) taken: usize,
    takes_stored: bool,
    pub(super) blocks: bool,
    pub(super) ready: Arc<Notify>,
    missed: Counter,
    /// The queue has received events, and its owner must be woken.
    pub(super) is_fresh: bool,
    /// The number of its events that count towards the limit of its name.
    counted: usize,
    /// The queue was the largest when the queues of its name exceeded their limit, and receives nothing more.
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
            given: 0,
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

    /// Returns whether the caller must wake the owner; `false` if that is already noted.
    pub(super) fn push(&mut self, event: Event<R>) -> bool {
        self.given += 1;
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
            retained: None,
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

    pub(super) fn forget(&mut self, symbol_id: SymbolId, id: u64) {
        if let Some(followers) = self.followers.get_mut(&symbol_id) {
            followers.remove(&id);
            if followers.is_empty() {
                self.followers.remove(&symbol_id);
            }
        }
    }

    /// The number of symbols with followers.
    #[cfg(test)]
    pub(super) fn followed(&self) -> usize {
        self.followers.len()
    }

    pub(super) fn shrink(&mut self) {
        if self.followers.capacity() > SPARSE * self.followers.len().max(WORK) {
            self.followers.shrink_to_fit();
        }
    }

    /// The number of records that can be published without waiting.
    pub(super) fn room(&self, stored: bool) -> usize {
        let queues = self.blocking.iter().filter_map(|id| self.queues.get(id));
        let concerned = queues.filter(|queue| queue.takes_stored || !stored);
        concerned
            .map(|registered| registered.queue.room())
            .min()
            .unwrap_or(usize::MAX)
    }

    /// Numbers a prefix of `records` and puts them into the queues that receive them. Returns the length of
    /// the prefix: at least one, and limited by [`WORK`].
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

    /// Numbers the missed records of a prefix of `gaps`, one of each symbol, and reports them with the limit
    /// of [`give`](Self::give). Returns the length of the prefix.
    pub(super) fn send_missed(&mut self, gaps: &[Gap]) -> usize {
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

    /// The number of `symbols` whose events reach the limit [`WORK`].
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
        if let Some(retained) = &mut self.retained {
            events().for_each(|(_, event)| retained.add(&event));
        }
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
                    // it has the event already
                    if self.every_symbol.contains(id) {
                        continue;
                    }
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

    /// Limits the total number of events in the queues of a name from now on.
    pub(super) fn limit(&mut self, name: &'static str, max_records: usize) {
        self.limits.insert(
            name,
            Limit {
                max_records,
                held: 0,
            },
        );
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

    /// Updates the count of a changed queue. While the queues of its name exceed their limit, evicts the
    /// largest.
    pub(super) fn count(&mut self, id: u64) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        let Some(limit) = self.limits.get_mut(registered.name) else {
            return;
        };
        // queues with the policy `Block` have a bound of their own
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
            .is_some_and(|limit| limit.held > limit.max_records)
        {
            if !self.evict_largest(name) {
                return;
            }
        }
    }

    /// Evicts the largest queue. Returns whether there was one that held anything.
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
        counter!(EVICTED_SINKS, "records" => R::NAMES, "sink" => name).increment(1);
        true
    }
}
