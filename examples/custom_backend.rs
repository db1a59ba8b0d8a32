//! A custom backend that stores ticks in a `BTreeMap`, tested with the conformance suite.
//!
//! `cargo test --example custom_backend --features conformance` runs the suite, one test per behaviour.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::domain::{
    InstantRows, Page, SortOrder, SymbolId, Tick, TickCursor, TickKey, TimeRange,
};
use tickbook::repository::{
    DeletedTicks, InsertReceipt, RejectedTick, TickConflict, TickQuery, TickRepository, TimeSpan,
};
use tickbook::{Clock, RepositoryError};

/// Ticks by symbol, time and sequence.
#[derive(Debug, Default)]
struct MapTicks(Mutex<BTreeMap<TickKey, Tick>>);

impl MapTicks {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TickKey, Tick>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the ticks of a symbol that satisfy `keep`, in ascending order.
    fn select(&self, symbol_id: SymbolId, keep: impl Fn(&Tick) -> bool) -> Vec<Tick> {
        let ticks = self.lock();
        let of_symbol = ticks.values().filter(|tick| tick.symbol_id == symbol_id);
        of_symbol.filter(|tick| keep(tick)).cloned().collect()
    }

    fn delete(&self, symbol_id: SymbolId, range: TimeRange, is_dry_run: bool) -> DeletedTicks {
        let found = self.select(symbol_id, |tick| range.contains(tick.tick_time));
        let mut deleted = DeletedTicks::default();
        deleted.ticks = found.len() as u64;
        let times = found.first().zip(found.last());
        deleted.span = times.map(|(first, last)| TimeSpan::new(first.tick_time, last.tick_time));
        if !is_dry_run {
            let mut ticks = self.lock();
            for tick in &found {
                ticks.remove(&tick.key());
            }
        }
        deleted
    }
}

#[async_trait]
impl TickRepository for MapTicks {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        let mut stored = self.lock();
        let mut receipt = InsertReceipt::default();
        for given in ticks {
            let tick = match given.normalized() {
                Ok(tick) => tick,
                Err(reason) => {
                    receipt.rejected.push(RejectedTick::invalid(given, reason));
                    continue;
                }
            };
            if tick.occurrence.is_some() {
                // unsequenced tick: the stored rows of its instant decide which rows it adds
                let first = tick.clone().with_sequence(0).key();
                let last = tick.clone().with_sequence(i64::MAX).key();
                let mut instant: InstantRows =
                    stored.range(first..=last).map(|(_, row)| row).collect();
                let rows = instant.add(&tick);
                match rows.is_empty() {
                    true => receipt.duplicates += 1,
                    false => receipt.inserted += 1,
                }
                stored.extend(rows.into_iter().map(|row| (row.key(), row)));
                continue;
            }
            match stored.get(&tick.key()) {
                None => {
                    stored.insert(tick.key(), tick);
                    receipt.inserted += 1;
                }
                Some(known) if known.has_content_of(&tick) => receipt.duplicates += 1,
                Some(known) => receipt
                    .conflicts
                    .push(TickConflict::new(known.clone(), tick)),
            }
        }
        receipt
            .conflicts
            .sort_by_key(|conflict| conflict.refused.key());
        Ok(receipt)
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let place = |tick: &Tick| (tick.tick_time, tick.sequence);
        let after = query.after.map(|after| (after.tick_time, after.sequence));
        let mut items = self.select(query.symbol_id, |tick| {
            let is_behind = after.is_none_or(|after| match query.order {
                SortOrder::Ascending => place(tick) > after,
                SortOrder::Descending => place(tick) < after,
            });
            is_behind && query.range.contains(tick.tick_time)
        });
        if query.order == SortOrder::Descending {
            items.reverse();
        }
        items.truncate(query.limit.get() + 1);
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            TickCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.select(symbol_id, |_| true).pop())
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        if symbol_ids.len() > 10_000 {
            return Err(RepositoryError::invalid(
                "request at most 10,000 symbols per call",
            ));
        }
        let mut newest = BTreeMap::new();
        for tick in self.lock().values() {
            if symbol_ids.contains(&tick.symbol_id) {
                newest.insert(tick.symbol_id, tick.clone());
            }
        }
        Ok(newest.into_values().collect())
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.select(symbol_id, |tick| tick.tick_time <= at).pop())
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        let found = self.select(symbol_id, |tick| range.contains(tick.tick_time));
        Ok(found.len() as u64)
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        Ok(self.delete(symbol_id, range, false))
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        Ok(self.delete(symbol_id, range, true))
    }
}

#[tokio::main]
async fn main() -> Result<(), RepositoryError> {
    let ticks = MapTicks::default();
    let tick = Tick::quote(SymbolId::new(7), Clock::system().now(), 1.into(), 2.into());
    let receipt = ticks.insert_batch(&[tick.clone(), tick]).await?;
    println!(
        "inserted {}, duplicates {}",
        receipt.inserted, receipt.duplicates
    );
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 1));
    Ok(())
}

#[cfg(test)]
mod suite {
    use std::sync::Arc;

    use tickbook::Repositories;
    use tickbook::conformance::Subject;

    use super::MapTicks;

    async fn empty_store() -> Subject {
        let ticks = Arc::new(MapTicks::default());
        Subject::new(Repositories::builder().ticks(ticks).build())
    }

    tickbook::conformance_tick_tests!(empty_store);
}
