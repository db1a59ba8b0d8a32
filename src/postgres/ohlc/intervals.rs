//! Lists of time intervals, in microseconds since 1970.

use crate::domain::{TimeRange, Timeframe};

/// Half-open intervals in ascending order that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// The union of `intervals`, which may be empty and overlap.
    pub(super) fn new(mut intervals: Vec<(i64, i64)>) -> Self {
        intervals.retain(|(from, to)| from < to);
        intervals.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(intervals.len());
        for (from, to) in intervals {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The union of both lists.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self::new([self.0.as_slice(), &other.0].concat())
    }

    /// The intervals without the times of `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (from, to) in self.iter() {
            let mut reached = from;
            for (start, end) in other.iter().filter(|hole| hole.1 > from && hole.0 < to) {
                left.push((reached, start));
                reached = end;
            }
            left.push((reached, to));
        }
        Self::new(left)
    }

    /// The buckets of `timeframe` that overlap the intervals, limited to `range`, whose ends are bucket
    /// boundaries. Closes the smallest gaps until at most `max` intervals are left.
    pub(super) fn buckets(&self, timeframe: Timeframe, range: TimeRange, max: usize) -> Self {
        let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
        let (first, end) = (micros(range.start()), micros(range.end()));
        let width = timeframe.duration().num_microseconds().unwrap_or(i64::MAX);
        let inside = self.0.iter().map(|(from, to)| {
            // limit to the range first, so that nothing overflows
            let (from, to) = ((*from).clamp(first, end), (*to).clamp(first, end));
            if from >= to {
                return (first, first);
            }
            let start = from - from.rem_euclid(width);
            let last = (to - 1) - (to - 1).rem_euclid(width);
            (start.max(first), (last + width).min(end))
        });
        Self::new(inside.collect()).joined(max)
    }

    /// Closes the smallest gaps until at most `max` intervals are left.
    pub(super) fn joined(mut self, max: usize) -> Self {
        if self.0.len() <= max {
            return self;
        }
        let mut gaps: Vec<i64> = self
            .0
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].1)
            .collect();
        gaps.sort_unstable();
        // close as many gaps as there are excess intervals
        let Some(widest_closed) = gaps.get(self.0.len() - max - 1).copied() else {
            return self;
        };
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(max);
        for (from, to) in self.0.drain(..) {
            match joined.last_mut() {
                Some(last) if from - last.1 <= widest_closed => last.1 = to,
                _ => joined.push((from, to)),
            }
        }
        Self(joined)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn intervals(pairs: &[(i64, i64)]) -> Intervals {
        Intervals::new(pairs.to_vec())
    }

    fn minutes(from: i64, to: i64) -> TimeRange {
        let at = |minute: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute);
        TimeRange::new(at(from), at(to)).expect("ordered")
    }

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn union_joins_overlapping_and_touching_intervals() {
        let union = intervals(&[(5, 7), (1, 3), (3, 4), (2, 3), (9, 9)]);
        assert_eq!(union.iter().collect::<Vec<_>>(), [(1, 4), (5, 7)]);
        let both = union.and(&intervals(&[(4, 5), (20, 21)]));
        assert_eq!(both.iter().collect::<Vec<_>>(), [(1, 7), (20, 21)]);
    }

    #[test]
    fn holes_are_removed_from_intervals() {
        let all = intervals(&[(0, 10), (20, 30)]);
        let left = |holes: &[(i64, i64)]| {
            let left = all.without(&intervals(holes));
            left.iter().collect::<Vec<_>>()
        };
        assert_eq!(left(&[]), [(0, 10), (20, 30)]);
        assert_eq!(left(&[(2, 3), (5, 22)]), [(0, 2), (3, 5), (22, 30)]);
        assert_eq!(left(&[(-5, 40)]), []);
        assert_eq!(left(&[(10, 20)]), [(0, 10), (20, 30)]);
    }

    #[test]
    fn buckets_are_whole_and_within_the_range() {
        let all = intervals(&[
            (i64::MIN, -5),
            (6 * MINUTE, 6 * MINUTE + 1),
            (14 * MINUTE + 59, i64::MAX),
        ]);
        let buckets = all.buckets(Timeframe::M5, minutes(0, 30), 9);
        let expected = [(5 * MINUTE, 30 * MINUTE)];
        assert_eq!(buckets.iter().collect::<Vec<_>>(), expected);
        let all = all.and(&intervals(&[(i64::MIN, MINUTE + 1)]));
        let minutes_of = all.buckets(Timeframe::M1, minutes(0, 5), 9);
        assert_eq!(minutes_of.iter().collect::<Vec<_>>(), [(0, 2 * MINUTE)]);
        let none = all.buckets(Timeframe::M1, minutes(7, 10), 9);
        assert_eq!(none.iter().next(), None);
    }

    #[test]
    fn excess_intervals_join_across_the_smallest_gaps() {
        let pairs = [(0, 1), (10, 11), (12, 13), (40, 41), (42, 43)];
        let minutes_of = pairs.map(|(from, to)| (from * MINUTE, to * MINUTE));
        let all = intervals(&minutes_of);
        let of = |max| {
            let buckets = all.buckets(Timeframe::M1, minutes(0, 60), max);
            let pairs = buckets
                .iter()
                .map(|(from, to)| (from / MINUTE, to / MINUTE));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(of(5), pairs);
        assert_eq!(of(3), [(0, 1), (10, 13), (40, 43)]);
        assert_eq!(of(2), [(0, 13), (40, 43)]);
        assert_eq!(of(1), [(0, 43)]);
    }
}
