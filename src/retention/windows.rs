//! Refresh windows of late ticks and trades.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::{CandleInput, CandleOrigin, CandleRelation, TimeRange, Timeframe};

/// The times before which ticks, trades and candles were dropped. They do not rise while candles are refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetentionFloors {
    /// The floor of ticks.
    pub ticks: Option<DateTime<Utc>>,
    /// The floor of trades.
    pub trades: Option<DateTime<Utc>>,
    /// The floor of candles.
    pub candles: Option<DateTime<Utc>>,
}

impl RetentionFloors {
    /// The floor of ticks or of trades.
    #[must_use]
    pub fn of_rows(&self, input: CandleInput) -> Option<DateTime<Utc>> {
        match input {
            CandleInput::Ticks => self.ticks,
            CandleInput::Trades => self.trades,
        }
    }

    /// Raises the floor of ticks or of trades to `time`, if it is lower.
    #[must_use]
    pub fn raised(mut self, input: CandleInput, time: Option<DateTime<Utc>>) -> Self {
        let floor = match input {
            CandleInput::Ticks => &mut self.ticks,
            CandleInput::Trades => &mut self.trades,
        };
        *floor = (*floor).max(time);
        self
    }

    /// The floor of the source of the candles of `input` and `timeframe`.
    pub(crate) fn of_source(
        &self,
        input: CandleInput,
        timeframe: Timeframe,
    ) -> Option<DateTime<Utc>> {
        match CandleRelation::of(input, timeframe).computed_from {
            CandleOrigin::Rows(input) => self.of_rows(input),
            CandleOrigin::Candles(_) => self.candles,
        }
    }
}

/// A range of candles to recompute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshWindow {
    /// The rows from which the candles are computed.
    pub input: CandleInput,
    /// The timeframe of the candles.
    pub timeframe: Timeframe,
    /// The range, in whole buckets.
    pub range: TimeRange,
}

impl RefreshWindow {
    /// Creates a window; `range` must consist of whole buckets.
    #[must_use]
    pub fn new(input: CandleInput, timeframe: Timeframe, range: TimeRange) -> Self {
        Self {
            input,
            timeframe,
            range,
        }
    }
}

/// The windows that recompute the candles of `input` of `days` (starts of days, UTC), smaller timeframes first, since
/// larger candles are computed from smaller ones.
///
/// Omits buckets whose rows or smaller candles may be dropped, since a refresh would erase their
/// candles. Omits buckets that have not ended at `now`, since a refresh would store a candle that still
/// changes.
#[must_use]
pub fn refresh_windows(
    input: CandleInput,
    days: &BTreeSet<DateTime<Utc>>,
    floors: RetentionFloors,
    now: DateTime<Utc>,
) -> Vec<RefreshWindow> {
    let ranges = merged(days);
    let mut windows = Vec::new();
    for &timeframe in Timeframe::ALL {
        let from_floor = floors
            .of_source(input, timeframe)
            .map(|floor| next_start(timeframe, floor));
        let until_now = timeframe.bucket_start(now);
        for &(start, end) in &ranges {
            // a day without retained rows needs no refresh of larger candles either
            if floors.of_rows(input).is_some_and(|floor| floor >= end) {
                continue;
            }
            let from = from_floor.map_or(start, |floor| start.max(floor));
            let to = end.min(until_now);
            if let Ok(range) = TimeRange::new(from, to)
                && !range.is_empty()
            {
                windows.push(RefreshWindow::new(input, timeframe, range));
            }
        }
    }
    windows
}

/// Merges consecutive days into ranges.
fn merged(days: &BTreeSet<DateTime<Utc>>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut ranges: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for day in days {
        let (start, end) = (*day, Timeframe::D1.bucket_end(*day));
        match ranges.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    ranges
}

/// The first bucket start at or after `time`.
pub(crate) fn next_start(timeframe: Timeframe, time: DateTime<Utc>) -> DateTime<Utc> {
    let start = timeframe.bucket_start(time);
    if start == time {
        start
    } else {
        start + timeframe.duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_beyond_all_ticks_have_no_windows() {
        let days = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        let days = days.map(|time| Timeframe::D1.bucket_start(time));
        let now = time("2026-11-28T12:00:00Z");
        let (input, floors) = (CandleInput::Ticks, RetentionFloors::default());
        let windows = refresh_windows(input, &days.into_iter().collect(), floors, now);
        assert!(windows.is_empty(), "{windows:?}");
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn windows(days: &[&str], floors: RetentionFloors, now: &str) -> Vec<(String, String, String)> {
        let days = days.iter().map(|day| time(day)).collect();
        refresh_windows(CandleInput::Ticks, &days, floors, time(now))
            .into_iter()
            .map(
                |RefreshWindow {
                     timeframe, range, ..
                 }| {
                    let text = |time: DateTime<Utc>| time.format("%dT%H:%M").to_string();
                    (
                        timeframe.to_string(),
                        text(range.start()),
                        text(range.end()),
                    )
                },
            )
            .collect()
    }

    fn strings(rows: &[[&str; 3]]) -> Vec<(String, String, String)> {
        let row = |[a, b, c]: &[&str; 3]| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned());
        rows.iter().map(row).collect()
    }

    #[test]
    fn consecutive_days_share_a_window_per_timeframe() {
        let days = ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"];
        let found = windows(&days, RetentionFloors::default(), "2026-03-10T12:00:00Z");
        let names = ["1m", "5m", "15m", "30m", "1h", "4h", "1d"];
        let expected = names.map(|name| [name, "01T00:00", "03T00:00"]);
        assert_eq!(found, strings(&expected));
    }

    #[test]
    fn forming_buckets_are_left_out() {
        let found = windows(
            &["2026-03-10T00:00:00Z"],
            RetentionFloors::default(),
            "2026-03-10T05:07:30Z",
        );
        let expected = [
            ["1m", "10T00:00", "10T05:07"],
            ["5m", "10T00:00", "10T05:05"],
            ["15m", "10T00:00", "10T05:00"],
            ["30m", "10T00:00", "10T05:00"],
            ["1h", "10T00:00", "10T05:00"],
            ["4h", "10T00:00", "10T04:00"],
        ];
        assert_eq!(found, strings(&expected));
    }

    #[test]
    fn minute_windows_start_after_the_tick_floor() {
        let floors = RetentionFloors {
            ticks: Some(time("2026-03-01T10:00:30Z")),
            candles: Some(time("2026-03-01T04:30:00Z")),
            ..RetentionFloors::default()
        };
        let found = windows(&["2026-03-01T00:00:00Z"], floors, "2026-03-10T00:00:00Z");
        let expected = [
            ["1m", "01T10:01", "02T00:00"],
            ["5m", "01T04:30", "02T00:00"],
            ["15m", "01T04:30", "02T00:00"],
            ["30m", "01T04:30", "02T00:00"],
            ["1h", "01T05:00", "02T00:00"],
            ["4h", "01T08:00", "02T00:00"],
        ];
        assert_eq!(found, strings(&expected));
    }

    #[test]
    fn day_with_dropped_ticks_is_not_refreshed() {
        let floors = |text| RetentionFloors {
            ticks: Some(time(text)),
            ..RetentionFloors::default()
        };
        let day = ["2026-03-01T00:00:00Z"];
        let now = "2026-03-10T00:00:00Z";
        assert_eq!(windows(&day, floors("2026-03-05T00:00:00Z"), now), []);
        assert_eq!(windows(&day, floors("2026-03-02T00:00:00Z"), now), []);
        // down to the floor, where ticks are still accepted
        let found = windows(&day, floors("2026-03-01T23:59:00Z"), now);
        assert_eq!(found.len(), 7);
        let minute = ["1m", "01T23:59", "02T00:00"];
        assert_eq!(found[..1], strings(&[minute]));
    }
}
