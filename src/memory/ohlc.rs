//! Candles folded from the ticks in memory, and stored ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::tick::InMemoryTickRepository;
use super::{read, write};
use crate::domain::{
    Candle, CandleCursor, Page, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe, fold_ticks,
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
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
    ) -> Result<BTreeMap<DateTime<Utc>, Candle>, RepositoryError> {
        let now = (self.now)();
        let key = |open_time| (symbol_id, timeframe, basis, open_time);
        let mut candles: BTreeMap<_, _> = read(&self.stored)
            .range(key(range.from())..key(range.to()))
            .map(|(_, candle)| {
                let closed = candle.close_time() <= now;
                (
                    candle.open_time,
                    Candle {
                        closed,
                        ..candle.clone()
                    },
                )
            })
            .collect();
        let ticks_to = timeframe.bucket_start(range.to()) + timeframe.duration();
        let ticks_range =
            TimeRange::new(range.from(), ticks_to).map_err(RepositoryError::invalid)?;
        let folded = self.ticks.with_range(symbol_id, ticks_range, |ticks| {
            let of_these_candles = ticks.filter(|tick| {
                let open_time = timeframe.bucket_start(tick.tick_time);
                range.contains(open_time) && !candles.contains_key(&open_time)
            });
            fold_ticks(of_these_candles, timeframe, basis, now)
        })?;
        candles.extend(folded.into_iter().map(|candle| (candle.open_time, candle)));
        Ok(candles)
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
        let candles = self.merged(query.symbol_id, query.timeframe, query.basis, query.range)?;
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
        let of_ticks = self
            .ticks
            .latest(symbol_id)
            .await?
            .map(|tick| timeframe.bucket_start(tick.tick_time));
        let all = TimeRange::all();
        let key = |open_time| (symbol_id, timeframe, basis, open_time);
        let of_stored = read(&self.stored)
            .range(key(all.from())..key(all.to()))
            .next_back()
            .map(|(_, candle)| candle.open_time);
        let Some(open_time) = of_ticks.max(of_stored) else {
            return Ok(None);
        };
        let range = TimeRange::new(open_time, open_time + timeframe.duration())
            .map_err(RepositoryError::invalid)?;
        let mut candles = self.merged(symbol_id, timeframe, basis, range)?;
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
