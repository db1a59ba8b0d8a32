//! Splits a time range into windows that widen step by step.
//!
//! The planner opens every chunk that a range overlaps, so a search for a few ticks starts with a short
//! range. Each window begins at the end of the one before, so that nothing is read twice.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{SortOrder, TimeRange, earliest_time};

/// The distances from the start of the search that the steps reach; the last step is unbounded.
const REACHES: [TimeDelta; 4] = [
    TimeDelta::hours(1),
    TimeDelta::days(1),
    TimeDelta::days(7),
    TimeDelta::days(30),
];

/// The number of ticks from which the first step is skipped: reading so many takes longer than opening the
/// chunks of a day.
const MANY: usize = 1_000;

/// The consecutive parts of `range` to search for `count` ticks in `order`; together they cover the range.
///
/// A descending search starts at `now` if the range ends later, since few ticks are newer. An ascending
/// search from the beginning of time is a single step, since the start of the data is unknown.
pub(super) fn windows(
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
    count: usize,
) -> Vec<TimeRange> {
    let reaches = &REACHES[usize::from(count >= MANY)..];
    let mut windows = Vec::with_capacity(REACHES.len() + 1);
    let (mut from, mut to) = (range.start(), range.end());
    let mut push = |from, to| {
        // the parts of an ordered range are ordered
        windows.extend(
            TimeRange::new(from, to)
                .ok()
                .filter(|part| !part.is_empty()),
        );
    };
    match order {
        SortOrder::Ascending if from > earliest_time() => {
            for reach in reaches {
                let end = (range.start() + *reach).min(to);
                push(from, end);
                from = end;
            }
        }
        SortOrder::Ascending => {}
        SortOrder::Descending => {
            let newest = to.min(now);
            for reach in reaches {
                let start = (newest - *reach).clamp(range.start(), to);
                push(start, to);
                to = start;
            }
        }
    }
    push(from, to);
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).expect("in range")
    }

    proptest! {
        #[test]
        fn parts_cover_the_whole_in_order(
            from in 0_i64..4_102_444_800_000_000,
            length in prop_oneof![0_i64..10_000_000_000, 0_i64..4_102_444_800_000_000],
            now in 0_i64..4_102_444_800_000_000,
            count in prop_oneof![Just(1_usize), Just(MANY)],
        ) {
            let range = TimeRange::new(micros(from), micros(from + length)).expect("ordered");
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let mut parts = windows(range, order, micros(now), count);
                if order == SortOrder::Descending {
                    parts.reverse();
                }
                prop_assert!(parts.iter().all(|part| !part.is_empty()));
                prop_assert!(parts.windows(2).all(|two| two[0].end() == two[1].start()));
                if range.is_empty() {
                    prop_assert!(parts.is_empty());
                } else {
                    prop_assert_eq!(parts[0].start(), range.start());
                    prop_assert_eq!(parts[parts.len() - 1].end(), range.end());
                }
            }
        }
    }

    #[test]
    fn search_for_the_newest_starts_with_the_last_hour() {
        let now = micros(1_700_000_000_000_000);
        let parts = windows(TimeRange::all(), SortOrder::Descending, now, 1);
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[0].start(), now - TimeDelta::hours(1));
        assert_eq!(parts[0].end(), TimeRange::all().end());
        assert_eq!(parts[4].end(), now - TimeDelta::days(30));
    }

    #[test]
    fn search_for_many_starts_with_the_last_day() {
        let now = micros(1_700_000_000_000_000);
        let parts = windows(TimeRange::all(), SortOrder::Descending, now, MANY);
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[0].start(), now - TimeDelta::days(1));
    }
}
