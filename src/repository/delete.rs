//! Deletion of ticks and candles in parts.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::{OhlcRepository, TickRepository};
use crate::domain::{SymbolId, TimeRange, Timeframe};
use crate::error::RepositoryError;

/// The number of attempts to delete a part while another writer, a refresh or the maintenance blocks it, and
/// the pause between two attempts.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// Numbers of candles by timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CandleCounts([u64; Timeframe::ALL.len()]);

impl CandleCounts {
    /// The number of candles of `timeframe`; 0 if it is not stored.
    #[must_use]
    pub fn get(&self, timeframe: Timeframe) -> u64 {
        place(timeframe).map_or(0, |place| self.0[place])
    }

    /// Adds `count` to the number of `timeframe`; does nothing if it is not stored.
    pub fn add(&mut self, timeframe: Timeframe, count: u64) {
        if let Some(place) = place(timeframe) {
            self.0[place] += count;
        }
    }

    /// Iterates over the timeframes and their numbers, smallest timeframe first.
    pub fn iter(&self) -> impl Iterator<Item = (Timeframe, u64)> {
        Timeframe::ALL.iter().copied().zip(self.0)
    }

    /// The sum over all timeframes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The place of a stored timeframe in [`Timeframe::ALL`].
fn place(timeframe: Timeframe) -> Option<usize> {
    Timeframe::ALL.iter().position(|one| *one == timeframe)
}

/// The times of the first and the last tick, or trade, of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeSpan {
    /// The time of the first one.
    pub first: DateTime<Utc>,
    /// The time of the last one.
    pub last: DateTime<Utc>,
}

impl TimeSpan {
    /// Creates a span from `first` to `last`.
    #[must_use]
    pub fn new(first: DateTime<Utc>, last: DateTime<Utc>) -> Self {
        Self { first, last }
    }

    /// The shortest span that covers both.
    pub(crate) fn joined(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self::new(
                one.first.min(other.first),
                one.last.max(other.last),
            )),
            (one, other) => one.or(other),
        }
    }
}

/// The number of deleted ticks of one symbol and of affected candles. Of a dry run, the numbers that would be
/// deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeletedTicks {
    /// The number of ticks.
    pub ticks: u64,
    /// The number of candles that contained these ticks. Each candle changes or disappears. All bases of a
    /// bucket count as one candle here.
    pub candles: CandleCounts,
    /// The times of the first and the last deleted tick.
    pub span: Option<TimeSpan>,
    /// The rest of the given range, to be passed to the next call. `None` if nothing is left.
    pub rest: Option<TimeRange>,
}

impl DeletedTicks {
    /// Counts ticks with these times, in any order.
    pub(crate) fn of(times: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let mut deleted = Self::default();
        let mut minutes = BTreeSet::new();
        for time in times {
            deleted.ticks += 1;
            minutes.insert(Timeframe::M1.bucket_start(time));
            deleted.span = TimeSpan::joined(deleted.span, Some(TimeSpan::new(time, time)));
        }
        for &timeframe in Timeframe::ALL {
            let count = buckets(&minutes, timeframe).len();
            deleted.candles.add(timeframe, count as u64);
        }
        deleted
    }

    /// Adds the result of the next part. A candle with ticks in both parts counts once.
    pub fn merge(&mut self, next: Self) {
        self.ticks += next.ticks;
        for (timeframe, count) in next.candles.iter() {
            let shared = match (self.span, next.span) {
                (Some(before), Some(after)) => {
                    timeframe.bucket_start(before.last) == timeframe.bucket_start(after.first)
                }
                _ => false,
            };
            self.candles.add(timeframe, count - u64::from(shared));
        }
        self.span = TimeSpan::joined(self.span, next.span);
        self.rest = next.rest;
    }
}

/// The number of deleted candles of one symbol. Of a dry run, the number that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeletedCandles {
    /// The number of candles without stored ticks. Each basis counts.
    pub candles: CandleCounts,
    /// The number of buckets (of the given timeframe, otherwise of one minute) that have ticks. Their candles
    /// are computed from these ticks and remain.
    pub of_ticks: u64,
    /// The rest of the given range, to be passed to the next call. `None` if nothing is left.
    pub rest: Option<TimeRange>,
}

impl DeletedCandles {
    /// Adds the result of the next part.
    pub fn merge(&mut self, next: Self) {
        for (timeframe, count) in next.candles.iter() {
            self.candles.add(timeframe, count);
        }
        self.of_ticks += next.of_ticks;
        self.rest = next.rest;
    }
}

/// Deletes all ticks of a range in parts, as [`delete_range`](TickRepository::delete_range) describes. Calls
/// `progress` with each deleted part.
///
/// If another session blocks the deletion of a part, the part is retried for some time.
///
/// # Errors
/// The errors of [`delete_range`](TickRepository::delete_range). Parts that were passed to `progress` remain
/// deleted. The call may be repeated.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{SymbolId, Tick, TimeRange};
/// use tickbook::repository::delete_ticks;
///
/// let ticks = Repositories::in_memory().ticks;
/// let (symbol, time): (_, DateTime<Utc>) = (SymbolId::new(7), "2024-05-01T12:00:00Z".parse()?);
/// ticks.insert_batch(&[Tick::quote(symbol, time, 1.into(), 2.into())]).await?;
/// let range = TimeRange::new(time, time + TimeDelta::hours(1))?;
/// let deleted = delete_ticks(&*ticks, symbol, range, |_| {}).await?;
/// assert_eq!(deleted.ticks, 1);
/// # Ok(())
/// # }
/// ```
pub async fn delete_ticks(
    ticks: &dyn TickRepository,
    symbol_id: SymbolId,
    range: TimeRange,
    mut progress: impl FnMut(&DeletedTicks),
) -> Result<DeletedTicks, RepositoryError> {
    let mut all = DeletedTicks::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        let part = patiently(|| ticks.delete_range(symbol_id, range)).await?;
        progress(&part);
        all.merge(part);
        rest = all.rest;
    }
    Ok(all)
}

/// Returns what [`delete_ticks`] would delete now.
///
/// # Errors
/// The errors of [`deletable`](TickRepository::deletable).
pub async fn deletable_ticks(
    ticks: &dyn TickRepository,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTicks, RepositoryError> {
    let mut all = DeletedTicks::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        all.merge(ticks.deletable(symbol_id, range).await?);
        rest = all.rest;
    }
    Ok(all)
}

/// Deletes all candles of a range that have no stored ticks, in parts, as
/// [`delete_range`](OhlcRepository::delete_range) describes. Otherwise like [`delete_ticks`].
///
/// # Errors
/// The errors of [`delete_range`](OhlcRepository::delete_range).
pub async fn delete_candles(
    ohlc: &dyn OhlcRepository,
    symbol_id: SymbolId,
    timeframe: Option<Timeframe>,
    range: TimeRange,
    mut progress: impl FnMut(&DeletedCandles),
) -> Result<DeletedCandles, RepositoryError> {
    let mut all = DeletedCandles::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        let part = patiently(|| ohlc.delete_range(symbol_id, timeframe, range)).await?;
        progress(&part);
        all.merge(part);
        rest = all.rest;
    }
    Ok(all)
}

/// Returns what [`delete_candles`] would delete now.
///
/// # Errors
/// The errors of [`deletable`](OhlcRepository::deletable).
pub async fn deletable_candles(
    ohlc: &dyn OhlcRepository,
    symbol_id: SymbolId,
    timeframe: Option<Timeframe>,
    range: TimeRange,
) -> Result<DeletedCandles, RepositoryError> {
    let mut all = DeletedCandles::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        all.merge(ohlc.deletable(symbol_id, timeframe, range).await?);
        rest = all.rest;
    }
    Ok(all)
}

/// Retries calls that were certainly not applied and may succeed later.
pub(super) async fn patiently<T, F>(part: impl Fn() -> F) -> Result<T, RepositoryError>
where
    F: Future<Output = Result<T, RepositoryError>>,
{
    let mut attempt = 1;
    loop {
        match part().await {
            Err(error)
                if attempt < ATTEMPTS
                    && error.is_transient()
                    && error.is_certainly_not_applied() =>
            {
                tracing::info!(error = %error.with_causes(), attempt, "retrying to delete a part of a range");
                attempt += 1;
                sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

/// The starts of the buckets of `timeframe` that contain `minutes`.
pub(crate) fn buckets(
    minutes: &BTreeSet<DateTime<Utc>>,
    timeframe: Timeframe,
) -> BTreeSet<DateTime<Utc>> {
    let starts = minutes.iter().map(|minute| timeframe.bucket_start(*minute));
    starts.collect()
}

/// Splits `range` after the day of `first`. No candle spans two days.
pub(crate) fn part_of_a_day(
    range: TimeRange,
    first: DateTime<Utc>,
) -> Result<(TimeRange, Option<TimeRange>), RepositoryError> {
    let end = Timeframe::D1.bucket_start(first) + Timeframe::D1.duration();
    split_at(range, end)
}

/// Splits `range` at `end`, which is after its start. The second part is `None` if it would be empty.
pub(crate) fn split_at(
    range: TimeRange,
    end: DateTime<Utc>,
) -> Result<(TimeRange, Option<TimeRange>), RepositoryError> {
    let end = end.min(range.end());
    let part = TimeRange::new(range.start(), end).map_err(RepositoryError::invalid)?;
    let rest = TimeRange::new(end, range.end()).map_err(RepositoryError::invalid)?;
    Ok((part, Some(rest).filter(|rest| !rest.is_empty())))
}

/// Refuses to delete ticks before `dropped_before`: candles of that time contain dropped ticks and could not
/// be recomputed.
pub(crate) fn refuse_dropped(
    range: TimeRange,
    dropped_before: Option<DateTime<Utc>>,
) -> Result<(), RepositoryError> {
    match dropped_before {
        Some(floor) if range.start() < floor && !range.is_empty() => {
            let floor = floor.to_rfc3339();
            Err(RepositoryError::invalid(format!(
                "ticks before {floor} were dropped by the retention and only their candles remain: \
                 delete ticks from {floor} on, and earlier candles as candles"
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses a timeframe that is not stored, and a range that may cut a candle of `timeframe`, or of any stored
/// timeframe if `None`.
pub(crate) fn refuse_cut_candles(
    range: TimeRange,
    timeframe: Option<Timeframe>,
) -> Result<(), RepositoryError> {
    let largest = timeframe.unwrap_or(Timeframe::D1);
    largest.stored().map_err(RepositoryError::invalid)?;
    for (name, time) in [("from", range.start()), ("to", range.end())] {
        let start = largest.bucket_start(time);
        if start != time {
            let next = start + largest.duration();
            let remedy = match timeframe {
                Some(_) => "",
                None => ", or choose a smaller timeframe",
            };
            return Err(RepositoryError::invalid(format!(
                "{name} ({}) is within a candle of {largest}: use {} or {}{remedy}",
                time.to_rfc3339(),
                start.to_rfc3339(),
                next.to_rfc3339()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn second(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn merged_parts_count_a_candle_once() {
        let times = [5, 59, 60, 130, 3_599, 3_600, 86_399, 86_400, 200_000].map(second);
        let whole = DeletedTicks::of(times);
        for cut in 0..=times.len() {
            let mut merged = DeletedTicks::of(times[..cut].iter().copied());
            merged.merge(DeletedTicks::of(times[cut..].iter().copied()));
            assert_eq!(merged, whole, "cut at {cut}");
        }
        assert_eq!(whole.candles.get(Timeframe::M1), 8);
        assert_eq!(whole.candles.get(Timeframe::D1), 3);
        let mut with_nothing = whole.clone();
        with_nothing.merge(DeletedTicks::default());
        assert_eq!(with_nothing, whole);
    }

    #[test]
    fn cut_candles_are_refused_with_both_ends() {
        let range = |from, to| TimeRange::new(second(from), second(to)).expect("ordered");
        let refused = |range, timeframe| {
            let refused = refuse_cut_candles(range, timeframe);
            refused.map_err(|error| error.to_string())
        };
        assert_eq!(refused(range(0, 86_400), None), Ok(()));
        assert_eq!(refused(range(60, 120), Some(Timeframe::M1)), Ok(()));
        let error = refused(range(0, 300), None).expect_err("cut");
        assert!(error.contains("to (1970-01-01T00:05:00"), "{error}");
        assert!(error.contains("1970-01-02T00:00:00"), "{error}");
        let error = refused(range(60, 300), Some(Timeframe::M5)).expect_err("cut");
        assert!(error.starts_with("from (1970-01-01T00:01:00"), "{error}");
    }
}
