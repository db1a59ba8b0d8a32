//! What storing and deleting do to the intervals of a book: the same for every backend.

use chrono::{DateTime, TimeDelta, Utc};

use super::TimeSpan;
use crate::domain::book::{BookInterval, EndReason};

/// The effect of a given interval on the stored one with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutInterval {
    /// The given interval is stored.
    Stored,
    /// Nothing changes.
    Duplicate,
    /// The given interval is stored, since the stored one ended only because its recorder stopped. If a later interval
    /// of the symbol is stored: see [`followed`](Self::followed).
    Continues,
    /// Nothing changes, except that the open intervals that begin within the given one are closed like it.
    ClosesLater,
    /// The ends differ.
    Conflict,
}

impl PutInterval {
    pub(crate) fn of(stored: Option<&BookInterval>, given: &BookInterval) -> Self {
        let Some(stored) = stored else {
            return Self::Stored;
        };
        match (stored.end, given.end) {
            (None, Some(_)) => Self::Stored,
            (Some(one), None) if one.reason == EndReason::Stopped => Self::Continues,
            (_, None) => Self::Duplicate,
            (Some(one), Some(other)) if one == other => Self::Duplicate,
            (Some(one), Some(other)) if one.reason == EndReason::Stopped && one.at < other.at => {
                Self::Continues
            }
            // another recorder has recorded the book for longer
            (Some(one), Some(other))
                if one.reason == other.reason && one.reason == EndReason::Stopped =>
            {
                Self::Duplicate
            }
            (Some(one), Some(other)) if one.reason == EndReason::Deleted && one.at <= other.at => {
                Self::ClosesLater
            }
            (Some(_), Some(_)) => Self::Conflict,
        }
    }

    /// The effect of a given interval that [`Continues`](Self::Continues) a stored one before another one.
    pub(crate) fn followed(given: &BookInterval) -> Self {
        match given.end {
            None => Self::Duplicate,
            Some(_) => Self::Conflict,
        }
    }
}

/// The parts of an interval that remain if the rows of `deleted` are deleted: the part before them, which keeps the
/// start, and the part after them. `None` if the interval has none of these instants.
pub(crate) fn without_deleted(
    interval: &BookInterval,
    deleted: TimeSpan,
) -> Option<(BookInterval, Option<BookInterval>)> {
    let (from, to) = (deleted.first, after(deleted.last));
    let ends_before = interval.end.is_some_and(|end| end.at <= from);
    if interval.valid_from >= to || ends_before {
        return None;
    }
    let cut = from.max(interval.valid_from);
    let before =
        BookInterval::open(interval.symbol_id, interval.valid_from).closed(cut, EndReason::Deleted);
    let mut later = BookInterval::open(interval.symbol_id, to);
    later.end = interval.end;
    let has_later = interval.end.is_none_or(|end| to < end.at);
    Some((before, has_later.then_some(later)))
}

/// The first instant after `time`.
pub(crate) fn after(time: DateTime<Utc>) -> DateTime<Utc> {
    time + TimeDelta::microseconds(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SymbolId;
    use crate::domain::book::StaleReason;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn open(from: i64) -> BookInterval {
        BookInterval::open(SymbolId::new(1), at(from))
    }

    const GAP: EndReason = EndReason::Stale(StaleReason::Gap);

    #[test]
    fn closed_intervals_are_final() {
        let closed = open(1).closed(at(9), GAP);
        let later = open(1).closed(at(10), GAP);
        let deleted = open(1).closed(at(5), EndReason::Deleted);
        let stopped = |to| open(1).closed(at(to), EndReason::Stopped);
        for (stored, given, expected) in [
            (None, open(1), PutInterval::Stored),
            (None, closed, PutInterval::Stored),
            (Some(open(1)), open(1), PutInterval::Duplicate),
            (Some(open(1)), closed, PutInterval::Stored),
            (Some(closed), open(1), PutInterval::Duplicate),
            (Some(closed), closed, PutInterval::Duplicate),
            (Some(closed), later, PutInterval::Conflict),
            (Some(deleted), closed, PutInterval::ClosesLater),
            (Some(deleted), open(1), PutInterval::Duplicate),
            (Some(stopped(9)), open(1), PutInterval::Continues),
            (Some(stopped(9)), stopped(10), PutInterval::Continues),
            (Some(stopped(9)), later, PutInterval::Continues),
            (Some(stopped(9)), stopped(9), PutInterval::Duplicate),
            (Some(stopped(9)), stopped(8), PutInterval::Duplicate),
            (Some(stopped(9)), closed, PutInterval::Conflict),
        ] {
            assert_eq!(PutInterval::of(stored.as_ref(), &given), expected);
        }
    }

    #[test]
    fn deleted_rows_are_cut_out_of_an_interval() {
        let span = |first, last| TimeSpan::new(at(first), at(last));
        let end = |to| open(10).closed(at(to), EndReason::Deleted);
        let rest = |last| BookInterval::open(SymbolId::new(1), after(at(last)));
        let closed = open(10).closed(at(20), GAP);
        for (interval, deleted, expected) in [
            (open(10), span(12, 14), Some((end(12), Some(rest(14))))),
            (open(10), span(5, 14), Some((end(10), Some(rest(14))))),
            (open(10), span(5, 9), None),
            (closed, span(20, 25), None),
            (closed, span(19, 25), Some((end(19), None))),
            (closed, span(5, 25), Some((end(10), None))),
            (
                closed,
                span(12, 14),
                Some((end(12), Some(rest(14).closed(at(20), GAP)))),
            ),
        ] {
            assert_eq!(without_deleted(&interval, deleted), expected, "{deleted:?}");
        }
    }
}
