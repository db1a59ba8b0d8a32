//! Where candles come from.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Candle, CandleCursor, Page, PageLimit, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe,
    setters,
};
use crate::error::RepositoryError;

use super::{DeletedCandles, RestoredCandles};

/// Which candles of one symbol to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandleQuery {
    /// Whose candles.
    pub symbol_id: SymbolId,
    /// Their width.
    pub timeframe: Timeframe,
    /// Which price they are made of.
    pub basis: PriceBasis,
    /// Only those whose open time is inside; `from` is inside, `to` is outside. A candle is whole
    /// even where the range ends within it.
    pub range: TimeRange,
    /// Whether candles whose end has not passed at the time of the call are left out.
    pub closed_only: bool,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only those behind this one in that order: where the page before ended.
    pub after: Option<CandleCursor>,
    /// How many at most.
    pub limit: PageLimit,
}

impl CandleQuery {
    /// The first 500 candles of a range, closed or forming, oldest first.
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

    /// Newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(CandleQuery {
    set {
        /// Sets whether candles that still change are left out.
        closed_only: bool,
        /// Sets the order.
        order: SortOrder,
        /// Sets how many candles a page holds at most.
        limit: PageLimit,
    }
    into {
        /// Continues after the page whose `next` is given.
        after: Option<CandleCursor>,
    }
});

impl CandleQuery {
    /// The open times that are asked for at the time `now`, for backends: of closed candles only,
    /// `range` ends with the bucket that holds `now`.
    #[must_use]
    pub fn open_times(&self, now: DateTime<Utc>) -> TimeRange {
        if !self.closed_only {
            return self.range;
        }
        let forming = self.timeframe.bucket_start(now);
        let (from, to) = (self.range.from(), self.range.to());
        // bounds of a range are ordered and within what a tick may have
        TimeRange::new(from, to.min(forming.max(from))).unwrap_or(self.range)
    }

    /// The buckets whose candles are asked for at the time `now`, from the start of the first to the
    /// end of the last, for backends: what `after` leaves of [`open_times`](Self::open_times).
    /// `None` when it leaves nothing.
    #[must_use]
    pub fn buckets(&self, now: DateTime<Utc>) -> Option<TimeRange> {
        let next_start = |time| {
            let start = self.timeframe.bucket_start(time);
            if start == time {
                start
            } else {
                start + self.timeframe.duration()
            }
        };
        let range = self.open_times(now);
        let (mut from, mut to) = (range.from(), range.to());
        if let Some(after) = self.after {
            match self.order {
                SortOrder::Ascending => {
                    // behind the range nothing is left, however far away it is
                    let after = after.open_time.min(to);
                    from = from.max(after + TimeDelta::microseconds(1));
                }
                SortOrder::Descending => to = to.min(after.open_time),
            }
        }
        let buckets = TimeRange::new(next_start(from), next_start(to)).ok();
        buckets.filter(|buckets| !buckets.is_empty())
    }
}

/// Candles: made of the stored ticks, or stored as candles.
///
/// For each bucket, the first of these that there is:
/// 1. the candle that is stored with the same symbol, timeframe, basis and open time;
/// 2. where smaller stored candles lie within the bucket, what
///    [`StoredParts`](crate::domain::StoredParts) makes of them and of the ticks of the rest of the
///    bucket;
/// 3. what [`fold_ticks`](crate::domain::fold_ticks) makes of the ticks, to the last digit. A backend
///    may have kept the candles of ticks that are stored no longer.
///
/// A bucket of which nothing is known has no candle;
/// [`filled_candles`](super::filled_candles) fills such gaps.
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
    /// Candles of a range, sorted by open time in the order asked for; none appears twice.
    ///
    /// No candle is no error, nor is a symbol that does not exist. Whether a candle is closed is
    /// decided once for the whole page, by the time of the call.
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError>;

    /// The newest candle by open time, closed or still forming.
    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError>;

    /// Stores candles as they are, overwriting stored ones of the same symbol, timeframe, basis
    /// and open time, all or none. Returns how many different candles were given.
    ///
    /// A call that its caller has given up may still be applied, but overwrites nothing that a call
    /// begun after that has stored.
    ///
    /// `closed` is not stored: a read decides it by its own time.
    /// *Duplicates*: of one candle given twice the last counts.
    ///
    /// # Errors
    /// `InvalidInput` names the first candle that [`Candle::validate`] refuses.
    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError>;

    /// Brings candles back whose ticks are stored no longer, all in one step, and says what became of
    /// them. They are stored as [`SEALED`](crate::domain::CandleSource::SEALED), whatever their source is.
    ///
    /// A candle is stored where nothing of its bucket is stored, or a sealed candle of the same key that
    /// knows no more ticks, which it replaces. It is left out where its bucket has ticks, a candle of the
    /// same key that is not sealed, or smaller stored candles of its basis, and where it closed less
    /// than two hours ago. What is stored before the call decides.
    ///
    /// *Beside ticks*: a tick that is stored at the same time comes first, and the candle is left out; or
    /// it comes later, and is stored below the candle, which does not change. The clocks of all writers
    /// differ by less than an hour.
    /// *Duplicates*: of one candle given twice the last counts.
    /// *Repeating*: a call may be repeated. One that its caller has given up may still be applied, but
    /// overwrites nothing that a call begun after that has stored.
    ///
    /// # Errors
    /// `InvalidInput` names the first candle that [`Candle::validate`] refuses. On an error no candle is
    /// stored, except where the error is not
    /// [certainly not applied](RepositoryError::is_certainly_not_applied); then all may be.
    async fn restore_candles(&self, candles: &[Candle])
    -> Result<RestoredCandles, RepositoryError>;

    /// Deletes the first candles of a range that stand without ticks, one UTC day of them at most, and
    /// says which part of the range is left; [`delete_candles`](super::delete_candles) deletes all.
    ///
    /// These are candles that were stored as candles, of `timeframe` (`None`: of all) and every basis, and
    /// candles that are kept of ticks that were dropped. The kept ones are one-minute candles, so that
    /// they go with [`Timeframe::M1`] or `None`, and the larger ones that are made of them follow.
    /// Candles that are made of stored ticks stay: delete the ticks. Where a stored candle covered
    /// ticks, the candle is what these make from then on.
    ///
    /// *Atomicity* and *repeating*: as [`delete_range`](super::TickRepository::delete_range) of ticks.
    ///
    /// # Errors
    /// `InvalidInput` where the range does not begin and end with a bucket of `timeframe`, or with a day
    /// where it is `None`: no candle is deleted in part.
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError>;

    /// What [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    ///
    /// # Errors
    /// Those of [`delete_range`](Self::delete_range).
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError>;
}
