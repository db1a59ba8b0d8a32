//! Splits a search into windows: short ones near its start, then the recorded days of the symbol.
//!
//! The planner opens every chunk that a statement's range overlaps. A search therefore reads short windows
//! one after another. Each begins at the end of the one before, or later if no day in between is recorded.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::{SortOrder, SymbolId, TimeRange, earliest_time};

use super::RecordedDays;
use super::recorded::recorded_days;

/// The distances from the start of a search that its first windows reach.
const NEAR: [TimeDelta; 2] = [TimeDelta::hours(1), TimeDelta::days(1)];

/// The further distances if days may be missing in the record; the last window is unbounded.
const FAR: [TimeDelta; 2] = [TimeDelta::days(7), TimeDelta::days(30)];

/// The number of ticks from which the first window is skipped: reading so many takes longer than opening the
/// chunks of a day.
const MANY: usize = 1_000;

/// The numbers of recorded days to read at once; the last number repeats.
const DAYS_AT_ONCE: [usize; 4] = [1, 7, 30, 365];

/// The longest time between two recorded days that one window covers: weekends and holidays.
const MAX_GAP: TimeDelta = TimeDelta::days(3);

/// The consecutive windows of a search. All ticks of the range lie in one of them.
#[derive(Debug)]
pub(in crate::postgres) struct SearchWindows {
    /// The tables that record the days; `None` if they are not recorded.
    recorded: Option<&'static RecordedDays>,
    symbol_id: SymbolId,
    order: SortOrder,
    /// The windows to read next.
    ready: VecDeque<TimeRange>,
    /// The part of the range behind them.
    rest: Option<TimeRange>,
    /// The number of lookups of recorded days.
    lookups: usize,
    /// The start of the search, and the distances from it to read step by step if days may be missing.
    start: DateTime<Utc>,
    far: &'static [TimeDelta],
}

impl SearchWindows {
    /// The windows in which to search `count` ticks of `range` in `order`.
    ///
    /// A descending search starts at `now` if the range ends later, since few ticks are newer. An ascending
    /// search from the beginning of time starts with the first recorded day.
    pub(in crate::postgres) fn new(
        recorded: Option<&'static RecordedDays>,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
        now: DateTime<Utc>,
        count: usize,
    ) -> Self {
        let starts_at_data = order == SortOrder::Ascending && range.start() <= earliest_time();
        let (near, far): (&[TimeDelta], &'static [TimeDelta]) = match starts_at_data {
            true => (&[], &[]),
            false => (&NEAR[usize::from(count >= MANY)..], &FAR),
        };
        let start = match order {
            SortOrder::Ascending => range.start(),
            SortOrder::Descending => range.end().min(now),
        };
        let (ready, rest) = steps(range, order, start, near);
        Self {
            recorded,
            symbol_id,
            order,
            ready,
            rest,
            lookups: 0,
            start,
            far,
        }
    }

    /// The recorded days of rows in `range`, in `order`.
    pub(in crate::postgres) fn of_days(
        recorded: &'static RecordedDays,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Self {
        Self {
            recorded: Some(recorded),
            symbol_id,
            order,
            ready: VecDeque::new(),
            rest: Some(range),
            lookups: 0,
            start: range.start(),
            far: &[],
        }
    }

    /// The next window; `None` after the last one.
    pub(in crate::postgres) fn next(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<Option<TimeRange>, DbError> {
        loop {
            if let Some(window) = self.ready.pop_front() {
                return Ok(Some(window));
            }
            let Some(rest) = self.rest.take().filter(|rest| !rest.is_empty()) else {
                return Ok(None);
            };
            // a lookup costs as much as a chunk
            if rest.end() - rest.start() <= TimeDelta::days(1) {
                return Ok(Some(rest));
            }
            let limit = DAYS_AT_ONCE[self.lookups.min(DAYS_AT_ONCE.len() - 1)];
            self.lookups += 1;
            let symbol_id = self.symbol_id.get();
            let days = match self.recorded {
                Some(recorded) => {
                    recorded_days(connection, recorded, symbol_id, rest, self.order, limit)?
                }
                None => None,
            };
            match days {
                Some(days) => {
                    if days.len() == limit
                        && let Some(last) = days.last()
                    {
                        self.rest = behind(rest, self.order, *last);
                    }
                    self.ready = windows_of(&days, rest, self.order);
                }
                None => {
                    let (mut ready, last) = steps(rest, self.order, self.start, self.far);
                    ready.extend(last.filter(|last| !last.is_empty()));
                    self.ready = ready;
                }
            }
        }
    }
}

/// The parts of `range` that reach these distances from `start`, and the part behind them.
fn steps(
    range: TimeRange,
    order: SortOrder,
    start: DateTime<Utc>,
    reaches: &[TimeDelta],
) -> (VecDeque<TimeRange>, Option<TimeRange>) {
    let (mut from, mut to) = (range.start(), range.end());
    let mut windows = VecDeque::new();
    for reach in reaches {
        let part = match order {
            SortOrder::Ascending => {
                let end = (start + *reach).clamp(from, to);
                (std::mem::replace(&mut from, end), end)
            }
            SortOrder::Descending => {
                let begin = (start - *reach).clamp(from, to);
                (begin, std::mem::replace(&mut to, begin))
            }
        };
        windows.extend(part_of(part));
    }
    (windows, part_of((from, to)))
}

/// The windows of `days`, which are in `order`, within `range`.
fn windows_of(days: &[DateTime<Utc>], range: TimeRange, order: SortOrder) -> VecDeque<TimeRange> {
    let mut windows: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for &from in days {
        let to = from + TimeDelta::days(1);
        match (windows.last_mut(), order) {
            (Some(last), SortOrder::Ascending) if from - last.1 <= MAX_GAP => last.1 = to,
            (Some(last), SortOrder::Descending) if last.0 - to <= MAX_GAP => last.0 = from,
            _ => windows.push((from, to)),
        }
    }
    let windows = windows.into_iter();
    windows
        .filter_map(|(from, to)| part_of((from.max(range.start()), to.min(range.end()))))
        .collect()
}

/// The part of `range` behind `day` in `order`.
fn behind(range: TimeRange, order: SortOrder, day: DateTime<Utc>) -> Option<TimeRange> {
    part_of(match order {
        SortOrder::Ascending => (day + TimeDelta::days(1), range.end()),
        SortOrder::Descending => (range.start(), day),
    })
}

/// The range from the first to the second time; `None` if it is empty.
fn part_of((from, to): (DateTime<Utc>, DateTime<Utc>)) -> Option<TimeRange> {
    let range = TimeRange::new(from, to).ok();
    range.filter(|range| !range.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::DAYS_OF_TICKS;
    use super::*;
    use proptest::prelude::*;

    fn micros(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).expect("in range")
    }

    fn days(numbers: &[i64]) -> Vec<DateTime<Utc>> {
        let day = |number: &i64| micros(number * 86_400_000_000);
        numbers.iter().map(day).collect()
    }

    fn near(order: SortOrder, range: TimeRange, now: DateTime<Utc>, count: usize) -> SearchWindows {
        SearchWindows::new(
            Some(&DAYS_OF_TICKS),
            SymbolId::new(1),
            range,
            order,
            now,
            count,
        )
    }

    proptest! {
        #[test]
        fn steps_cover_the_whole_in_order(
            from in 0_i64..4_102_444_800_000_000,
            length in prop_oneof![0_i64..10_000_000_000, 0_i64..4_102_444_800_000_000],
            start in 0_i64..4_102_444_800_000_000,
        ) {
            let range = TimeRange::new(micros(from), micros(from + length)).expect("ordered");
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let (mut parts, rest) = steps(range, order, micros(start), &NEAR);
                parts.extend(rest);
                let mut parts = Vec::from(parts);
                if order == SortOrder::Descending {
                    parts.reverse();
                }
                prop_assert!(parts.iter().all(|part| !part.is_empty()));
                prop_assert!(parts.windows(2).all(|two| two[0].end() == two[1].start()));
                prop_assert_eq!(parts.is_empty(), range.is_empty());
                if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
                    prop_assert_eq!(first.start(), range.start());
                    prop_assert_eq!(last.end(), range.end());
                }
            }
        }

        #[test]
        fn windows_of_days_cover_each_day_once(
            numbers in prop::collection::btree_set(0_i64..60, 0..20),
        ) {
            let all = days(&Vec::from_iter(numbers));
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let mut given = all.clone();
                if order == SortOrder::Descending {
                    given.reverse();
                }
                let windows = windows_of(&given, TimeRange::all(), order);
                for day in &all {
                    let covers = windows.iter().filter(|window| window.contains(*day));
                    prop_assert_eq!(covers.count(), 1);
                }
                let are_apart = windows.iter().zip(windows.iter().skip(1)).all(|(one, next)| {
                    match order {
                        SortOrder::Ascending => next.start() - one.end() > MAX_GAP,
                        SortOrder::Descending => one.start() - next.end() > MAX_GAP,
                    }
                });
                prop_assert!(are_apart);
            }
        }
    }

    #[test]
    fn search_for_the_newest_starts_with_the_last_hour() {
        let now = micros(1_700_000_000_000_000);
        let all = TimeRange::all();
        let search = near(SortOrder::Descending, all, now, 1);
        let starts: Vec<_> = search.ready.iter().map(TimeRange::start).collect();
        assert_eq!(starts, NEAR.map(|reach| now - reach));
        assert_eq!(search.ready[0].end(), all.end());
        assert_eq!(search.rest.map(|rest| rest.end()), Some(now - NEAR[1]));
    }

    #[test]
    fn search_for_many_starts_with_the_last_day() {
        let now = micros(1_700_000_000_000_000);
        let search = near(SortOrder::Descending, TimeRange::all(), now, MANY);
        assert_eq!(search.ready.len(), 1);
        assert_eq!(search.ready[0].start(), now - NEAR[1]);
    }

    #[test]
    fn search_from_the_beginning_starts_with_a_recorded_day() {
        let now = micros(1_700_000_000_000_000);
        let all = TimeRange::all();
        let search = near(SortOrder::Ascending, all, now, 1);
        assert_eq!((search.ready.len(), search.rest), (0, Some(all)));
    }

    #[test]
    fn windows_end_where_the_range_ends() {
        let all = days(&[10, 11, 20]);
        let range = TimeRange::new(all[0] + TimeDelta::hours(5), all[2] + TimeDelta::hours(1));
        let range = range.expect("ordered");
        let windows = windows_of(&all, range, SortOrder::Ascending);
        let ends: Vec<_> = windows.iter().map(|it| (it.start(), it.end())).collect();
        let after_two = all[1] + TimeDelta::days(1);
        assert_eq!(ends, [(range.start(), after_two), (all[2], range.end())]);
        assert_eq!(behind(range, SortOrder::Ascending, all[2]), None);
        let rest = behind(range, SortOrder::Descending, all[1]);
        assert_eq!(rest.map(|rest| rest.end()), Some(all[1]));
    }
}
