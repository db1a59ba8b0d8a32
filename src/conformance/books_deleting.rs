//! Conformance: deletion of books.
//!
//! Covers `OrderBookRepository::delete_range` and `deletable`.

use chrono::TimeDelta;

use super::books_samples::{
    assert_unknown, book_at, insert_new_snapshots, insert_new_updates, put_intervals, snapshot,
    snapshots, stored_intervals, stored_snapshots, stored_updates, update, updates,
};
use super::samples::{EURUSD, GBPUSD, micros, range, seconds, start};
use crate::Repositories;
use crate::domain::TimeRange;
use crate::domain::book::{BookInterval, EndReason, StaleReason};
use crate::repository::{DeletedBooks, TimeSpan, deletable_books, delete_books};

const GAP: EndReason = EndReason::Stale(StaleReason::Gap);

fn open(from: i64) -> BookInterval {
    BookInterval::open(EURUSD, seconds(from))
}

async fn delete(repositories: &Repositories, range: TimeRange) -> DeletedBooks {
    let books = repositories.books.as_ref();
    let deleted = delete_books(books, EURUSD, range, |_| ()).await;
    deleted.expect("the book is deleted")
}

pub async fn delete_removes_the_book_rows_of_the_range(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let (of_snapshots, of_updates) = (snapshots(EURUSD, 300), updates(EURUSD, 300));
    let others = (snapshots(GBPUSD, 90), updates(GBPUSD, 90));
    insert_new_snapshots(books, &of_snapshots).await;
    insert_new_updates(books, &of_updates).await;
    insert_new_snapshots(books, &others.0).await;
    insert_new_updates(books, &others.1).await;
    let part = range(seconds(50), seconds(70));
    let counted = deletable_books(books, EURUSD, part).await;
    let counted = counted.expect("counted");
    assert_eq!(stored_snapshots(books, EURUSD).await, of_snapshots);
    let deleted = delete(repositories, part).await;
    assert_eq!(deleted, counted, "a dry run counts the same");
    assert_eq!((deleted.snapshots, deleted.updates), (60, 60));
    assert_eq!(deleted.span, Some(TimeSpan::new(seconds(50), seconds(69))));
    let left = [&of_snapshots[..150], &of_snapshots[210..]].concat();
    assert_eq!(stored_snapshots(books, EURUSD).await, left);
    let left = [&of_updates[..150], &of_updates[210..]].concat();
    assert_eq!(stored_updates(books, EURUSD).await, left);
    assert_eq!(stored_snapshots(books, GBPUSD).await, others.0);
    assert_eq!(stored_updates(books, GBPUSD).await, others.1);
    let again = delete(repositories, part).await;
    assert_eq!(again, DeletedBooks::default());
}

pub async fn part_of_books_covers_one_day(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let day = TimeDelta::days(1);
    let at = |days: i32| seconds(36_000) + day * days;
    insert_new_snapshots(books, &[snapshot(at(1), 0), snapshot(at(5), 0)]).await;
    let of_updates = [0, 1, 2].map(|days| update(at(days), 0, &[("1", "0")]));
    insert_new_updates(books, &of_updates).await;
    let whole = range(seconds(-9_999), start() + day * 9);
    let first = books.delete_range(EURUSD, whole).await.expect("deleted");
    assert_eq!((first.snapshots, first.updates), (0, 1));
    assert_eq!(first.rest, Some(range(start() + day, whole.end())));
    let mut parts = 0;
    let rest = first.rest.expect("some");
    let deleted = delete_books(books, EURUSD, rest, |_| parts += 1).await;
    let deleted = deleted.expect("deleted");
    assert_eq!((deleted.snapshots, deleted.updates), (2, 2));
    // days without rows are not parts
    assert!(parts <= 4, "{parts}");
    assert_eq!(stored_snapshots(books, EURUSD).await, []);
    assert_eq!(stored_updates(books, EURUSD).await, []);
}

pub async fn deleted_time_of_a_book_is_not_known(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(0)]).await;
    insert_new_snapshots(books, &[0, 10, 20].map(|at| snapshot(seconds(at), 0))).await;
    let quantities = ["1", "2", "3", "4", "5"];
    let times = [2, 4, 6, 8, 12];
    let of_updates: Vec<_> = times
        .iter()
        .zip(quantities)
        .map(|(at, quantity)| update(seconds(*at), 0, &[("1.5", quantity)]))
        .collect();
    insert_new_updates(books, &of_updates).await;
    delete(repositories, range(seconds(3), seconds(7))).await;
    // before the first deleted row the book is whole
    for at in [seconds(2), micros(3_999_999)] {
        let book = book_at(books, at).await.expect("known");
        assert_eq!(book.snapshot_time, seconds(2), "{at}");
    }
    // the update at 8 seconds follows deleted ones
    for at in [seconds(4), seconds(6), seconds(8), micros(9_999_999)] {
        assert_unknown(books, at).await;
    }
    for (at, last) in [(10, 10), (13, 12), (25, 20)] {
        let book = book_at(books, seconds(at)).await.expect("known");
        assert_eq!(book.snapshot_time, seconds(last), "{at}");
    }
    let later = BookInterval::open(EURUSD, micros(6_000_001));
    let expected = [open(0).closed(seconds(4), EndReason::Deleted), later];
    assert_eq!(stored_intervals(books, EURUSD).await, expected);
}

pub async fn interval_ends_as_a_whole_after_a_deletion(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(0)]).await;
    insert_new_snapshots(books, &[0, 10, 20].map(|at| snapshot(seconds(at), 0))).await;
    delete(repositories, range(seconds(0), seconds(11))).await;
    // the program that opened the interval does not know of the deletion
    let closed = open(0).closed(seconds(30), GAP);
    for _ in 0..2 {
        let receipt = put_intervals(books, &[open(0), closed]).await;
        assert_eq!((receipt.duplicates, receipt.conflicts.len()), (2, 0));
        let later = BookInterval::open(EURUSD, micros(10_000_001));
        let expected = [
            open(0).closed(seconds(0), EndReason::Deleted),
            later.closed(seconds(30), GAP),
        ];
        assert_eq!(stored_intervals(books, EURUSD).await, expected);
    }
    assert_unknown(books, seconds(15)).await;
    assert!(book_at(books, seconds(29)).await.is_some());
    assert_unknown(books, seconds(30)).await;
}

pub async fn deleted_book_rows_may_be_stored_again(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let (of_snapshots, of_updates) = (snapshots(EURUSD, 90), updates(EURUSD, 90));
    insert_new_snapshots(books, &of_snapshots).await;
    insert_new_updates(books, &of_updates).await;
    delete(repositories, range(seconds(3), seconds(20))).await;
    insert_new_snapshots(books, &of_snapshots[9..60]).await;
    insert_new_updates(books, &of_updates[9..60]).await;
    assert_eq!(stored_snapshots(books, EURUSD).await, of_snapshots);
    assert_eq!(stored_updates(books, EURUSD).await, of_updates);
}
