//! In-memory ticks, in a map ordered by key.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::yield_now;

use super::stored_candles::StoredCandles;
use super::{read, write};
use crate::Clock;
use crate::domain::{
    InstantRows, Page, SortOrder, SymbolId, Tick, TickCursor, TickKey, TimeRange, earliest_time,
    latest_time,
};
use crate::error::RepositoryError;
use crate::repository::{
    DeletedTicks, InsertReceipt, RejectedTick, TickConflict, TickQuery, TickRepository,
    part_of_a_day, refuse_dropped,
};
use crate::retention::RetentionFloor;

/// The largest number of symbols in one call of `latest_of`.
const MAX_SYMBOLS: usize = 10_000;

/// The number of ticks read before the task yields to others: one or two milliseconds of work.
const AT_ONCE: usize = 2_000;

/// The number of ticks stored at once. Readers wait meanwhile, and block their threads.
const STORED_AT_ONCE: usize = 500;

/// Ticks in memory. Clones share their ticks.
#[derive(Clone)]
pub struct InMemoryTickRepository {
    ticks: Arc<RwLock<BTreeMap<TickKey, Tick>>>,
    /// Held while a batch is stored in several parts.
    inserting: Arc<tokio::sync::Mutex<()>>,
    floor: Arc<RwLock<RetentionFloor>>,
    /// If both are locked, this is locked before the ticks.
    stored_candles: Arc<RwLock<StoredCandles>>,
    clock: Clock,
}

impl Default for InMemoryTickRepository {
    fn default() -> Self {
        Self::by(Clock::system())
    }
}

impl InMemoryTickRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty repository that decides by the time of `now` at each write which ticks are too old.
    #[must_use]
    pub fn with_clock(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self::by(Clock::new(now))
    }

    pub(crate) fn by(clock: Clock) -> Self {
        Self {
            ticks: Arc::default(),
            inserting: Arc::default(),
            floor: Arc::default(),
            stored_candles: Arc::default(),
            clock,
        }
    }

    /// Rejects ticks below `floor` from now on. Stored ticks remain. Without a call no tick is too old.
    pub fn set_floor(&self, floor: RetentionFloor) {
        *write(&self.floor) = floor;
    }

    /// The candles that are stored next to these ticks.
    pub(super) fn stored_candles(&self) -> Arc<RwLock<StoredCandles>> {
        Arc::clone(&self.stored_candles)
    }

    /// Calls `look` with all ticks of a range, ordered by `(tick_time, sequence)`.
    pub(super) fn with_range<R>(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        look: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &Tick>) -> R,
    ) -> R {
        let from = first_key(symbol_id, range.start());
        let to = first_key(symbol_id, range.end());
        look(&mut read(&self.ticks).range(from..to).map(|(_, tick)| tick))
    }

    /// Calls `look` with each tick of a range, ordered by `(tick_time, sequence)`, and lets other tasks run
    /// in between. Ticks that they write meanwhile may be partly included.
    pub(super) async fn for_each_in<E>(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        mut look: impl FnMut(&Tick) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let mut from = Bound::Included(first_key(symbol_id, range.start()));
        let to = Bound::Excluded(first_key(symbol_id, range.end()));
        loop {
            let mut seen = 0;
            for (key, tick) in read(&self.ticks).range((from, to)).take(AT_ONCE) {
                look(tick)?;
                from = Bound::Excluded(*key);
                seen += 1;
            }
            if seen < AT_ONCE {
                return Ok(());
            }
            yield_now().await;
        }
    }

    /// Deletes the ticks of the first day of a range that has ticks. If `is_meant` is false, only counts
    /// them.
    fn delete(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        is_meant: bool,
    ) -> Result<DeletedTicks, RepositoryError> {
        refuse_dropped(range, read(&self.floor).dropped_before)?;
        let mut ticks = write(&self.ticks);
        let keys = |range: TimeRange| {
            first_key(symbol_id, range.start())..first_key(symbol_id, range.end())
        };
        let Some((first, _)) = ticks.range(keys(range)).next() else {
            return Ok(DeletedTicks::default());
        };
        let (part, rest) = part_of_a_day(range, first.tick_time)?;
        let keys: Vec<_> = ticks.range(keys(part)).map(|(key, _)| *key).collect();
        if is_meant {
            for key in &keys {
                ticks.remove(key);
            }
        }
        let deleted = DeletedTicks::of(keys.into_iter().map(|key| key.tick_time));
        Ok(DeletedTicks { rest, ..deleted })
    }

    /// Stores ticks in order. Other tasks run in between.
    async fn insert_all(&self, ticks: &[Tick]) -> InsertReceipt {
        let mut receipt = InsertReceipt::default();
        let _inserting = self.inserting.lock().await;
        let (floor, now) = (*read(&self.floor), self.clock.now());
        let refusal = |time| floor.refusal(time, now);
        let mut rest = ticks;
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

    /// Stores ticks in order, each as if it were stored alone.
    fn insert_some(
        &self,
        ticks: &[Tick],
        refusal: impl Fn(DateTime<Utc>) -> Option<String>,
        receipt: &mut InsertReceipt,
    ) {
        let mut stored = write(&self.ticks);
        // ticks of one instant are adjacent
        let mut last_instant = None;
        for given in ticks {
            let tick = match given.normalized() {
                Ok(tick) => tick,
                Err(reason) => {
                    receipt.rejected.push(RejectedTick::invalid(given, reason));
                    continue;
                }
            };
            if let Some(reason) = refusal(tick.tick_time) {
                let tick = given.clone();
                receipt.rejected.push(RejectedTick { tick, reason });
                continue;
            }
            if tick.occurrence.is_some() {
                let of = (tick.symbol_id, tick.tick_time);
                let known = last_instant.take().filter(|(known, _)| *known == of);
                let (_, instant) = last_instant
                    .insert(known.unwrap_or_else(|| (of, rows_of_instant(&stored, &tick))));
                let rows = instant.add(&tick);
                if rows.is_empty() {
                    receipt.duplicates += 1;
                    continue;
                }
                receipt.inserted += 1;
                stored.extend(rows.into_iter().map(|row| (row.key(), row)));
                continue;
            }
            match stored.entry(tick.key()) {
                Entry::Vacant(free) => {
                    last_instant = None;
                    free.insert(tick);
                    receipt.inserted += 1;
                }
                Entry::Occupied(taken) if taken.get().has_content_of(&tick) => {
                    receipt.duplicates += 1;
                }
                Entry::Occupied(taken) => receipt.conflicts.push(TickConflict {
                    stored: taken.get().clone(),
                    refused: tick,
                }),
            }
        }
    }

    /// Returns the last tick of `symbol_id` by `(tick_time, sequence)` with `tick_time <= at`.
    fn last(&self, symbol_id: SymbolId, at: DateTime<Utc>) -> Option<Tick> {
        let from = first_key(symbol_id, earliest_time());
        let to = TickKey {
            symbol_id,
            tick_time: at.max(earliest_time()),
            sequence: if at < earliest_time() {
                i64::MIN
            } else {
                i64::MAX
            },
        };
        let ticks = read(&self.ticks);
        ticks
            .range(from..=to)
            .next_back()
            .map(|(_, tick)| tick.clone())
    }
}

/// Returns the stored rows of the symbol and the instant of `tick`.
fn rows_of_instant(stored: &BTreeMap<TickKey, Tick>, tick: &Tick) -> InstantRows {
    let from = first_key(tick.symbol_id, tick.tick_time);
    let to = TickKey {
        sequence: i64::MAX,
        ..from
    };
    stored.range(from..=to).map(|(_, row)| row).collect()
}

/// The smallest possible key of a tick at that time.
fn first_key(symbol_id: SymbolId, tick_time: DateTime<Utc>) -> TickKey {
    TickKey {
        symbol_id,
        tick_time,
        sequence: i64::MIN,
    }
}

impl fmt::Debug for InMemoryTickRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryTickRepository")
            .field("ticks", &read(&self.ticks).len())
            .finish()
    }
}

#[async_trait]
impl TickRepository for InMemoryTickRepository {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        if ticks.len() <= STORED_AT_ONCE {
            return Ok(self.insert_all(ticks).await);
        }
        // a call that is cancelled between two parts still stores the other parts
        let (repository, ticks) = (self.clone(), ticks.to_vec());
        let inserting = tokio::spawn(async move { repository.insert_all(&ticks).await });
        inserting.await.map_err(|error| RepositoryError::Internal {
            operation: "insert_batch",
            reason: error.to_string(),
        })
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let Some(range) = rest_of_range(query) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let place = |tick: &Tick| (tick.tick_time, tick.sequence);
        let after = query.after.map(|after| (after.tick_time, after.sequence));
        let overfull = query.limit.get() + 1;
        // a growing vector takes up to twice the memory
        let mut items = Vec::with_capacity(overfull.min(read(&self.ticks).len()));
        self.with_range(query.symbol_id, range, |ticks| match query.order {
            SortOrder::Ascending => items.extend(
                ticks
                    .filter(|tick| after.is_none_or(|after| place(tick) > after))
                    .take(overfull)
                    .cloned(),
            ),
            SortOrder::Descending => items.extend(
                ticks
                    .rev()
                    .filter(|tick| after.is_none_or(|after| place(tick) < after))
                    .take(overfull)
                    .cloned(),
            ),
        });
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            TickCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.last(symbol_id, latest_time()))
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        let symbol_ids: BTreeSet<SymbolId> = symbol_ids.iter().copied().collect();
        if symbol_ids.len() > MAX_SYMBOLS {
            return Err(RepositoryError::invalid(format!(
                "too many symbols ({}): request at most {MAX_SYMBOLS} per call",
                symbol_ids.len()
            )));
        }
        Ok(symbol_ids
            .into_iter()
            .filter_map(|symbol_id| self.last(symbol_id, latest_time()))
            .collect())
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.last(symbol_id, at))
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        let mut count = 0;
        self.for_each_in(symbol_id, range, |_| {
            count += 1;
            Ok::<_, RepositoryError>(())
        })
        .await?;
        Ok(count)
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.delete(symbol_id, range, true)
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.delete(symbol_id, range, false)
    }
}

/// Returns the part of the range that can hold ticks after `query.after`, so that a reader of many pages
/// does not scan the earlier ticks again for each page.
fn rest_of_range(query: &TickQuery) -> Option<TimeRange> {
    let (from, to) = (query.range.start(), query.range.end());
    let (from, to) = match (query.after, query.order) {
        (None, _) => (from, to),
        (Some(after), SortOrder::Ascending) => (from.max(after.tick_time), to),
        (Some(after), SortOrder::Descending) => {
            let behind = after.tick_time.min(to) + TimeDelta::microseconds(1);
            (from, to.min(behind))
        }
    };
    TimeRange::new(from, to).ok()
}
