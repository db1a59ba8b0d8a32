//! Conformance: the intervals in which books were valid.
//!
//! Covers `OrderBookRepository::put_intervals` and `intervals`.

use chrono::{DateTime, Utc};

use super::books_samples::{put_intervals, read_intervals, stored_intervals};
use super::samples::{EURUSD, GBPUSD, limit, range, seconds};
use crate::Repositories;
use crate::domain::SymbolId;
use crate::domain::TimeRange;
use crate::domain::book::{BookInterval, EndReason, StaleReason};
use crate::repository::{BookIntervalQuery, InsertConflict, InsertReceipt};

const GAP: EndReason = EndReason::Stale(StaleReason::Gap);

fn open(from: i64) -> BookInterval {
    BookInterval::open(EURUSD, seconds(from))
}

pub async fn closed_interval_replaces_the_open_one(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let first = put_intervals(books, &[open(1)]).await;
    assert_eq!(first, InsertReceipt::default().inserted(1));
    assert_eq!(stored_intervals(books, EURUSD).await, [open(1)]);
    let closed = open(1).closed(seconds(9), GAP);
    let next = put_intervals(books, &[closed, open(10)]).await;
    assert_eq!(next, InsertReceipt::default().inserted(2));
    assert_eq!(stored_intervals(books, EURUSD).await, [closed, open(10)]);
    // both states within one batch
    let short = open(10).closed(seconds(10), GAP);
    let both = [open(10), short, open(10)];
    let receipt = put_intervals(books, &both).await;
    let expected = InsertReceipt::default().inserted(1).duplicates(2);
    assert_eq!(receipt, expected);
    assert_eq!(stored_intervals(books, EURUSD).await, [closed, short]);
    // all states of a new interval within one batch
    let [first, second] = [31, 32].map(|end| open(30).closed(seconds(end), GAP));
    let receipt = put_intervals(books, &[open(30), open(30), first, second]).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (2, 1));
    assert_eq!(receipt.conflicts, [InsertConflict::new(first, second)]);
    assert_eq!(
        stored_intervals(books, EURUSD).await,
        [closed, short, first]
    );
}

pub async fn every_reason_of_an_interval_reads_back(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let stale = StaleReason::ALL.iter().copied().map(EndReason::Stale);
    let reasons = stale.chain([EndReason::Stopped, EndReason::Deleted]);
    let all: Vec<_> = (0..)
        .step_by(10)
        .zip(reasons)
        .map(|(from, reason)| open(from).closed(seconds(from + 5), reason))
        .collect();
    put_intervals(books, &all).await;
    assert_eq!(stored_intervals(books, EURUSD).await, all);
}

pub async fn intervals_sent_again_are_duplicates(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let closed = open(1).closed(seconds(9), GAP);
    let all = [open(1), closed, open(10)];
    put_intervals(books, &all).await;
    for _ in 0..2 {
        let receipt = put_intervals(books, &all).await;
        assert_eq!(receipt, InsertReceipt::default().duplicates(3));
    }
    assert_eq!(stored_intervals(books, EURUSD).await, [closed, open(10)]);
}

pub async fn interval_with_another_end_is_a_conflict(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let closed = open(1).closed(seconds(9), GAP);
    put_intervals(books, &[closed]).await;
    for other in [
        open(1).closed(seconds(8), GAP),
        open(1).closed(seconds(9), EndReason::Stopped),
    ] {
        let receipt = put_intervals(books, &[other, open(20)]).await;
        assert_eq!(receipt.conflicts, [InsertConflict::new(closed, other)]);
        let stored = stored_intervals(books, EURUSD).await;
        assert_eq!(stored, [closed, open(20)]);
    }
}

pub async fn stopped_interval_is_continued(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let stopped = |to| open(10).closed(seconds(to), EndReason::Stopped);
    // of another symbol
    let other = BookInterval::open(GBPUSD, seconds(15));
    put_intervals(
        books,
        &[open(1).closed(seconds(9), GAP), stopped(20), other],
    )
    .await;
    let last = async || stored_intervals(books, EURUSD).await.pop();
    for (given, inserted, expected) in [
        (open(10), 1, open(10)),
        (open(10), 0, open(10)),
        (stopped(20), 1, stopped(20)),
        (stopped(30), 1, stopped(30)),
        (stopped(25), 0, stopped(30)),
        (
            open(10).closed(seconds(40), GAP),
            1,
            open(10).closed(seconds(40), GAP),
        ),
        (open(10), 0, open(10).closed(seconds(40), GAP)),
    ] {
        let receipt = put_intervals(books, &[given]).await;
        let result = InsertReceipt::default().inserted(inserted);
        assert_eq!(receipt, result.duplicates(1 - inserted), "{given:?}");
        assert_eq!(last().await, Some(expected), "{given:?}");
    }
}

pub async fn stopped_interval_before_another_is_final(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let stopped = |to| open(10).closed(seconds(to), EndReason::Stopped);
    let all = [stopped(20), open(30)];
    put_intervals(books, &all).await;
    let receipt = put_intervals(books, &[open(10)]).await;
    assert_eq!(receipt, InsertReceipt::default().duplicates(1));
    let receipt = put_intervals(books, &[stopped(40)]).await;
    let conflict = InsertConflict::new(stopped(20), stopped(40));
    assert_eq!(receipt.conflicts, [conflict]);
    assert_eq!(stored_intervals(books, EURUSD).await, all);
}

pub async fn impossible_intervals_block_no_other(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let early = open(5).closed(seconds(4), GAP);
    let nameless = BookInterval::open(SymbolId::new(0), seconds(1));
    let future = BookInterval::open(EURUSD, DateTime::<Utc>::MAX_UTC);
    let receipt = put_intervals(books, &[early, open(1), nameless, future]).await;
    assert_eq!(receipt.inserted, 1);
    let fields = ["valid_to", "symbol_id", "valid_from"];
    assert_eq!(receipt.rejected.len(), fields.len());
    for ((rejected, row), field) in receipt
        .rejected
        .iter()
        .zip([early, nameless, future])
        .zip(fields)
    {
        assert_eq!(rejected.row, row);
        assert!(rejected.reason.contains(field), "{}", rejected.reason);
    }
    assert_eq!(stored_intervals(books, EURUSD).await, [open(1)]);
}

pub async fn intervals_of_a_range_overlap_it(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let closed = |from, to| open(from).closed(seconds(to), GAP);
    let all = [closed(0, 10), closed(20, 20), closed(20 + 1, 30), open(40)];
    put_intervals(books, &all).await;
    put_intervals(books, &[BookInterval::open(GBPUSD, seconds(5))]).await;
    for (from, to, first, last) in [
        (-9, 0, 0, 0),
        (-9, 1, 0, 1),
        (9, 10, 0, 1),
        (10, 20, 1, 1),
        (10, 21, 1, 2),
        (25, 41, 2, 4),
        (1_000, 1_001, 3, 4),
        (5, 5, 0, 0),
    ] {
        let query = BookIntervalQuery::new(EURUSD, range(seconds(from), seconds(to)));
        let found = read_intervals(books, query).await;
        assert_eq!(found, all[first..last], "{from} to {to}");
    }
}

pub async fn pages_of_intervals_neither_skip_nor_repeat(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let all: Vec<_> = (0..20)
        .map(|it| open(10 * it).closed(seconds(10 * it + 9), GAP))
        .collect();
    put_intervals(books, &all).await;
    for size in [1, 3, 19, 20, 21] {
        let query = BookIntervalQuery::new(EURUSD, TimeRange::all()).limit(limit(size));
        assert_eq!(read_intervals(books, query).await, all, "{size}");
        let mut newest_first = read_intervals(books, query.descending()).await;
        newest_first.reverse();
        assert_eq!(newest_first, all, "{size}");
    }
}
