//! The candle repository.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Candle, CandleCursor, Page, PageLimit, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe,
    setters,
};
use crate::error::RepositoryError;

use super::{DeletedCandles, RestoredCandles};

/// A query for candles of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandleQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The timeframe of the candles.
    pub timeframe: Timeframe,
    /// The price basis.
    pub basis: PriceBasis,
    /// The range of open times; includes `from`, excludes `to`. A candle is returned whole, even if the range
    /// ends within it.
    pub range: TimeRange,
    /// Whether to omit candles whose bucket has not ended at the time of the call.
    pub closed_only: bool,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only candles after this one in that order: the last candle of the previous page.
    pub after: Option<CandleCursor>,
    /// The largest number of candles to return.
    pub limit: PageLimit,
}

impl CandleQuery {
    /// A query for the first 500 candles of a range, closed or forming, oldest first.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
    ) -> Self {
        Self {
            symbol_id,
            timeframe,
            basis,
            range,
            closed_only: false,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Sets the order to newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(CandleQuery {
    set {
        /// Sets whether to omit candles that are not closed.
        closed_only: bool,
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of candles of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<CandleCursor>,
    }
});

impl CandleQuery {
    /// For backends: the range of requested open times at the time `now`. If only closed candles are
    /// requested, it ends before the bucket that contains `now`.
    #[must_use]
    pub fn open_times(&self, now: DateTime<Utc>) -> TimeRange {
        if !self.closed_only {
            return self.range;
        }
        let forming = self.timeframe.bucket_start(now);
        let (from, to) = (self.range.start(), self.range.end());
        // the bounds of a range are ordered and within the supported times
        TimeRange::new(from, to.min(forming.max(from))).unwrap_or(self.range)
    }

    /// For backends: the buckets of the requested candles at the time `now`, from the start of the first to
    /// the end of the last bucket. This is the part of [`open_times`](Self::open_times) after `after`, or
    /// `None` if it is empty.
    #[must_use]
    pub fn buckets(&self, now: DateTime<Utc>) -> Option<TimeRange> {
        let range = self.open_times(now);
        let (mut from, mut to) = (range.start(), range.end());
        if let Some(after) = self.after {
            match self.order {
                SortOrder::Ascending => {
                    // nothing is left after the end of the range
                    let after = after.open_time.min(to);
                    from = from.max(after + TimeDelta::microseconds(1));
                }
                SortOrder::Descending => to = to.min(after.open_time),
            }
        }
        let buckets = TimeRange::new(
            self.timeframe.bucket_from(from),
            self.timeframe.bucket_from(to),
        )
        .ok();
        buckets.filter(|buckets| !buckets.is_empty())
    }
}

/// Stores and reads candles, which are computed from stored ticks or stored as candles.
///
/// The candle of a bucket is the first of these that exists:
/// 1. the stored candle of the same symbol, timeframe, basis and open time;
/// 2. if smaller stored candles lie within the bucket, the result of
///    [`Rollup`](crate::domain::Rollup) from them and from the ticks of the rest of the bucket;
/// 3. the exact result of [`fold_ticks`](crate::domain::fold_ticks). A backend may retain such candles after
///    their ticks were dropped.
///
/// This is the rule of [stored timeframes](Timeframe::is_stored). A candle of a folded timeframe is the fold of
/// the candles of its [`source`](Timeframe::source) that lie within its bucket, or of the stored ticks if it has
/// no source. [`FoldedListing`](super::FoldedListing) computes it for any backend. Stored candles of timeframes
/// between its source and itself are not part of it.
///
/// A bucket without ticks and stored candles has no candle. [`filled_candles`](super::filled_candles) fills
/// such gaps.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::DateTime;
/// use tickbook::Repositories;
/// use tickbook::domain::{PriceBasis, SymbolId, Tick, TimeRange, Timeframe};
/// use tickbook::repository::CandleQuery;
///
/// let repositories = Repositories::in_memory();
/// let symbol = SymbolId::new(7);
/// let quotes = [(0, 10, 12), (20, 13, 15), (59, 11, 13)].map(|(second, bid, ask)| {
///     let time = DateTime::from_timestamp(1_398_902_400 + second, 0).expect("in range");
///     Tick::quote(symbol, time, bid.into(), ask.into())
/// });
/// repositories.ticks.insert_batch(&quotes).await?;
///
/// let query = CandleQuery::new(symbol, Timeframe::M1, PriceBasis::Mid, TimeRange::all());
/// let candles = repositories.ohlc.candles(&query).await?.items;
/// assert_eq!(candles.len(), 1);
/// let prices = [candles[0].open, candles[0].high, candles[0].low, candles[0].close];
/// assert_eq!(prices, [11.into(), 14.into(), 11.into(), 12.into()]);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OhlcRepository: Debug + Send + Sync + 'static {
    /// Returns candles of a range, sorted by open time in the requested order, each once.
    ///
    /// A page of a folded timeframe reads at most `limit` times [`parts`](Timeframe::parts) candles of its source,
    /// and one more.
    ///
    /// An empty result is not an error, nor is an unknown symbol. The time of the call decides for the whole
    /// page which candles are closed.
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError>;

    /// Returns the newest candle by open time, closed or forming.
    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError>;

    /// Stores candles as they are and overwrites stored candles of the same symbol, timeframe, basis and open
    /// time, all or none. Returns the number of different candles that were given.
    ///
    /// A call that its caller has abandoned may still be applied, but it overwrites nothing that a later call
    /// stored.
    ///
    /// `closed` is not stored: each read computes it from the time of the read. *Duplicates*: if a candle
    /// is given twice, the last one counts.
    ///
    /// # Errors
    /// `InvalidInput` names the first candle that [`Candle::validate`] refuses.
    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError>;

    /// Restores candles whose ticks are no longer stored, in one transaction, and reports the result. They
    /// are stored with the source [`DOWNSAMPLED`](crate::domain::CandleSource::DOWNSAMPLED), regardless of their own.
    ///
    /// A candle is stored if nothing of its bucket is stored, or if its key has a downsampled candle with at most
    /// as many ticks, which it replaces. It is omitted if its bucket has ticks, a candle of the same key that
    /// is not downsampled, or smaller stored candles of its basis, and if it closed less than two hours ago. The
    /// state before the call decides.
    ///
    /// *Concurrent ticks*: if a tick is stored at the same time, either the tick is stored first and the
    /// candle is omitted, or the candle is stored first and the tick does not change it. This requires
    /// that the clocks of all writers differ by less than an hour. *Duplicates*: if a candle is given
    /// twice, the last one counts. *Repeating*: a call may be repeated. A call that its caller has
    /// abandoned may still be applied, but it overwrites nothing that a later call stored.
    ///
    /// # Errors
    /// `InvalidInput` names the first candle that [`Candle::validate`] refuses. If an error is [certainly
    /// not applied](RepositoryError::is_certainly_not_applied), no candle is stored; after any other
    /// error all may be stored.
    async fn restore_candles(&self, candles: &[Candle])
    -> Result<RestoredCandles, RepositoryError>;

    /// Deletes the first candles of a range that have no stored ticks, at most one UTC day of them, and
    /// returns the rest of the range. [`delete_candles`](super::delete_candles) deletes the whole range.
    ///
    /// This deletes stored candles of `timeframe` (`None`: of all) and every basis, and candles that were
    /// retained after their ticks were dropped. Retained candles are one-minute candles: they are deleted
    /// with [`Timeframe::M1`] or `None`, and the larger candles that are computed from them change
    /// accordingly. Candles of stored ticks remain; to remove them, delete the ticks. If a deleted candle
    /// covered ticks, the candle of these ticks appears instead.
    ///
    /// *Atomicity* and *repeating*: as for [`delete_range`](super::TickRepository::delete_range) of ticks.
    ///
    /// # Errors
    /// `InvalidInput` if `timeframe` is not stored, or if the range does not begin and end at the bounds of buckets of `timeframe`, or of days
    /// if it is `None`: no candle is deleted in part.
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError>;

    /// Returns what [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    ///
    /// # Errors
    /// The errors of [`delete_range`](Self::delete_range).
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError>;
}
