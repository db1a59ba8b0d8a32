//! Candles folded from the ticks in memory, and stored ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::tick::InMemoryTickRepository;
use super::{read, write};
use crate::domain::{
    Candle, CandleCursor, Page, PriceBasis, SortOrder, StoredParts, SymbolId, TimeRange, Timeframe,
    fold_ticks,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, OhlcRepository, TickRepository as _};

type Key = (SymbolId, Timeframe, PriceBasis, DateTime<Utc>);
type Clock = dyn Fn() -> DateTime<Utc> + Send + Sync;

/// Candles of the ticks of an [`InMemoryTickRepository`], and stored ones in memory.
///
/// Clones share their candles. Every read folds the ticks of its range anew.
#[derive(Clone)]
pub struct InMemoryOhlcRepository {
    ticks: InMemoryTickRepository,
    stored: Arc<RwLock<BTreeMap<Key, Candle>>>,
    now: Arc<Clock>,
}

impl InMemoryOhlcRepository {
    /// Candles of `ticks`, closed or forming by the system's clock.
    #[must_use]
    pub fn new(ticks: InMemoryTickRepository) -> Self {
        Self::with_clock(ticks, Utc::now)
    }

    /// Candles of `ticks`, closed or forming by what `now` says at each read.
    #[must_use]
    pub fn with_clock(
        ticks: InMemoryTickRepository,
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Self {
        Self {
            ticks,
            stored: Arc::default(),
            now: Arc::new(now),
        }
    }

    /// All candles whose open time is inside of `range`, by open time.
    fn merged(
        &self,
        query: &CandleQuery,
        range: TimeRange,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<DateTime<Utc>, Candle>, RepositoryError> {
        let timeframe = query.timeframe;
        let end = timeframe.bucket_start(range.to()) + timeframe.duration();
        let whole = TimeRange::new(range.from(), end).map_err(RepositoryError::invalid)?;
        let mut candles: BTreeMap<_, _> = self
            .stored(query, timeframe, range, now)
            .into_iter()
            .map(|candle| (candle.open_time, candle))
            .collect();
        let bucket = |time| timeframe.bucket_start(time);
        let is_free = |bucket| range.contains(bucket) && !candles.contains_key(&bucket);

        let mut parts = Vec::new();
        for smaller in Timeframe::ALL
            .into_iter()
            .take_while(|one| *one < timeframe)
        {
            parts.extend(self.stored(query, smaller, whole, now));
        }
        parts.retain(|part| is_free(bucket(part.open_time)));
        let with_parts: BTreeSet<_> = parts.iter().map(|part| bucket(part.open_time)).collect();
        let parts = StoredParts::new(parts);

        let fold = |timeframe, has_parts| {
            if has_parts && with_parts.is_empty() {
                return Ok(Vec::new());
            }
            self.ticks.with_range(query.symbol_id, whole, |ticks| {
                let of_these_buckets = ticks.filter(|tick| {
                    let bucket = bucket(tick.tick_time);
                    is_free(bucket) && with_parts.contains(&bucket) == has_parts
                });
                let free = of_these_buckets.filter(|tick| !parts.covers(tick.tick_time));
                fold_ticks(free, timeframe, query.basis, now)
            })
        };
        let of_ticks = fold(timeframe, false)?;
        let minutes = fold(Timeframe::M1, true)?;
        let of_parts = parts.fold_with(&minutes, timeframe, now)?;
        let made = of_ticks.into_iter().chain(of_parts);
        candles.extend(made.map(|candle| (candle.open_time, candle)));
        Ok(candles)
    }

    /// The stored candles of `timeframe` whose open time is inside of `range`.
    fn stored(
        &self,
        query: &CandleQuery,
        timeframe: Timeframe,
        range: TimeRange,
        now: DateTime<Utc>,
    ) -> Vec<Candle> {
        let key = |open_time| (query.symbol_id, timeframe, query.basis, open_time);
        read(&self.stored)
            .range(key(range.from())..key(range.to()))
            .map(|(_, candle)| Candle {
                closed: candle.close_time() <= now,
                ..candle.clone()
            })
            .collect()
    }
}

impl fmt::Debug for InMemoryOhlcRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryOhlcRepository")
            .field("ticks", &self.ticks)
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
        let now = (self.now)();
        let candles = self.merged(query, query.open_times(now), now)?;
        let after = query.after.map(|after| after.open_time);
        let overfull = query.limit.get() + 1;
        let items = match query.order {
            SortOrder::Ascending => candles
                .into_values()
                .filter(|candle| after.is_none_or(|after| candle.open_time > after))
                .take(overfull)
                .collect(),
            SortOrder::Descending => candles
                .into_values()
                .rev()
                .filter(|candle| after.is_none_or(|after| candle.open_time < after))
                .take(overfull)
                .collect(),
        };
        Ok(Page::from_overfull(items, query.limit, CandleCursor::of))
    }

    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError> {
        let query = CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all());
        let now = (self.now)();
        let newest_tick = self.ticks.latest(symbol_id).await?;
        let of_stored = Timeframe::ALL
            .into_iter()
            .take_while(|one| *one <= timeframe)
            .filter_map(|one| self.stored(&query, one, query.range, now).pop())
            .map(|candle| candle.open_time);
        let newest = newest_tick
            .map(|tick| tick.tick_time)
            .into_iter()
            .chain(of_stored)
            .map(|time| timeframe.bucket_start(time))
            .max();
        let Some(open_time) = newest else {
            return Ok(None);
        };
        let range = TimeRange::new(open_time, open_time + timeframe.duration())
            .map_err(RepositoryError::invalid)?;
        let mut candles = self.merged(&query, range, now)?;
        Ok(candles.pop_last().map(|(_, candle)| candle))
    }

    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError> {
        for candle in candles {
            candle.validate().map_err(RepositoryError::invalid)?;
        }
        let different: BTreeMap<Key, Candle> = candles
            .iter()
            .map(|candle| (key_of(candle), normalized(candle)))
            .collect();
        let count = different.len() as u64;
        write(&self.stored).extend(different);
        Ok(count)
    }
}

fn key_of(candle: &Candle) -> Key {
    (
        candle.symbol_id,
        candle.timeframe,
        candle.basis,
        candle.open_time,
    )
}

fn normalized(candle: &Candle) -> Candle {
    Candle {
        open: candle.open.normalize(),
        high: candle.high.normalize(),
        low: candle.low.normalize(),
        close: candle.close.normalize(),
        volume: candle.volume.normalize(),
        ..candle.clone()
    }
}
