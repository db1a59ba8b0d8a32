//! In-memory candles: folded from the ticks and trades in memory, or stored.

mod edges;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::yield_now;

use self::edges::{edge_of, has_some, starts_of};
use super::events::EventStore;
use super::stored_candles::{Key, StoredCandles, different, restore};
use super::tick::InMemoryTickRepository;
use super::trade::InMemoryTradeRepository;
use super::{read, write};
use crate::Clock;
use crate::domain::{
    Candle, CandleCursor, CandleEvent, CandleInput, EventFold, ExactCandle, Page, PageLimit,
    PriceBasis, Rollup, SortOrder, SymbolId, TimeRange, Timeframe,
};
use crate::error::RepositoryError;
use crate::repository::{
    CandleQuery, DeletedCandles, FoldedListing, OhlcRepository, RestoredCandles, part_of_a_day,
    refuse_cut_candles,
};

/// The time span processed per step: 10,080 minutes, each of which may have a stored candle.
const SPAN: TimeDelta = TimeDelta::days(7);

/// Candles of the ticks of an [`InMemoryTickRepository`] and the trades of an [`InMemoryTradeRepository`], and stored
/// candles in memory.
///
/// Repositories of the same ticks share their stored candles. Every read folds the ticks or trades of its
/// candles again. If there are many, it yields to other tasks in between, so the result may include only a
/// part of concurrent writes.
#[derive(Clone)]
pub struct InMemoryOhlcRepository {
    ticks: InMemoryTickRepository,
    trades: InMemoryTradeRepository,
    stored: Arc<RwLock<StoredCandles>>,
    clock: Clock,
}

impl InMemoryOhlcRepository {
    /// Candles of `ticks`, closed or forming by the system clock.
    #[must_use]
    pub fn new(ticks: InMemoryTickRepository) -> Self {
        Self::by(ticks, Clock::system())
    }

    /// Candles of `ticks`, closed or forming by the time that `now` returns at each read.
    #[must_use]
    pub fn with_clock(
        ticks: InMemoryTickRepository,
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Self {
        Self::by(ticks, Clock::new(now))
    }

    pub(crate) fn by(ticks: InMemoryTickRepository, clock: Clock) -> Self {
        Self {
            stored: ticks.stored_candles(),
            ticks,
            trades: InMemoryTradeRepository::new(),
            clock,
        }
    }

    /// Computes candles of the basis `Trade` from `trades`. Without a call there are no such candles.
    #[must_use]
    pub fn with_trades(mut self, trades: InMemoryTradeRepository) -> Self {
        self.trades = trades;
        self
    }

    /// Returns the page of a query whose timeframe has no source.
    async fn page(
        &self,
        query: &CandleQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExactCandle, CandleCursor>, RepositoryError> {
        let items = self.first(query, query.limit.get() + 1, now).await?;
        let cursor = |candle: &ExactCandle| CandleCursor::of(candle);
        Ok(Page::from_limit_plus_one(items, query.limit, cursor))
    }

    /// Returns the first `wanted` candles of the query, in its order. Its timeframe has no source.
    async fn first(
        &self,
        query: &CandleQuery,
        wanted: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<ExactCandle>, RepositoryError> {
        let mut candles = Vec::new();
        let mut rest = query.buckets(now);
        while let Some(range) = rest
            && candles.len() < wanted
            && let Some(bucket) = self.first_bucket(query, range)
        {
            let (window, behind) = split(query, range, bucket, wanted - candles.len());
            let merged = match query.basis.input() {
                CandleInput::Ticks => self.merged(self.ticks.store(), query, window, now).await?,
                CandleInput::Trades => self.merged(self.trades.store(), query, window, now).await?,
            };
            let found = merged.into_values();
            match query.order {
                SortOrder::Ascending => candles.extend(found),
                SortOrder::Descending => candles.extend(found.rev()),
            }
            rest = behind;
            yield_now().await;
        }
        Ok(candles)
    }

    /// Returns the start of the first bucket of `range` with ticks, trades or stored candles, in the order of
    /// the query.
    fn first_bucket(&self, query: &CandleQuery, range: TimeRange) -> Option<DateTime<Utc>> {
        let edge = |times: &mut dyn DoubleEndedIterator<Item = DateTime<Utc>>| match query.order {
            SortOrder::Ascending => times.next(),
            SortOrder::Descending => times.next_back(),
        };
        let event = match query.basis.input() {
            CandleInput::Ticks => edge_of(self.ticks.store(), query, range, edge),
            CandleInput::Trades => edge_of(self.trades.store(), query, range, edge),
        };
        let stored = read(&self.stored);
        let of_stored = Timeframe::ALL
            .iter()
            .copied()
            .take_while(|one| *one <= query.timeframe)
            .filter_map(|one| {
                let keys = stored.range(keys(query, one, range));
                edge(&mut keys.map(|(_, candle)| candle.open_time))
            });
        let times = event.into_iter().chain(of_stored);
        let buckets = times.map(|time| query.timeframe.bucket_start(time));
        match query.order {
            SortOrder::Ascending => buckets.min(),
            SortOrder::Descending => buckets.max(),
        }
    }

    /// Returns all candles of the buckets of `window`, by open time.
    async fn merged<E: CandleEvent>(
        &self,
        events: &EventStore<E>,
        query: &CandleQuery,
        window: TimeRange,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<DateTime<Utc>, ExactCandle>, RepositoryError> {
        let timeframe = query.timeframe;
        let mut candles: BTreeMap<_, _> = self
            .stored(query, timeframe, window, now)
            .into_iter()
            .map(|candle| (candle.open_time, candle.into()))
            .collect();
        let bucket = |time| timeframe.bucket_start(time);

        let mut parts = Vec::new();
        for smaller in Timeframe::ALL
            .iter()
            .copied()
            .take_while(|one| *one < timeframe)
        {
            let stored = self.stored(query, smaller, window, now);
            parts.extend(stored.into_iter().map(ExactCandle::from));
        }
        parts.retain(|part: &ExactCandle| !candles.contains_key(&bucket(part.open_time)));
        let with_parts: BTreeSet<_> = parts.iter().map(|part| bucket(part.open_time)).collect();
        let parts = Rollup::new(parts);

        let mut whole = EventFold::new(timeframe, query.basis);
        let mut minutes = EventFold::new(Timeframe::M1, query.basis);
        let fold = |event: &E| {
            let bucket = bucket(event.time());
            if candles.contains_key(&bucket) || parts.covers(event.time()) {
                Ok(())
            } else if with_parts.contains(&bucket) {
                minutes.add(event)
            } else {
                whole.add(event)
            }
        };
        events.for_each_in(query.symbol_id, window, fold).await?;
        let of_parts = parts.fold_with(&minutes.finish(now)?, timeframe, now)?;
        let computed = whole.finish(now)?.into_iter().chain(of_parts);
        candles.extend(computed.map(|candle| (candle.open_time, candle)));
        Ok(candles)
    }

    /// Returns the stored candles of `timeframe` whose open time is inside `range`.
    fn stored(
        &self,
        query: &CandleQuery,
        timeframe: Timeframe,
        range: TimeRange,
        now: DateTime<Utc>,
    ) -> Vec<Candle> {
        read(&self.stored)
            .range(keys(query, timeframe, range))
            .map(|(_, candle)| Candle {
                closed: candle.close_time() <= now,
                ..candle.clone()
            })
            .collect()
    }
}

impl InMemoryOhlcRepository {
    /// Deletes the candles of the first day of a range that has candles. If `is_meant` is false, only
    /// counts them.
    fn delete(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
        is_meant: bool,
    ) -> Result<DeletedCandles, RepositoryError> {
        refuse_cut_candles(range, timeframe)?;
        let mut stored = write(&self.stored);
        let is_asked_for = |(of, its, _, open_time): &Key| {
            *of == symbol_id
                && timeframe.is_none_or(|one| one == *its)
                && range.contains(*open_time)
        };
        let mut keys: Vec<_> = stored
            .keys()
            .filter(|key| is_asked_for(key))
            .copied()
            .collect();
        let computed = |range| {
            let bucket = timeframe.unwrap_or(Timeframe::M1);
            let mut starts = starts_of(self.ticks.store(), symbol_id, range, bucket);
            starts.extend(starts_of(self.trades.store(), symbol_id, range, bucket));
            starts
        };
        let opens = keys.iter().map(|(_, _, _, open_time)| *open_time);
        let Some(first) = opens.chain(computed(range)).min() else {
            return Ok(DeletedCandles::default());
        };
        let (part, rest) = part_of_a_day(range, first)?;
        keys.retain(|(_, _, _, open_time)| part.contains(*open_time));
        let mut deleted = DeletedCandles {
            of_ticks: computed(part).len() as u64,
            rest,
            ..DeletedCandles::default()
        };
        for key in keys {
            deleted.candles.add(key.1, 1);
            if is_meant {
                stored.remove(&key);
            }
        }
        Ok(deleted)
    }
}

impl fmt::Debug for InMemoryOhlcRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryOhlcRepository")
            .field("ticks", &self.ticks)
            .field("trades", &self.trades)
            .field("stored", &read(&self.stored).len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OhlcRepository for InMemoryOhlcRepository {
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        let now = self.clock.now();
        let Some(mut listing) = FoldedListing::new(query, now) else {
            let page = self.page(query, now).await?;
            let candles = page.items.into_iter().map(ExactCandle::into_candle);
            return Ok(Page::new(candles.collect(), page.next));
        };
        while let Some(source) = listing.next_read() {
            listing.add(self.page(&source, now).await?)?;
        }
        Ok(listing.finish()?)
    }

    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError> {
        let query = CandleQuery {
            order: SortOrder::Descending,
            limit: PageLimit::new(1).map_err(RepositoryError::invalid)?,
            ..CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all())
        };
        Ok(self.candles(&query).await?.items.pop())
    }

    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError> {
        for candle in candles {
            candle.validate().map_err(RepositoryError::invalid)?;
        }
        let different = different(candles);
        let count = different.len() as u64;
        write(&self.stored).extend(different);
        Ok(count)
    }

    async fn restore_candles(
        &self,
        candles: &[Candle],
    ) -> Result<RestoredCandles, RepositoryError> {
        for candle in candles {
            candle.validate().map_err(RepositoryError::invalid)?;
        }
        let now = self.clock.now();
        // writers of ticks lock the stored candles first, and wait here
        let mut stored = write(&self.stored);
        let is_computed = |candle: &Candle| {
            let bucket = TimeRange::new(candle.open_time, candle.close_time());
            let symbol_id = candle.symbol_id;
            bucket.is_ok_and(|bucket| match candle.basis.input() {
                CandleInput::Ticks => has_some(self.ticks.store(), symbol_id, bucket),
                CandleInput::Trades => has_some(self.trades.store(), symbol_id, bucket),
            })
        };
        Ok(restore(&mut stored, different(candles), is_computed, now))
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        self.delete(symbol_id, timeframe, range, true)
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        self.delete(symbol_id, timeframe, range, false)
    }
}

/// Splits `range` into the part with the first `wanted` buckets from `bucket` on, in the order of the query,
/// and the rest.
fn split(
    query: &CandleQuery,
    range: TimeRange,
    bucket: DateTime<Utc>,
    wanted: usize,
) -> (TimeRange, Option<TimeRange>) {
    let width = query.timeframe.duration();
    // `wanted` is at most 10,001
    let reach = (width * wanted as i32).min(SPAN);
    let (window, behind) = match query.order {
        SortOrder::Ascending => {
            let end = (bucket + reach).min(range.end());
            ((bucket, end), (end, range.end()))
        }
        SortOrder::Descending => {
            let end = bucket + width;
            let start = (end - reach).max(range.start());
            ((start, end), (range.start(), start))
        }
    };
    let behind = TimeRange::new(behind.0, behind.1).ok();
    (TimeRange::new(window.0, window.1).unwrap_or(range), behind)
}

/// The keys of the candles of `timeframe` whose open time is inside `range`.
fn keys(query: &CandleQuery, timeframe: Timeframe, range: TimeRange) -> Range<Key> {
    let key = |open_time| (query.symbol_id, timeframe, query.basis, open_time);
    key(range.start())..key(range.end())
}

#[cfg(test)]
mod tests;
