//! Ticks or trades in memory, in a map ordered by key.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::yield_now;

use super::{read, write};
use crate::Clock;
use crate::domain::{
    InstantRows, MarketEvent, SortOrder, SymbolId, TimeRange, earliest_time, latest_time,
};
use crate::error::RepositoryError;
use crate::repository::{
    InsertConflict, InsertReceipt, RejectedRow, part_of_a_day, refuse_dropped,
};
use crate::retention::RetentionFloor;

/// The largest number of symbols in one call of `latest_of`.
const MAX_SYMBOLS: usize = 10_000;

/// The number of events read before the task yields to others: one or two milliseconds of work.
const AT_ONCE: usize = 2_000;

/// The number of events stored at once. Readers wait meanwhile, and block their threads.
const STORED_AT_ONCE: usize = 500;

/// The time and the sequence of an event.
type Place = (DateTime<Utc>, i64);

/// The part of a listing that a page covers.
pub(super) struct Listing {
    pub(super) symbol_id: SymbolId,
    pub(super) range: TimeRange,
    pub(super) order: SortOrder,
    pub(super) after: Option<Place>,
    pub(super) limit: usize,
}

/// The times of the events that a deletion removes, and the rest of its range.
pub(super) struct DeletedPart {
    pub(super) times: Vec<DateTime<Utc>>,
    pub(super) rest: Option<TimeRange>,
}

/// Events in memory. Clones share their events.
pub(super) struct EventStore<E: MarketEvent> {
    events: Arc<RwLock<BTreeMap<E::Key, E>>>,
    /// Held while a batch is stored in several parts.
    inserting: Arc<tokio::sync::Mutex<()>>,
    floor: Arc<RwLock<RetentionFloor>>,
    clock: Clock,
}

impl<E: MarketEvent> Clone for EventStore<E> {
    fn clone(&self) -> Self {
        Self {
            events: Arc::clone(&self.events),
            inserting: Arc::clone(&self.inserting),
            floor: Arc::clone(&self.floor),
            clock: self.clock.clone(),
        }
    }
}

impl<E: MarketEvent> EventStore<E> {
    /// An empty store that decides by `clock` at each write which events are too old.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            events: Arc::default(),
            inserting: Arc::default(),
            floor: Arc::default(),
            clock,
        }
    }

    pub(super) fn len(&self) -> usize {
        read(&self.events).len()
    }

    /// Rejects events below `floor` from now on. Stored events remain.
    pub(super) fn set_floor(&self, floor: RetentionFloor) {
        *write(&self.floor) = floor;
    }

    /// Calls `look` with all events of a range, ordered by time and sequence.
    pub(super) fn with_range<R>(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        look: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &E>) -> R,
    ) -> R {
        let keys = keys::<E>(symbol_id, range);
        look(&mut read(&self.events).range(keys).map(|(_, event)| event))
    }

    /// Calls `look` with each event of a range, ordered by time and sequence, and lets other tasks run in
    /// between. Events that they write meanwhile may be partly included.
    pub(super) async fn for_each_in<F>(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        mut look: impl FnMut(&E) -> Result<(), F> + Send,
    ) -> Result<(), F> {
        let keys = keys::<E>(symbol_id, range);
        let mut from = Bound::Included(keys.start);
        let to = Bound::Excluded(keys.end);
        loop {
            let mut seen = 0;
            for (key, event) in read(&self.events).range((from, to)).take(AT_ONCE) {
                look(event)?;
                from = Bound::Excluded(*key);
                seen += 1;
            }
            if seen < AT_ONCE {
                return Ok(());
            }
            yield_now().await;
        }
    }

    /// Changes the stored events of a symbol and an instant, which `change` returns with their new content, or
    /// with `None` to remove them.
    pub(super) fn change_instant(
        &self,
        symbol_id: SymbolId,
        time: DateTime<Utc>,
        change: impl FnOnce(&[E]) -> Vec<(E::Key, Option<E>)>,
    ) {
        let mut stored = write(&self.events);
        let from = first_key::<E>(symbol_id, time);
        let to = E::key_of(symbol_id, time, i64::MAX);
        let of_instant: Vec<_> = stored
            .range(from..=to)
            .map(|(_, row)| row.clone())
            .collect();
        for (key, row) in change(&of_instant) {
            match row {
                Some(row) => stored.insert(key, row),
                None => stored.remove(&key),
            };
        }
    }

    /// The number of events of a range.
    pub(super) async fn count(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<u64, RepositoryError> {
        let mut count = 0;
        self.for_each_in(symbol_id, range, |_| {
            count += 1;
            Ok::<_, RepositoryError>(())
        })
        .await?;
        Ok(count)
    }

    /// Deletes the events of the first day of a range that has some. If `is_meant` is false, only returns
    /// their times.
    pub(super) fn delete(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        is_meant: bool,
    ) -> Result<DeletedPart, RepositoryError> {
        refuse_dropped(range, read(&self.floor).dropped_before)?;
        let mut events = write(&self.events);
        let Some((_, first)) = events.range(keys::<E>(symbol_id, range)).next() else {
            return Ok(DeletedPart {
                times: Vec::new(),
                rest: None,
            });
        };
        let (part, rest) = part_of_a_day(range, first.time())?;
        let of_part = events.range(keys::<E>(symbol_id, part));
        let (keys, times): (Vec<_>, _) = of_part.map(|(key, event)| (*key, event.time())).unzip();
        if is_meant {
            for key in &keys {
                events.remove(key);
            }
        }
        Ok(DeletedPart { times, rest })
    }

    /// Stores events and returns the result of each.
    pub(super) async fn insert(&self, events: &[E]) -> Result<InsertReceipt<E>, RepositoryError> {
        if events.len() <= STORED_AT_ONCE {
            return Ok(self.insert_all(events).await);
        }
        // a call that is cancelled between two parts still stores the other parts
        let (store, events) = (self.clone(), events.to_vec());
        let inserting = tokio::spawn(async move { store.insert_all(&events).await });
        inserting.await.map_err(|error| RepositoryError::Internal {
            operation: "insert_batch",
            reason: error.to_string(),
        })
    }

    /// Stores events in order. Other tasks run in between.
    async fn insert_all(&self, events: &[E]) -> InsertReceipt<E> {
        let mut receipt = InsertReceipt::default();
        let _inserting = self.inserting.lock().await;
        let (floor, now) = (*read(&self.floor), self.clock.now());
        let refusal = |time| floor.refusal(time, now);
        let mut rest = events;
        while !rest.is_empty() {
            let (some, later) = rest.split_at(rest.len().min(STORED_AT_ONCE));
            self.insert_some(some, refusal, &mut receipt);
            rest = later;
            if !rest.is_empty() {
                yield_now().await;
            }
        }
        let conflicts = &mut receipt.conflicts;
        conflicts.sort_by_key(|conflict| conflict.refused.key());
        receipt
    }

    /// Stores events in order, each as if it were stored alone.
    fn insert_some(
        &self,
        events: &[E],
        refusal: impl Fn(DateTime<Utc>) -> Option<String>,
        receipt: &mut InsertReceipt<E>,
    ) {
        let mut stored = write(&self.events);
        // events of one instant are adjacent
        let mut last_instant = None;
        for given in events {
            let event = match given.normalized() {
                Ok(event) => event,
                Err(reason) => {
                    receipt.rejected.push(RejectedRow::invalid(given, reason));
                    continue;
                }
            };
            if let Some(reason) = refusal(event.time()) {
                receipt.rejected.push(RejectedRow::invalid(given, reason));
                continue;
            }
            if event.occurrence().is_some() {
                let of = (event.symbol_id(), event.time());
                let known = last_instant.take().filter(|(known, _)| *known == of);
                let (_, instant) = last_instant
                    .insert(known.unwrap_or_else(|| (of, rows_of_instant(&stored, &event))));
                let rows = instant.add(&event);
                if rows.is_empty() {
                    receipt.duplicates += 1;
                    continue;
                }
                receipt.inserted += 1;
                stored.extend(rows.into_iter().map(|row| (row.key(), row)));
                continue;
            }
            match stored.entry(event.key()) {
                Entry::Vacant(free) => {
                    last_instant = None;
                    free.insert(event);
                    receipt.inserted += 1;
                }
                Entry::Occupied(taken) if taken.get().has_content_of(&event) => {
                    receipt.duplicates += 1;
                }
                Entry::Occupied(taken) => {
                    let conflict = InsertConflict::new(taken.get().clone(), event);
                    receipt.conflicts.push(conflict);
                }
            }
        }
    }

    /// Returns at most one event more than the limit of the page.
    pub(super) fn page(&self, listing: &Listing) -> Vec<E> {
        let Some(range) = rest_of_range(listing) else {
            return Vec::new();
        };
        let place = |event: &E| (event.time(), event.sequence());
        let after = listing.after;
        let overfull = listing.limit + 1;
        // a growing vector takes up to twice the memory
        let mut items = Vec::with_capacity(overfull.min(self.len()));
        self.with_range(listing.symbol_id, range, |events| match listing.order {
            SortOrder::Ascending => items.extend(
                events
                    .filter(|event| after.is_none_or(|after| place(event) > after))
                    .take(overfull)
                    .cloned(),
            ),
            SortOrder::Descending => items.extend(
                events
                    .rev()
                    .filter(|event| after.is_none_or(|after| place(event) < after))
                    .take(overfull)
                    .cloned(),
            ),
        });
        items
    }

    /// The last event of `symbol_id` by time and sequence.
    pub(super) fn latest(&self, symbol_id: SymbolId) -> Option<E> {
        self.last(symbol_id, latest_time())
    }

    /// The last event of each symbol, by ascending id.
    pub(super) fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<E>, RepositoryError> {
        let symbol_ids: BTreeSet<SymbolId> = symbol_ids.iter().copied().collect();
        if symbol_ids.len() > MAX_SYMBOLS {
            return Err(RepositoryError::invalid(format!(
                "too many symbols ({}): request at most {MAX_SYMBOLS} per call",
                symbol_ids.len()
            )));
        }
        Ok(symbol_ids
            .into_iter()
            .filter_map(|symbol_id| self.latest(symbol_id))
            .collect())
    }

    /// The last event of `symbol_id` by time and sequence that is not after `at`.
    pub(super) fn last(&self, symbol_id: SymbolId, at: DateTime<Utc>) -> Option<E> {
        let from = first_key::<E>(symbol_id, earliest_time());
        let sequence = if at < earliest_time() {
            i64::MIN
        } else {
            i64::MAX
        };
        let to = E::key_of(symbol_id, at.max(earliest_time()), sequence);
        let events = read(&self.events);
        let last = events.range(from..=to).next_back();
        last.map(|(_, event)| event.clone())
    }
}

/// Returns the stored rows of the symbol and the instant of `event`.
fn rows_of_instant<E: MarketEvent>(stored: &BTreeMap<E::Key, E>, event: &E) -> InstantRows<E> {
    let from = first_key::<E>(event.symbol_id(), event.time());
    let to = E::key_of(event.symbol_id(), event.time(), i64::MAX);
    stored.range(from..=to).map(|(_, row)| row).collect()
}

/// The keys of the events of a symbol in a range.
fn keys<E: MarketEvent>(symbol_id: SymbolId, range: TimeRange) -> std::ops::Range<E::Key> {
    first_key::<E>(symbol_id, range.start())..first_key::<E>(symbol_id, range.end())
}

/// The smallest possible key of an event at that time.
fn first_key<E: MarketEvent>(symbol_id: SymbolId, time: DateTime<Utc>) -> E::Key {
    E::key_of(symbol_id, time, i64::MIN)
}

/// Returns the part of the range that can hold events after the cursor, so that a reader of many pages does
/// not scan the earlier events again for each page.
fn rest_of_range(listing: &Listing) -> Option<TimeRange> {
    let (from, to) = (listing.range.start(), listing.range.end());
    let (from, to) = match (listing.after, listing.order) {
        (None, _) => (from, to),
        (Some((after, _)), SortOrder::Ascending) => (from.max(after), to),
        (Some((after, _)), SortOrder::Descending) => {
            let behind = after.min(to) + TimeDelta::microseconds(1);
            (from, to.min(behind))
        }
    };
    TimeRange::new(from, to).ok()
}
