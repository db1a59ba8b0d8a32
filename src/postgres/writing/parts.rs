//! Divides a batch among the statements that read its stored rows.

use chrono::{DateTime, TimeDelta, Utc};

use super::table::KeyedRow;

/// The maximum of the number of rows times the number of days that they span, since the planner compares each
/// time with each chunk.
const MAX_ROW_DAYS: i64 = 2_000;

/// A statement opens each chunk between two rows, so rows further apart than one day are read separately.
const MAX_GAP_DAYS: i64 = 1;

/// The largest number of rows that are read by their times in any case.
const FEW_ROWS: usize = 64;

/// The longest mean time between two rows of a symbol for which the whole range is read.
const MAX_MEAN_GAP: TimeDelta = TimeDelta::seconds(10);

/// The parts of `rows`, which are in time order.
pub(super) fn parts<R: KeyedRow>(mut rows: &[R]) -> impl Iterator<Item = &[R]> {
    std::iter::from_fn(move || {
        let first = day_of(rows.first()?.time());
        let mut last = first;
        let fitting = rows.iter().zip(1..).take_while(|(row, count)| {
            let day = day_of(row.time());
            let gap = day - std::mem::replace(&mut last, day);
            gap <= MAX_GAP_DAYS && count * (day - first + 1) <= MAX_ROW_DAYS
        });
        let (part, rest) = rows.split_at(fitting.count());
        rows = rest;
        Some(part)
    })
}

/// Whether the table probably has few other rows of the symbols between the first and the last row of `part`,
/// which has rows of that number of `symbols`.
pub(super) fn is_dense<R: KeyedRow>(part: &[R], symbols: usize) -> bool {
    let [first, .., last] = part else {
        return false;
    };
    let micros = last.time().timestamp_micros() - first.time().timestamp_micros();
    let mean = i128::from(micros) * symbols as i128 / part.len() as i128;
    let max = MAX_MEAN_GAP.num_seconds() * 1_000_000;
    part.len() > FEW_ROWS && mean <= i128::from(max)
}

/// The number of the day since 1970.
fn day_of(time: DateTime<Utc>) -> i64 {
    time.timestamp()
        .div_euclid(TimeDelta::days(1).num_seconds())
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::{SymbolId, Tick};

    fn ticks(seconds: impl IntoIterator<Item = i64>) -> Vec<Tick> {
        let tick = |second| {
            let time = DateTime::from_timestamp(second, 0).expect("in range");
            Tick::quote(SymbolId::new(1), time, Decimal::ONE, Decimal::ONE)
        };
        seconds.into_iter().map(tick).collect()
    }

    fn lengths(seconds: impl IntoIterator<Item = i64>) -> Vec<usize> {
        let ticks = ticks(seconds);
        let all: Vec<_> = parts(&ticks).flatten().cloned().collect();
        assert_eq!(all, ticks);
        parts(&ticks).map(<[_]>::len).collect()
    }

    #[test]
    fn parts_have_a_bounded_number_of_rows_and_days() {
        const DAY: i64 = 86_400;
        assert!(lengths([]).is_empty());
        assert_eq!(lengths([5]), [1]);
        assert_eq!(lengths(0..4_500), [2_000, 2_000, 500]);
        // midnight between two rows
        assert_eq!(lengths([-1, 0]), [2]);
        assert_eq!(lengths((0..2_000).map(|n| n + DAY - 600)), [1_000, 1_000]);
        // a row in each day
        assert_eq!(lengths((0..100).map(|n| n * DAY)), [44, 44, 12]);
        // days without rows
        assert_eq!(lengths([0, DAY, 3 * DAY, 3_000 * DAY]), [2, 1, 1]);
    }

    #[test]
    fn few_rows_and_rows_far_apart_are_sparse() {
        assert!(is_dense(&ticks(0..65), 1));
        assert!(!is_dense(&ticks(0..64), 1));
        assert!(!is_dense(&ticks([]), 0));
        assert!(is_dense(&ticks((0..100).map(|n| n * 10)), 1));
        assert!(!is_dense(&ticks((0..100).map(|n| n * 11)), 1));
        // as many rows, but ten times as few of each symbol
        assert!(is_dense(&ticks(0..100), 10));
        assert!(!is_dense(&ticks((0..100).map(|n| n * 2)), 10));
    }
}
