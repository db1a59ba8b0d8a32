//! Whether what is stored is right: candles against their ticks, ticks against the rules of ticks.
//!
//! Works on any backend, one symbol and one day at a time: a day's one-minute candles, one page of
//! ticks and the ticks of the busiest minute are in memory.

mod compare;
mod quotes;

use chrono::{DateTime, TimeDelta, Utc};

use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PageLimit, PriceBasis, SortOrder, SymbolId, Tick, TimeRange, Timeframe,
    fold_ticks,
};
use crate::error::RepositoryError;
use crate::repository::TickQuery;

pub use quotes::{Gap, QuoteFindings};

use quotes::Trail;

/// Who makes the candles that are stored when their ticks go.
const SEALED: &str = "sealed";

/// What to look at, and what is worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditOptions {
    /// Ticks and candles of these times.
    pub range: TimeRange,
    /// Longer times without a tick are gaps.
    pub longest_gap: TimeDelta,
    /// A quote that is repeated for longer is stale.
    pub longest_still: TimeDelta,
    /// Days before it have lost ticks, so that nothing can be said of their candles.
    pub kept_from: Option<DateTime<Utc>>,
}

/// A candle that is not what its ticks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What its ticks say; `None`: there is no tick.
    pub expected: Option<Candle>,
    /// What is read; `None`: there is no candle.
    pub found: Option<Candle>,
}

impl Difference {
    /// One of both: symbol, timeframe, basis and open time are those of either.
    #[must_use]
    pub fn either(&self) -> Option<&Candle> {
        self.expected.as_ref().or(self.found.as_ref())
    }

    /// Whether what was read was stored as a candle by somebody else, whose candle it is.
    #[must_use]
    pub fn is_of_somebody_else(&self) -> bool {
        match self.found.as_ref().map(|candle| &candle.source) {
            Some(CandleSource::Stored(by)) => by != SEALED,
            _ => false,
        }
    }

    /// The candle to store, where a candle that was sealed is wrong.
    #[must_use]
    pub fn to_seal(&self) -> Option<Candle> {
        let sealed = CandleSource::Stored(SEALED.to_owned());
        let found = self.found.as_ref()?;
        let expected = self.expected.clone()?;
        (found.source == sealed).then_some(Candle {
            source: sealed,
            ..expected
        })
    }
}

/// What was found of one symbol and day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayFindings {
    /// Candles that were compared.
    pub candles: u64,
    /// Those that are not what their ticks say.
    pub differences: Vec<Difference>,
    /// What the ticks are like.
    pub quotes: QuoteFindings,
    /// Whether ticks of the day are gone, so that no candle was compared.
    pub is_unverifiable: bool,
}

/// Looks at one symbol after the other, and at its days in their order.
#[derive(Debug)]
pub struct Auditor<'a> {
    repositories: &'a Repositories,
    options: AuditOptions,
    symbol_id: SymbolId,
    trail: Trail,
}

impl<'a> Auditor<'a> {
    /// Looks at `symbol_id`.
    #[must_use]
    pub fn new(repositories: &'a Repositories, symbol_id: SymbolId, options: AuditOptions) -> Self {
        Self {
            repositories,
            options,
            symbol_id,
            trail: Trail::default(),
        }
    }

    /// The days, as their starts, from the first to the last tick of the range.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn days(&self) -> Result<Vec<DateTime<Utc>>, RepositoryError> {
        let mut edges = Vec::new();
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = TickQuery {
                order,
                limit: PageLimit::new(1).map_err(RepositoryError::invalid)?,
                ..TickQuery::new(self.symbol_id, self.options.range)
            };
            let page = self.repositories.ticks.range(&query).await?;
            edges.extend(page.items.first().map(|tick| tick.tick_time));
        }
        let [first, last] = edges.as_slice() else {
            return Ok(Vec::new());
        };
        let mut days = Vec::new();
        let mut day = Timeframe::D1.bucket_start(*first);
        while day <= *last {
            days.push(day);
            day += Timeframe::D1.duration();
        }
        Ok(days)
    }

    /// Looks at one day, given by its start. Only candles whose buckets are inside of the range and
    /// over are compared.
    ///
    /// What differs is looked at once more, since ticks may have come between two reads.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn day(&mut self, day: DateTime<Utc>) -> Result<DayFindings, RepositoryError> {
        let trail = self.trail.clone();
        let findings = self.look_at(day).await?;
        if findings.differences.is_empty() {
            return Ok(findings);
        }
        self.trail = trail;
        self.look_at(day).await
    }

    async fn look_at(&mut self, day: DateTime<Utc>) -> Result<DayFindings, RepositoryError> {
        let now = Utc::now();
        let whole = TimeRange::new(day, day + Timeframe::D1.duration());
        let whole = whole.map_err(RepositoryError::invalid)?;
        let mut findings = DayFindings::default();
        let minutes = self.read_minutes(whole, now, &mut findings.quotes).await?;
        if self.options.kept_from.is_some_and(|kept| day < kept) {
            findings.is_unverifiable = true;
            return Ok(findings);
        }
        for (basis, minutes) in PriceBasis::ALL.into_iter().zip(&minutes) {
            for timeframe in Timeframe::ALL {
                let found =
                    compare::read(self.repositories, (self.symbol_id, timeframe, basis), whole)
                        .await?;
                let is_asked_for = |candle: &Candle| {
                    self.options.range.contains(candle.open_time)
                        && candle.close_time() <= self.options.range.to()
                        && candle.close_time() <= now
                };
                compare::compare(timeframe, minutes, found, is_asked_for, &mut findings)?;
            }
        }
        Ok(findings)
    }

    /// One-minute candles of all ticks of a day, by basis.
    async fn read_minutes(
        &mut self,
        day: TimeRange,
        now: DateTime<Utc>,
        quotes: &mut QuoteFindings,
    ) -> Result<[Vec<Candle>; 3], RepositoryError> {
        let mut minutes: [Vec<Candle>; 3] = Default::default();
        let mut waiting: Vec<Tick> = Vec::new();
        let mut query = TickQuery {
            limit: PageLimit::new(10_000).map_err(RepositoryError::invalid)?,
            ..TickQuery::new(self.symbol_id, day)
        };
        loop {
            let page = self.repositories.ticks.range(&query).await?;
            for tick in &page.items {
                if self.options.range.contains(tick.tick_time) {
                    self.trail.follow(tick, &self.options, quotes);
                }
            }
            waiting.extend(page.items);
            query.after = page.next;
            // the last minute of a page may go on in the next one
            let complete = match (query.after, waiting.last()) {
                (Some(_), Some(last)) => {
                    let open = Timeframe::M1.bucket_start(last.tick_time);
                    waiting.partition_point(|tick| tick.tick_time < open)
                }
                _ => waiting.len(),
            };
            for (basis, minutes) in PriceBasis::ALL.into_iter().zip(&mut minutes) {
                let candles = fold_ticks(&waiting[..complete], Timeframe::M1, basis, now)?;
                minutes.extend(candles);
            }
            waiting.drain(..complete);
            if query.after.is_none() {
                return Ok(minutes);
            }
        }
    }
}

#[cfg(test)]
mod tests;
