//! Conformance: ranges and pages of books, and the newest snapshot.
//!
//! Covers the reads of `OrderBookRepository` that do not compute a book.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::books_samples::{
    insert_new_snapshots, insert_new_updates, level, nth_snapshot, read_snapshots, read_updates,
    snapshot, snapshots, update, updates,
};
use super::clock::now;
use super::samples::{EURUSD, GBPUSD, WIDE_SEQUENCES, collect, limit, micros, range, seconds};
use crate::Repositories;
use crate::domain::book::MAX_STORED_LEVELS;
use crate::domain::{BookCursor, PageLimit, SymbolId, TimeRange, earliest_time, latest_time};
use crate::error::RepositoryError;
use crate::repository::{
    BookSnapshotQuery, BookUpdateQuery, book_snapshot_stream, book_update_stream,
};

pub async fn ranges_of_books_are_half_open(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let (of_snapshots, of_updates) = (snapshots(EURUSD, 9), updates(EURUSD, 9));
    insert_new_snapshots(books, &of_snapshots).await;
    insert_new_snapshots(books, &snapshots(GBPUSD, 30)).await;
    insert_new_updates(books, &of_updates).await;
    insert_new_updates(books, &updates(GBPUSD, 30)).await;
    for (range, from, to) in [
        (range(seconds(1), seconds(2)), 3, 6),
        (range(micros(1_000_001), micros(2_000_001)), 6, 9),
        (range(seconds(1), seconds(1)), 0, 0),
    ] {
        let query = BookSnapshotQuery::new(EURUSD, range);
        assert_eq!(read_snapshots(books, query).await, of_snapshots[from..to]);
        let query = BookUpdateQuery::new(EURUSD, range);
        assert_eq!(read_updates(books, query).await, of_updates[from..to]);
    }
    for unknown in [SymbolId::new(99), SymbolId::new(0), SymbolId::new(-1)] {
        let query = BookSnapshotQuery::new(unknown, TimeRange::all());
        assert_eq!(read_snapshots(books, query).await, []);
    }
}

pub async fn pages_of_books_neither_skip_nor_repeat(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let keys = (0..6).flat_map(|it| WIDE_SEQUENCES.map(|sequence| (seconds(it), sequence)));
    let keys: Vec<_> = keys.collect();
    let of_snapshots: Vec<_> = keys.iter().map(|key| snapshot(key.0, key.1)).collect();
    let of_updates: Vec<_> = keys
        .iter()
        .map(|key| update(key.0, key.1, &[("1", "2")]))
        .collect();
    insert_new_snapshots(books, &of_snapshots).await;
    insert_new_updates(books, &of_updates).await;
    for size in [1, 8, 9, 10, 53, 54, 55] {
        let query = BookSnapshotQuery::new(EURUSD, TimeRange::all()).limit(limit(size));
        assert_eq!(read_snapshots(books, query).await, of_snapshots, "{size}");
        let mut newest_first = read_snapshots(books, query.descending()).await;
        newest_first.reverse();
        assert_eq!(newest_first, of_snapshots, "{size}");
        let query = BookUpdateQuery::new(EURUSD, TimeRange::all()).limit(limit(size));
        assert_eq!(read_updates(books, query).await, of_updates, "{size}");
        let mut newest_first = read_updates(books, query.descending()).await;
        newest_first.reverse();
        assert_eq!(newest_first, of_updates, "{size}");
    }
    let query = BookSnapshotQuery::new(EURUSD, TimeRange::all()).limit(limit(7));
    let page = books.snapshots(&query).await.expect("a page is read");
    assert_eq!(page.next, Some(BookCursor::of_snapshot(&of_snapshots[6])));
}

pub async fn pages_of_deep_snapshots_are_short(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let all: Vec<_> = (0..450).map(|it| snapshot(seconds(it), 0)).collect();
    insert_new_snapshots(books, &all).await;
    let query = BookSnapshotQuery::new(EURUSD, TimeRange::all()).limit(PageLimit::MAX);
    let page = books.snapshots(&query).await.expect("a page is read");
    assert_eq!(page.items, all[..200], "200,000 levels of 1,000");
    assert_eq!(read_snapshots(books, query).await, all);
    let page = books.snapshots(&query.depth(400)).await.expect("read");
    assert_eq!(page.items.len(), 450);
}

pub async fn snapshot_as_of_an_instant_is_the_last(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let all = snapshots(EURUSD, 30);
    insert_new_snapshots(books, &all).await;
    insert_new_snapshots(books, &snapshots(GBPUSD, 60)).await;
    for (at, index) in [
        (micros(-1), None),
        (DateTime::<Utc>::MIN_UTC, None),
        (seconds(0), Some(2)),
        (micros(999_999), Some(2)),
        (seconds(1), Some(5)),
        (seconds(2) - TimeDelta::nanoseconds(1), Some(5)),
        (now(), Some(29)),
        (DateTime::<Utc>::MAX_UTC, Some(29)),
    ] {
        let found = books.snapshot_as_of(EURUSD, at, MAX_STORED_LEVELS).await;
        let expected = index.map(|index| &all[index]);
        assert_eq!(found.expect("read").as_ref(), expected, "{at}");
    }
}

pub async fn snapshot_as_of_is_found_at_any_age(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let times = [
        earliest_time(),
        seconds(0),
        now() - TimeDelta::days(40),
        now() - TimeDelta::minutes(1),
        now() + TimeDelta::days(3),
        latest_time() - TimeDelta::microseconds(1),
    ];
    for (symbol, time) in (1..).map(SymbolId::new).zip(times) {
        let given = snapshot(time, 4).with_symbol_id(symbol);
        let given = given.with_valid_since(time).normalized().expect("valid");
        insert_new_snapshots(books, std::slice::from_ref(&given)).await;
        let found = books.snapshot_as_of(symbol, latest_time(), 1_000).await;
        assert_eq!(found.expect("read"), Some(given));
    }
}

pub async fn depth_cuts_every_snapshot_that_is_read(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let all = snapshots(EURUSD, 30);
    insert_new_snapshots(books, &all).await;
    for depth in [1, 5, 24, 25, 1_000] {
        let mut cut = all.clone();
        for snapshot in &mut cut {
            snapshot.cut(depth);
        }
        let query = BookSnapshotQuery::new(EURUSD, TimeRange::all()).depth(depth);
        assert_eq!(read_snapshots(books, query).await, cut, "{depth}");
        let found = books.snapshot_as_of(EURUSD, now(), depth).await;
        assert_eq!(found.expect("read"), cut.pop(), "{depth}");
    }
    let stored = books.snapshot_as_of(EURUSD, now(), 1_000).await;
    assert_eq!(stored.expect("read"), Some(nth_snapshot(EURUSD, 29)));
}

pub async fn depth_outside_of_1_to_1000_is_refused(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    insert_new_snapshots(books, &[snapshot(seconds(0), 0)]).await;
    for depth in [0, 1_001, usize::MAX] {
        let query = BookSnapshotQuery::new(EURUSD, TimeRange::all()).depth(depth);
        for refused in [
            books.snapshots(&query).await.err(),
            books.snapshot_as_of(EURUSD, now(), depth).await.err(),
        ] {
            let is_right = matches!(refused, Some(RepositoryError::InvalidInput { .. }));
            assert!(is_right, "{depth}: {refused:?}");
        }
    }
}

pub async fn book_cursor_need_not_name_a_row(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let all: Vec<_> = (0..9)
        .map(|it| update(seconds(it / 3), it % 3, &[("1", "2")]))
        .collect();
    insert_new_updates(books, &all).await;
    let query = BookUpdateQuery::new(EURUSD, TimeRange::all());
    let after = |time, sequence| query.after(BookCursor { time, sequence });
    assert_eq!(
        read_updates(books, after(micros(1_500_000), 0)).await,
        all[6..]
    );
    assert_eq!(
        read_updates(books, after(seconds(1), i64::MAX)).await,
        all[6..]
    );
    assert_eq!(read_updates(books, after(seconds(500), 0)).await, []);
    let newest = after(micros(1_500_000), 0).descending();
    assert_eq!(read_updates(books, newest).await.len(), 6);
}

pub async fn streams_give_every_row_of_a_book(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let of_snapshots: Vec<_> = (0..700)
        .map(|it| snapshot(seconds(it), 0).with_bids(vec![level("1.1", "1")]))
        .collect();
    let of_updates = updates(EURUSD, 700);
    insert_new_snapshots(books, &of_snapshots).await;
    insert_new_updates(books, &of_updates).await;
    let query = BookSnapshotQuery::new(EURUSD, TimeRange::all());
    let stream = book_snapshot_stream(Arc::clone(&repositories.books), query);
    assert_eq!(collect(stream).await, of_snapshots);
    let query = BookUpdateQuery::new(EURUSD, TimeRange::all()).limit(limit(90));
    let stream = book_update_stream(Arc::clone(&repositories.books), query);
    assert_eq!(collect(stream).await, of_updates);
}
