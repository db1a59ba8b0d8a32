//! Gap-filled listings of candles over any backend.

use chrono::{DateTime, Utc};

use super::{CandleQuery, OhlcRepository};
use crate::domain::{
    Candle, CandleCursor, CandleSlot, FilledCandle, GapFill, Page, PageLimit, SortOrder, TimeRange,
    earliest_time,
};
use crate::error::RepositoryError;

/// Returns the candles of a range, with the gaps between them filled according to `fill`.
///
/// *Filled buckets*: the buckets of the range that lie between the symbol's first candle and its newest
/// one. These two candles may be outside of the range, so a range may begin and end with filled buckets.
/// Buckets before the first candle are not filled, since there is no price to carry forward. Buckets
/// after the newest candle are not filled, since the feed may be late, and neither are buckets after
/// `now`. *Paging*: `query.limit` counts all buckets, filled or not, and the cursor may be that of a
/// filled bucket. `now` decides which buckets are closed; pass the time of the call, or a fixed time in
/// tests.
///
/// With [`GapFill::Omit`] this is [`OhlcRepository::candles`]. Otherwise a page takes up to five reads of the
/// repository and the memory of two pages, for gaps of any length.
///
/// # Errors
/// The errors of [`OhlcRepository::candles`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{
///     CandleSlot, GapFill, PriceBasis, SymbolId, Tick, TimeRange, Timeframe,
/// };
/// use tickbook::repository::{CandleQuery, filled_candles};
///
/// let Repositories { ticks, ohlc, .. } = Repositories::in_memory();
/// let (symbol, time): (_, DateTime<Utc>) = (SymbolId::new(7), "2024-05-01T12:00:00Z".parse()?);
/// let quotes = [0, 2].map(|minutes| {
///     let time = time + TimeDelta::minutes(minutes);
///     Tick::quote(symbol, time, 1.into(), 2.into())
/// });
/// ticks.insert_batch(&quotes).await?;
///
/// let query = CandleQuery::new(symbol, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
/// let now = time + TimeDelta::hours(1);
/// let page = filled_candles(&*ohlc, &query, GapFill::Flat, now).await?;
/// let is_filled = page.items.iter().map(|slot| matches!(slot, CandleSlot::Filled(_)));
/// assert!(is_filled.take(3).eq([false, true, false]));
/// # Ok(())
/// # }
/// ```
pub async fn filled_candles(
    candles: &dyn OhlcRepository,
    query: &CandleQuery,
    fill: GapFill,
    now: DateTime<Utc>,
) -> Result<Page<CandleSlot, CandleCursor>, RepositoryError> {
    if fill == GapFill::Omit {
        let page = candles.candles(query).await?;
        return Ok(Page {
            items: page.items.into_iter().map(CandleSlot::Candle).collect(),
            next: page.next,
        });
    }
    let newest = candles
        .latest(query.symbol_id, query.timeframe, query.basis)
        .await?;
    let Some(newest) = newest else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    let query = CandleQuery {
        range: query.open_times(now),
        // the range already excludes forming candles, so that all reads exclude the same ones
        closed_only: false,
        ..*query
    };
    let listing = FilledListing {
        candles,
        query,
        fill,
        now,
        // the newest candle itself is not filled
        fill_end: newest.open_time.min(bucket_end(&query, now)),
    };
    match query.order {
        SortOrder::Ascending => listing.ascending().await,
        SortOrder::Descending => listing.descending().await,
    }
}

/// The end of the bucket that contains `now`.
fn bucket_end(query: &CandleQuery, now: DateTime<Utc>) -> DateTime<Utc> {
    let timeframe = query.timeframe;
    timeframe.bucket_end(timeframe.bucket_start(now))
}

struct FilledListing<'a> {
    candles: &'a dyn OhlcRepository,
    query: CandleQuery,
    fill: GapFill,
    now: DateTime<Utc>,
    /// Buckets from this time on are not filled.
    fill_end: DateTime<Utc>,
}

impl FilledListing<'_> {
    async fn ascending(&self) -> Result<Page<CandleSlot, CandleCursor>, RepositoryError> {
        let (limit, timeframe) = (self.limit(), self.query.timeframe);
        let range = self.query.range;
        let mut from = self.next_bucket(range.start());
        if let Some(after) = self.query.after {
            let after = after.open_time.min(range.end());
            from = from.max(timeframe.bucket_end(timeframe.bucket_start(after)));
        }
        let fill_end = self.fill_end.min(range.end());
        let mut slots = Vec::new();
        let previous = self.last_before(from).await?;
        let first = match &previous {
            Some(_) => Some(from),
            // no price to carry forward: the listing begins with the first candle
            None => {
                let first = self
                    .read(from, range.end(), SortOrder::Ascending, 1)
                    .await?;
                first.items.first().map(|candle| candle.open_time)
            }
        };
        let Some(first) = first else {
            return Ok(self.page(slots, false));
        };
        let mut reached = first;
        if first < fill_end {
            let buckets = self.buckets(first, fill_end).min(limit);
            reached = timeframe.bucket_at(first, buckets as i64);
            let candles = self
                .read(first, reached, SortOrder::Ascending, limit)
                .await?;
            slots = self.fill(previous, candles.items, first, buckets);
        }
        let rest = reached.max(from);
        if slots.len() == limit {
            let more = rest < fill_end || !self.is_empty(rest, range.end()).await?;
            return Ok(self.page(slots, more));
        }
        // the newest candle, and candles that were added meanwhile or lie in the future
        let missing = limit - slots.len();
        let candles = self
            .read(rest, range.end(), SortOrder::Ascending, missing)
            .await?;
        slots.extend(candles.items.into_iter().map(CandleSlot::Candle));
        Ok(self.page(slots, candles.next.is_some()))
    }

    async fn descending(&self) -> Result<Page<CandleSlot, CandleCursor>, RepositoryError> {
        let (limit, timeframe) = (self.limit(), self.query.timeframe);
        let range = self.query.range;
        let mut to = range.end();
        if let Some(after) = self.query.after {
            to = to.min(after.open_time.max(earliest_time()));
        }
        let from = self.next_bucket(range.start());
        let newest_from = self.fill_end.max(from);
        // the newest candle, and candles that were added meanwhile or lie in the future
        let newest = self
            .read(newest_from, to, SortOrder::Descending, limit)
            .await?;
        let mut slots: Vec<_> = newest.items.into_iter().map(CandleSlot::Candle).collect();
        if newest.next.is_some() {
            return Ok(self.page(slots, true));
        }
        let end = self.next_bucket(to).min(newest_from);
        let buckets = self.buckets(from, end).min(limit - slots.len());
        let start = timeframe.bucket_at(end, -(buckets as i64));
        let previous = self.last_before(start).await?;
        let has_previous = previous.is_some();
        if buckets > 0 {
            let candles = self.read(start, end, SortOrder::Ascending, buckets).await?;
            let mut filled = self.fill(previous, candles.items, start, buckets);
            filled.reverse();
            slots.extend(filled);
        }
        Ok(self.page(slots, start > from && has_previous))
    }

    /// Returns the `count` buckets from `start` on, without the buckets before the first candle.
    fn fill(
        &self,
        mut previous: Option<Candle>,
        candles: Vec<Candle>,
        start: DateTime<Utc>,
        count: usize,
    ) -> Vec<CandleSlot> {
        let mut candles = candles.into_iter().peekable();
        let mut slots = Vec::with_capacity(count);
        let mut open_time = start;
        for _ in 0..count {
            let candle = candles.next_if(|candle| candle.open_time == open_time);
            if let Some(candle) = candle {
                slots.push(CandleSlot::Candle(candle.clone()));
                previous = Some(candle);
            } else if let Some(previous) = &previous {
                let filled = FilledCandle::after(previous, open_time, self.fill, self.now);
                slots.push(CandleSlot::Filled(filled));
            }
            open_time = self.query.timeframe.bucket_end(open_time);
        }
        slots
    }

    /// Returns the newest candle before `time`, even if it is outside of the range.
    async fn last_before(&self, time: DateTime<Utc>) -> Result<Option<Candle>, RepositoryError> {
        let page = self
            .read(earliest_time(), time, SortOrder::Descending, 1)
            .await?;
        Ok(page.items.into_iter().next())
    }

    async fn is_empty(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<bool, RepositoryError> {
        Ok(self
            .read(from, to, SortOrder::Ascending, 1)
            .await?
            .items
            .is_empty())
    }

    async fn read(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        order: SortOrder,
        limit: usize,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        let Ok(range) = TimeRange::new(from, to) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        // not above the limit of the query
        let limit = PageLimit::try_from(limit as i64).map_err(RepositoryError::invalid)?;
        let query = CandleQuery {
            range,
            order,
            after: None,
            limit,
            ..self.query
        };
        self.candles.candles(&query).await
    }

    fn page(&self, slots: Vec<CandleSlot>, more: bool) -> Page<CandleSlot, CandleCursor> {
        let last = slots.last().map(|slot| CandleCursor {
            open_time: slot.open_time(),
        });
        Page {
            items: slots,
            next: last.filter(|_| more),
        }
    }

    /// The number of buckets that begin in `[from, to)`. `from` must be the start of a bucket.
    fn buckets(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> usize {
        let buckets = self.query.timeframe.bucket_count(from, to);
        usize::try_from(buckets).unwrap_or(usize::MAX)
    }

    /// The start of the first bucket that begins at or after `time`.
    fn next_bucket(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        self.query.timeframe.bucket_from(time)
    }

    fn limit(&self) -> usize {
        self.query.limit.get()
    }
}
