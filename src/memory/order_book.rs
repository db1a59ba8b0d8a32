//! In-memory order books.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::events::{EventStore, Listing};
use super::{read, write};
use crate::Clock;
use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate, IntervalEnd, check_depth};
use crate::domain::{
    BookCursor, MarketEvent as _, Page, SortOrder, SymbolId, TimeRange, earliest_time,
};
use crate::error::{Entity, RepositoryError};
use crate::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, DeletedBooks, InsertConflict,
    InsertReceipt, OrderBookRepository, PutInterval, RejectedRow, part_of_a_day, without_deleted,
};

type Intervals = BTreeMap<(SymbolId, DateTime<Utc>), BookInterval>;

/// Order books in memory. Clones share their rows.
#[derive(Clone)]
pub struct InMemoryOrderBookRepository {
    snapshots: EventStore<BookSnapshot>,
    updates: EventStore<BookUpdate>,
    intervals: Arc<RwLock<Intervals>>,
}

impl Default for InMemoryOrderBookRepository {
    fn default() -> Self {
        Self {
            snapshots: EventStore::new(Clock::system()),
            updates: EventStore::new(Clock::system()),
            intervals: Arc::default(),
        }
    }
}

impl InMemoryOrderBookRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first day part of a range with rows, and the rest.
    fn first_part(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<Option<(TimeRange, Option<TimeRange>)>, RepositoryError> {
        let snapshot = self.snapshots.with_range(symbol_id, range, |events| {
            events.next().map(|event| event.snapshot_time)
        });
        let update = self.updates.with_range(symbol_id, range, |events| {
            events.next().map(|event| event.update_time)
        });
        let first = snapshot.into_iter().chain(update).min();
        first.map(|first| part_of_a_day(range, first)).transpose()
    }

    fn delete(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
        is_meant: bool,
    ) -> Result<DeletedBooks, RepositoryError> {
        // readers of a whole book wait, so that none sees a part of the deletion
        let mut intervals = write(&self.intervals);
        let Some((part, rest)) = self.first_part(symbol_id, range)? else {
            return Ok(DeletedBooks::default());
        };
        let snapshots = self.snapshots.delete(symbol_id, part, is_meant)?;
        let updates = self.updates.delete(symbol_id, part, is_meant)?;
        let deleted = DeletedBooks {
            rest,
            ..DeletedBooks::of(&snapshots.times, &updates.times)
        };
        if let Some(span) = deleted.span.filter(|_| is_meant) {
            let all = intervals.range((symbol_id, DateTime::<Utc>::MIN_UTC)..);
            let of_symbol = all.take_while(|((id, _), _)| *id == symbol_id);
            let cut: Vec<_> = of_symbol
                .filter_map(|(_, interval)| without_deleted(interval, span))
                .collect();
            for (before, later) in cut {
                for interval in [Some(before), later].into_iter().flatten() {
                    intervals.insert(interval.key(), interval);
                }
            }
        }
        Ok(deleted)
    }
}

impl fmt::Debug for InMemoryOrderBookRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryOrderBookRepository")
            .field("snapshots", &self.snapshots.len())
            .field("updates", &self.updates.len())
            .field("intervals", &read(&self.intervals).len())
            .finish()
    }
}

/// The last interval that begins by `at`.
fn interval_by(
    intervals: &Intervals,
    symbol_id: SymbolId,
    at: DateTime<Utc>,
) -> Option<BookInterval> {
    let from = (symbol_id, DateTime::<Utc>::MIN_UTC);
    let last = intervals.range(from..=(symbol_id, at)).next_back();
    last.map(|(_, interval)| *interval)
}

/// Whether an interval of the symbol of `given` begins after it.
fn has_later(intervals: &Intervals, given: &BookInterval) -> bool {
    let after = (Bound::Excluded(given.key()), Bound::Unbounded);
    let next = intervals.range(after).next();
    next.is_some_and(|((symbol_id, _), _)| *symbol_id == given.symbol_id)
}

/// Closes the open intervals of the symbol of `given` that begin after it and by its end.
fn close_later(intervals: &mut Intervals, given: &BookInterval, end: IntervalEnd) {
    let later = (given.symbol_id, given.valid_from)..=(given.symbol_id, end.at);
    for (_, interval) in intervals.range_mut(later) {
        if interval.end.is_none() {
            interval.end = Some(end);
        }
    }
}

#[async_trait]
impl OrderBookRepository for InMemoryOrderBookRepository {
    async fn insert_snapshots(
        &self,
        snapshots: &[BookSnapshot],
    ) -> Result<InsertReceipt<BookSnapshot>, RepositoryError> {
        self.snapshots.insert(snapshots).await
    }

    async fn insert_updates(
        &self,
        updates: &[BookUpdate],
    ) -> Result<InsertReceipt<BookUpdate>, RepositoryError> {
        self.updates.insert(updates).await
    }

    async fn put_intervals(
        &self,
        given: &[BookInterval],
    ) -> Result<InsertReceipt<BookInterval>, RepositoryError> {
        let mut receipt = InsertReceipt::default();
        let mut intervals = write(&self.intervals);
        for one in given {
            let interval = match one.normalized() {
                Ok(interval) => interval,
                Err(reason) => {
                    receipt.rejected.push(RejectedRow::invalid(one, reason));
                    continue;
                }
            };
            let stored = intervals.get(&interval.key()).copied();
            let put = match PutInterval::of(stored.as_ref(), &interval) {
                PutInterval::Continues if has_later(&intervals, &interval) => {
                    PutInterval::followed(&interval)
                }
                put => put,
            };
            match (put, stored) {
                (PutInterval::Stored | PutInterval::Continues, _) => {
                    intervals.insert(interval.key(), interval);
                    receipt.inserted += 1;
                }
                (PutInterval::ClosesLater, _) => {
                    if let Some(end) = interval.end {
                        close_later(&mut intervals, &interval, end);
                    }
                    receipt.duplicates += 1;
                }
                (PutInterval::Conflict, Some(stored)) => {
                    let conflict = InsertConflict::new(stored, interval);
                    receipt.conflicts.push(conflict);
                }
                (PutInterval::Conflict | PutInterval::Duplicate, _) => receipt.duplicates += 1,
            }
        }
        Ok(receipt)
    }

    async fn snapshot_as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
        depth: usize,
    ) -> Result<Option<BookSnapshot>, RepositoryError> {
        check_depth(depth).map_err(RepositoryError::invalid)?;
        let mut snapshot = self.snapshots.last(symbol_id, at);
        if let Some(snapshot) = &mut snapshot {
            snapshot.cut(depth);
        }
        Ok(snapshot)
    }

    async fn book_at(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<BookSnapshot>, RepositoryError> {
        let intervals = read(&self.intervals);
        let interval = interval_by(&intervals, symbol_id, at);
        let Some(interval) = interval.filter(|interval| interval.contains(at)) else {
            return Ok(None);
        };
        let snapshot = self.snapshots.last(symbol_id, at);
        let snapshot = snapshot.filter(|it| it.snapshot_time >= interval.valid_from);
        let Some(mut book) = snapshot else {
            return Ok(None);
        };
        let key = book.key();
        let range = TimeRange::new(key.time.max(earliest_time()), TimeRange::all().end());
        let range = range.map_err(RepositoryError::invalid)?;
        self.updates.with_range(symbol_id, range, |updates| {
            let later = updates
                .skip_while(|update| update.key() <= key)
                .take_while(|update| update.time() <= at);
            for update in later {
                book.apply(update).map_err(|reason| RepositoryError::Data {
                    entity: Entity::Book,
                    key: format!("of symbol {symbol_id} at {}", update.update_time),
                    reason: reason.to_string(),
                })?;
            }
            Ok(Some(book))
        })
    }

    async fn snapshots(
        &self,
        query: &BookSnapshotQuery,
    ) -> Result<Page<BookSnapshot, BookCursor>, RepositoryError> {
        check_depth(query.depth).map_err(RepositoryError::invalid)?;
        let limit = query.page_limit();
        let mut items = self.snapshots.page(&Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.time, after.sequence)),
            limit: limit.get(),
        });
        for snapshot in &mut items {
            snapshot.cut(query.depth);
        }
        Ok(Page::from_limit_plus_one(
            items,
            limit,
            BookCursor::of_snapshot,
        ))
    }

    async fn updates(
        &self,
        query: &BookUpdateQuery,
    ) -> Result<Page<BookUpdate, BookCursor>, RepositoryError> {
        let items = self.updates.page(&Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.time, after.sequence)),
            limit: query.limit.get(),
        });
        let limit = query.limit;
        Ok(Page::from_limit_plus_one(
            items,
            limit,
            BookCursor::of_update,
        ))
    }

    async fn intervals(
        &self,
        query: &BookIntervalQuery,
    ) -> Result<Page<BookInterval, DateTime<Utc>>, RepositoryError> {
        let intervals = read(&self.intervals);
        let is_wanted = |interval: &BookInterval| {
            let (from, to) = (query.range.start(), query.range.end());
            let begins = query.range.contains(interval.valid_from);
            let overlaps = interval.valid_from < to && interval.end.is_none_or(|end| end.at > from);
            interval.symbol_id == query.symbol_id && (begins || overlaps && from < to)
        };
        let mut items: Vec<_> = intervals.values().copied().filter(is_wanted).collect();
        if query.order == SortOrder::Descending {
            items.reverse();
        }
        if let Some(after) = query.after {
            items.retain(|interval| match query.order {
                SortOrder::Ascending => interval.valid_from > after,
                SortOrder::Descending => interval.valid_from < after,
            });
        }
        items.truncate(query.limit.get() + 1);
        Ok(Page::from_limit_plus_one(items, query.limit, |interval| {
            interval.valid_from
        }))
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError> {
        self.delete(symbol_id, range, true)
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError> {
        self.delete(symbol_id, range, false)
    }
}
