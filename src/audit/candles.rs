//! Compares the candles of one day with the candles computed from its ticks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::difference::differing_fields;
use super::finding::Problem;
use super::fold::{CandleKey, DayCandles, asked};
use super::kind::FindingKind;
use super::materialized::MaterializedDay;
use super::settings::AuditSettings;
use crate::domain::{
    Candle, CandleInput, CandleRelation, PageLimit, SymbolId, TimeRange, Timeframe,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, OhlcRepository};
use crate::retention::RefreshWindow;

/// The candles of one symbol and day, as two sources report them.
#[derive(Debug)]
pub(super) struct ReadDay {
    /// The candles that the repository returns.
    pub(super) read: DayCandles,
    /// The materialized rows, if the backend stores any.
    pub(super) materialized_day: Option<MaterializedDay>,
}

impl ReadDay {
    /// Whether both reads return the same candle for `key`, so that no tick arrived between them.
    pub(super) fn is_same(&self, other: &Self, key: &CandleKey, problem: &Problem) -> bool {
        match (problem, &self.materialized_day, &other.materialized_day) {
            (Problem::MaterializedDiffers { .. }, Some(one), Some(other)) => {
                !other.waits(key) && same_values(one.row(key), other.row(key))
            }
            _ => same_values(self.read.get(key), other.read.get(key)),
        }
    }
}

/// Whether both are missing, or both are equal except for `closed`, which depends on the time of the
/// read.
fn same_values(one: Option<&Candle>, other: Option<&Candle>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            Candle {
                closed: other.closed,
                ..one.clone()
            } == *other
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The result of comparing a day.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) differences: BTreeMap<CandleKey, Problem>,
    /// Rows that differ and wait for a refresh, which may correct them. They are not findings.
    pub(super) waiting: BTreeMap<CandleKey, Problem>,
    pub(super) compared: u64,
    /// Candles that may include ticks that were dropped.
    pub(super) uncheckable: u64,
}

/// Reads the candles of `timeframes` and all bases of `input` whose open time is in `window`.
pub(super) async fn read_day(
    ohlc: &dyn OhlcRepository,
    symbol_id: SymbolId,
    settings: &AuditSettings,
    input: CandleInput,
    window: TimeRange,
) -> Result<DayCandles, RepositoryError> {
    let mut all = BTreeMap::new();
    for timeframe in &settings.timeframes {
        for &basis in input.bases() {
            let mut query = CandleQuery {
                limit: PageLimit::MAX,
                ..CandleQuery::new(symbol_id, *timeframe, basis, window)
            };
            loop {
                let page = ohlc.candles(&query).await?;
                let keyed = |candle: Candle| ((*timeframe, basis, candle.open_time), candle);
                all.extend(page.items.into_iter().map(keyed));
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
        }
    }
    Ok(all)
}

/// Compares the candles whose buckets lie within `window` and have ended.
pub(super) fn compare(
    found: &DayCandles,
    ticks: &DayCandles,
    window: TimeRange,
    settings: &AuditSettings,
) -> Comparison {
    let asked = |key: &CandleKey| asked(key, window, settings);
    let keys: BTreeSet<_> = found.keys().chain(ticks.keys()).copied().collect();
    let mut comparison = Comparison::default();
    for key in keys.into_iter().filter(asked) {
        comparison.compared += 1;
        let (found, ticks) = (found.get(&key), ticks.get(&key));
        let count = |candle: Option<&Candle>| candle.map_or(0, |candle| candle.tick_count);
        if key.2 < settings.complete_from && found.is_some() && count(found) > count(ticks) {
            comparison.uncheckable += 1;
            continue;
        }
        if let Some(found) = found
            && found.source.is_computed()
            && found.tick_count > count(ticks)
            && settings.is_incomplete(key.2, found.close_time())
        {
            let (found, ticks) = (found.clone(), ticks.cloned());
            let problem = Problem::CandleTicksGone { found, ticks };
            comparison.differences.insert(key, problem);
            continue;
        }
        if let Some(problem) = difference(found, ticks) {
            comparison.differences.insert(key, problem);
        }
    }
    comparison
}

/// Compares the materialized rows as well. A difference that reads show is not reported again for the row.
pub(super) fn compare_all(
    found: &ReadDay,
    ticks: &DayCandles,
    window: TimeRange,
    settings: &AuditSettings,
) -> Comparison {
    let mut comparison = compare(&found.read, ticks, window, settings);
    let skipped = settings.skip.contains(&FindingKind::MaterializedDiffers);
    let Some(materialized_day) = found.materialized_day.as_ref().filter(|_| !skipped) else {
        return comparison;
    };
    for (key, problem) in materialized_day.differences(ticks, window, settings) {
        let is_reported = |read: &Problem| !settings.skip.contains(&read.kind());
        if materialized_day.waits(&key) {
            comparison.waiting.insert(key, problem);
        } else if !comparison.differences.get(&key).is_some_and(is_reported) {
            comparison.differences.insert(key, problem);
        }
    }
    comparison
}

fn difference(found: Option<&Candle>, ticks: Option<&Candle>) -> Option<Problem> {
    match (found, ticks) {
        (Some(found), Some(ticks)) => {
            let is_made = found.source.is_computed();
            let mut fields = differing_fields(found, ticks);
            if !is_made && found.tick_count == 0 {
                // imported candles often lack both
                fields.retain(|it| it.field != "tick_count" && it.field != "volume");
            }
            let (found, ticks) = (found.clone(), ticks.clone());
            match fields.is_empty() {
                true => None,
                false if is_made => Some(Problem::CandleDiffers { found, ticks }),
                false => Some(Problem::StoredCandleDiffers { found, ticks }),
            }
        }
        // a stored candle may exist without ticks
        (Some(found), None) if found.source.is_computed() => {
            let found = found.clone();
            Some(Problem::CandleWithoutTicks { found })
        }
        (None, Some(ticks)) => {
            let ticks = ticks.clone();
            Some(Problem::CandleMissing { ticks })
        }
        (Some(_) | None, None) => None,
    }
}

/// The windows that recompute all candles of the day of `window`, smallest timeframe first, so that no wrong
/// candle of any symbol is folded into a larger one. Omits buckets whose ticks may be dropped, since a
/// refresh would erase their candles, and buckets that have not ended, since it would freeze them.
pub(super) fn day_windows(
    input: CandleInput,
    window: TimeRange,
    settings: &AuditSettings,
) -> Vec<RefreshWindow> {
    let day = Timeframe::D1.bucket_start(window.start());
    let first = day.max(settings.complete_from);
    let end = (day + Timeframe::D1.duration()).min(settings.now);
    let of = |timeframe: Timeframe| {
        let start = timeframe.bucket_start(first);
        let from = match start == first {
            true => start,
            false => start + timeframe.duration(),
        };
        let range = TimeRange::new(from, timeframe.bucket_start(end)).ok()?;
        (!range.is_empty()).then(|| RefreshWindow::new(input, timeframe, range))
    };
    Timeframe::ALL.iter().copied().filter_map(of).collect()
}

/// The windows that recompute the candles of `keys`: their buckets and the larger buckets that contain them.
/// Omits buckets whose ticks may be dropped, since a refresh would erase their candles, and buckets that have
/// not ended, since it would freeze them.
pub(super) fn refresh_windows<'a>(
    input: CandleInput,
    keys: impl IntoIterator<Item = &'a CandleKey> + Clone,
    settings: &AuditSettings,
) -> Vec<RefreshWindow> {
    let mut windows = Vec::new();
    for &timeframe in Timeframe::ALL {
        let starts: BTreeSet<DateTime<Utc>> = keys
            .clone()
            .into_iter()
            .filter(|(changed, _, _)| CandleRelation::of(input, timeframe).depends_on(*changed))
            .map(|(_, _, open_time)| timeframe.bucket_start(*open_time))
            .filter(|start| {
                *start >= settings.complete_from && *start + timeframe.duration() <= settings.now
            })
            .collect();
        let mut ranges: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for start in starts {
            let end = start + timeframe.duration();
            match ranges.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => ranges.push((start, end)),
            }
        }
        windows.extend(
            ranges
                .into_iter()
                .filter_map(|(from, to)| TimeRange::new(from, to).ok())
                .map(|range| RefreshWindow::new(input, timeframe, range)),
        );
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PriceBasis;

    fn time(text: &str) -> DateTime<Utc> {
        format!("2014-05-{text}:00Z").parse().expect("a time")
    }

    fn windows(keys: &[CandleKey], settings: &AuditSettings) -> Vec<String> {
        let text = |time: DateTime<Utc>| time.format("%dT%H:%M").to_string();
        let described = |window: RefreshWindow| {
            let (from, to) = (text(window.range.start()), text(window.range.end()));
            format!("{} {from} {to}", window.timeframe)
        };
        let all = refresh_windows(CandleInput::Ticks, keys, settings);
        all.into_iter().map(described).collect()
    }

    #[test]
    fn day_is_refreshed_from_its_minutes_up() {
        let described = |settings: &AuditSettings| -> Vec<String> {
            let window = TimeRange::new(time("01T10:00"), time("01T11:00")).expect("ordered");
            let text = |time: DateTime<Utc>| time.format("%dT%H:%M").to_string();
            let all = day_windows(CandleInput::Ticks, window, settings).into_iter();
            all.map(
                |RefreshWindow {
                     timeframe, range, ..
                 }| {
                    format!("{timeframe} {} {}", text(range.start()), text(range.end()))
                },
            )
            .collect()
        };
        let settings = AuditSettings::new(TimeRange::all(), time("03T00:00"));
        let whole = Timeframe::ALL.iter();
        let whole = whole.map(|timeframe| format!("{timeframe} 01T00:00 02T00:00"));
        let whole = Vec::from_iter(whole);
        assert_eq!(described(&settings), whole);
        let part = AuditSettings {
            complete_from: time("01T03:02"),
            now: time("01T11:20"),
            ..settings
        };
        let expected = [
            "1m 01T03:02 01T11:20",
            "5m 01T03:05 01T11:20",
            "15m 01T03:15 01T11:15",
            "30m 01T03:30 01T11:00",
            "1h 01T04:00 01T11:00",
            "4h 01T04:00 01T08:00",
        ];
        assert_eq!(described(&part), expected);
    }

    #[test]
    fn refresh_covers_wrong_buckets_up_to_their_day() {
        let settings = AuditSettings::new(TimeRange::all(), time("03T00:00"));
        let keys = [
            (Timeframe::M1, PriceBasis::Bid, time("01T10:04")),
            (Timeframe::M1, PriceBasis::Mid, time("01T10:05")),
            (Timeframe::H1, PriceBasis::Ask, time("01T20:00")),
        ];
        let expected = [
            "1m 01T10:04 01T10:06",
            "5m 01T10:00 01T10:10",
            "15m 01T10:00 01T10:15",
            "30m 01T10:00 01T10:30",
            "1h 01T10:00 01T11:00",
            "1h 01T20:00 01T21:00",
            "4h 01T08:00 01T12:00",
            "4h 01T20:00 02T00:00",
            "1d 01T00:00 02T00:00",
        ];
        assert_eq!(windows(&keys, &settings), expected);
    }

    #[test]
    fn refresh_skips_incomplete_and_forming_buckets() {
        let settings = AuditSettings {
            complete_from: time("01T10:01"),
            ..AuditSettings::new(TimeRange::all(), time("01T11:20"))
        };
        let key = |at| (Timeframe::M1, PriceBasis::Bid, time(at));
        let keys = [key("01T10:00"), key("01T10:06"), key("01T11:16")];
        let expected = [
            "1m 01T10:06 01T10:07",
            "1m 01T11:16 01T11:17",
            "5m 01T10:05 01T10:10",
            "5m 01T11:15 01T11:20",
        ];
        assert_eq!(windows(&keys, &settings), expected);
    }
}
