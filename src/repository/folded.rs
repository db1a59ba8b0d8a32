//! Pages of folded timeframes, computed from pages of their source.

use chrono::{DateTime, Utc};

use super::CandleQuery;
use crate::domain::{
    Candle, CandleCursor, ExactCandle, FoldError, Page, PageLimit, PartFold, SortOrder, TimeRange,
    Timeframe,
};

/// For backends: computes a page of candles of a folded timeframe from pages of its
/// [`source`](Timeframe::source).
///
/// It reads at most `limit` times [`parts`](Timeframe::parts) candles, and one more that shows that the listing
/// continues. It holds one candle for each bucket of the page.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::domain::{Candle, Page, PriceBasis, SymbolId, TimeRange, Timeframe};
/// use tickbook::repository::{CandleQuery, FoldedListing};
///
/// let (symbol, time): (_, DateTime<Utc>) = (SymbolId::new(7), "2024-05-01T12:00:00Z".parse()?);
/// let minutes = [1, 3, 2].into_iter().enumerate().map(|(minute, price)| {
///     let open_time = time + TimeDelta::minutes(minute as i64);
///     Candle::new(symbol, Timeframe::M1, PriceBasis::Bid, open_time, [price.into(); 4])
/// });
/// let query = CandleQuery::new(symbol, "3m".parse()?, PriceBasis::Bid, TimeRange::all());
/// let mut listing = FoldedListing::new(&query, time + TimeDelta::hours(1)).expect("a folded timeframe");
/// while let Some(source) = listing.next_read() {
///     assert_eq!(source.timeframe, Timeframe::M1);
///     // a backend reads the page of `source`
///     listing.add(Page::new(minutes.clone().map(Into::into).collect(), None))?;
/// }
/// let page = listing.finish()?;
/// assert_eq!((page.items[0].high, page.items[0].close), (3.into(), 2.into()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FoldedListing {
    timeframe: Timeframe,
    order: SortOrder,
    limit: PageLimit,
    now: DateTime<Utc>,
    /// The next page of the source; `None` at its end.
    next: Option<CandleQuery>,
    /// The number of candles of the source that may still be needed.
    needed: usize,
    parts: PartFold,
    /// The number of buckets with a candle, and the last of them.
    buckets: usize,
    bucket: Option<DateTime<Utc>>,
}

impl FoldedListing {
    /// Starts the page of `query` at the time `now`, which decides which candles are closed. Returns `None` if
    /// the timeframe of the query has no source: then the backend reads its candles itself.
    #[must_use]
    pub fn new(query: &CandleQuery, now: DateTime<Utc>) -> Option<Self> {
        let source = query.timeframe.source()?;
        let of_source = |range: TimeRange| CandleQuery {
            timeframe: source,
            range,
            // the range already excludes forming candles of the query
            closed_only: false,
            after: None,
            ..*query
        };
        Some(Self {
            timeframe: query.timeframe,
            order: query.order,
            limit: query.limit,
            now,
            next: query.buckets(now).map(of_source),
            // 1,440 times 10,000 fits in every usize
            needed: query.limit.get() * query.timeframe.parts() as usize + 1,
            parts: PartFold::new(query.timeframe),
            buckets: 0,
            bucket: None,
        })
    }

    /// Returns the next page of the source to read, at the same time `now`; pass it to [`add`](Self::add).
    /// Returns `None` when the page is complete.
    #[must_use]
    pub fn next_read(&self) -> Option<CandleQuery> {
        if self.buckets > self.limit.get() {
            return None;
        }
        let limit = self.needed.clamp(1, PageLimit::MAX.get()) as i64;
        let limit = PageLimit::try_from(limit).ok()?;
        self.next.map(|query| query.limit(limit))
    }

    /// Adds a page of the source.
    ///
    /// # Errors
    /// A candle of another timeframe, or a sum of volumes above 1.7 * 10^38.
    pub fn add(&mut self, page: Page<ExactCandle, CandleCursor>) -> Result<(), FoldError> {
        self.needed = self.needed.saturating_sub(page.items.len());
        self.next = match (self.next, page.next) {
            (Some(query), Some(after)) => Some(query.after(after)),
            _ => None,
        };
        for candle in &page.items {
            let bucket = self.timeframe.bucket_start(candle.open_time);
            if self.bucket != Some(bucket) {
                self.bucket = Some(bucket);
                self.buckets += 1;
            }
            self.parts.add(candle)?;
            // a candle after the page shows that the listing continues, and no more of its bucket is needed
            if self.buckets > self.limit.get() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the page. Volumes are added exactly and rounded once.
    ///
    /// # Errors
    /// A volume above 7.9 * 10^28.
    pub fn finish(self) -> Result<Page<Candle, CandleCursor>, FoldError> {
        let mut candles = self.parts.finish(self.now)?;
        if self.order == SortOrder::Descending {
            candles.reverse();
        }
        let candles = candles.into_iter().map(ExactCandle::into_candle);
        Ok(Page::from_limit_plus_one(
            candles.collect(),
            self.limit,
            CandleCursor::of,
        ))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{CandleSource, PriceBasis, SymbolId};

    fn start() -> DateTime<Utc> {
        "2014-05-01T00:00:00Z".parse().expect("a time")
    }

    fn query(timeframe: &str, limit: u32) -> CandleQuery {
        let timeframe = timeframe.parse().expect("a timeframe");
        let symbol = SymbolId::new(1);
        CandleQuery::new(symbol, timeframe, PriceBasis::Bid, TimeRange::all())
            .limit(PageLimit::new(limit).expect("in range"))
    }

    /// The page of `query` over candles of its source at `open_times`, and the numbers of candles read.
    fn page(
        query: &CandleQuery,
        open_times: &[DateTime<Utc>],
    ) -> (Page<Candle, CandleCursor>, Vec<usize>) {
        let now = start() + TimeDelta::days(9_000);
        let mut listing = FoldedListing::new(query, now).expect("a folded timeframe");
        let mut reads = Vec::new();
        while let Some(source) = listing.next_read() {
            let buckets = source.buckets(now);
            let inside =
                |time: &&DateTime<Utc>| buckets.is_some_and(|buckets| buckets.contains(**time));
            let mut found: Vec<_> = open_times.iter().filter(inside).copied().collect();
            if source.order == SortOrder::Descending {
                found.reverse();
            }
            found.truncate(source.limit.get() + 1);
            let candle = |open_time| {
                let prices = [Decimal::ONE; 4];
                Candle::new(
                    source.symbol_id,
                    source.timeframe,
                    source.basis,
                    open_time,
                    prices,
                )
                .into()
            };
            let candles: Vec<ExactCandle> = found.into_iter().map(candle).collect();
            let cursor = |candle: &ExactCandle| CandleCursor::of(candle);
            let page = Page::from_limit_plus_one(candles, source.limit, cursor);
            reads.push(page.items.len());
            listing.add(page).expect("fits");
        }
        (listing.finish().expect("fits"), reads)
    }

    #[test]
    fn page_reads_no_more_parts_than_it_needs() {
        let minutes: Vec<_> = (0..40_000)
            .map(|minute| start() + TimeDelta::minutes(minute))
            .collect();
        for (timeframe, limit, expected) in [
            ("3m", 1, vec![4]),
            ("7m", 500, vec![3_501]),
            ("59m", 400, vec![10_000, 10_000, 3_601]),
            ("7m", 10_000, vec![10_000, 10_000, 10_000, 10_000]),
        ] {
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let (page, reads) = page(&query(timeframe, limit).order(order), &minutes);
                assert_eq!(reads, expected, "{timeframe} by {limit} {order}");
                let whole = page.items.len() == limit as usize;
                assert_eq!(page.next.is_some(), whole, "{timeframe} by {limit} {order}");
            }
        }
    }

    #[test]
    fn sparse_parts_are_read_once() {
        let days: Vec<_> = (0..60)
            .map(|week| start() + TimeDelta::weeks(week))
            .collect();
        let (page, reads) = page(&query("1w", 10), &days);
        assert_eq!((page.items.len(), reads), (10, vec![60]));
        assert_eq!(
            page.next.map(|next| next.open_time),
            Some(page.items[9].open_time)
        );
    }

    #[test]
    fn stored_timeframes_and_seconds_are_not_folded() {
        for timeframe in ["1m", "1d", "10s"] {
            assert!(
                FoldedListing::new(&query(timeframe, 1), start()).is_none(),
                "{timeframe}"
            );
        }
    }

    #[test]
    fn stored_part_makes_the_candle_rolled_up() {
        let query = query("2m", 5);
        let mut listing = FoldedListing::new(&query, start()).expect("a folded timeframe");
        let part = |minute, source| {
            let open_time = start() + TimeDelta::minutes(minute);
            let candle = Candle::new(
                query.symbol_id,
                Timeframe::M1,
                query.basis,
                open_time,
                [Decimal::ONE; 4],
            );
            candle.source(source).into()
        };
        let stored = CandleSource::Stored("import".to_owned());
        let parts = vec![
            part(0, CandleSource::Ticks),
            part(1, stored),
            part(2, CandleSource::Ticks),
        ];
        listing.add(Page::new(parts, None)).expect("fits");
        assert_eq!(listing.next_read(), None);
        let page = listing.finish().expect("fits");
        let sources = page.items.into_iter().map(|candle| candle.source);
        assert!(sources.eq([CandleSource::RolledUp, CandleSource::Ticks]));
    }
}
