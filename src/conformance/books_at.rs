//! Conformance: the book at a time, and its replay.
//!
//! Covers `OrderBookRepository::book_at` and `book_replay`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::books_samples::{
    LiveBook, assert_unknown, book_at, insert_new_snapshots, insert_new_updates, level,
    put_intervals, snapshot, update,
};
use super::samples::{EURUSD, GBPUSD, Random, collect, micros, range, seconds};
use crate::Repositories;
use crate::domain::TimeRange;
use crate::domain::book::{BookInterval, BookSnapshot, EndReason, IntervalEnd, StaleReason};
use crate::error::RepositoryError;
use crate::repository::{BookReplayEvent, book_replay};

const GAP: EndReason = EndReason::Stale(StaleReason::Gap);

fn open(from: i64) -> BookInterval {
    BookInterval::open(EURUSD, seconds(from))
}

pub async fn book_is_known_within_its_intervals_only(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(10).closed(seconds(20), GAP), open(30)]).await;
    assert_unknown(books, seconds(15)).await;
    let (first, second) = (snapshot(seconds(10), 0), snapshot(seconds(30), 0));
    insert_new_snapshots(books, std::slice::from_ref(&first)).await;
    for at in [
        DateTime::<Utc>::MIN_UTC,
        seconds(9),
        micros(9_999_999),
        seconds(20),
        seconds(29),
    ] {
        assert_unknown(books, at).await;
    }
    for at in [seconds(10), seconds(15), micros(19_999_999)] {
        assert_eq!(book_at(books, at).await.as_ref(), Some(&first), "{at}");
    }
    // the snapshot of the earlier interval does not count
    assert_unknown(books, seconds(35)).await;
    insert_new_snapshots(books, std::slice::from_ref(&second)).await;
    for at in [seconds(30), seconds(99), DateTime::<Utc>::MAX_UTC] {
        assert_eq!(book_at(books, at).await.as_ref(), Some(&second), "{at}");
    }
    assert_eq!(
        books.book_at(GBPUSD, seconds(15)).await.expect("read"),
        None
    );
}

pub async fn empty_book_differs_from_an_unknown_one(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(1).closed(seconds(9), GAP)]).await;
    insert_new_snapshots(books, &[snapshot(seconds(1), 0)]).await;
    let emptied = update(seconds(2), 0, &[("1.5", "0")]);
    let emptied = emptied.with_asks(vec![level("1.6", "0")]);
    insert_new_updates(books, &[emptied]).await;
    let book = book_at(books, seconds(5)).await.expect("known");
    assert_eq!((book.bids.len(), book.asks.len()), (0, 0));
    assert_eq!((book.snapshot_time, book.depth), (seconds(2), 1_000));
    assert_unknown(books, seconds(9)).await;
}

pub async fn book_has_the_updates_up_to_its_time(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(0)]).await;
    insert_new_snapshots(books, &[snapshot(seconds(1), 5).with_checksum(7_i64)]).await;
    let quantities = ["8", "9", "10", "11"];
    let keys = [
        (seconds(1), 4),
        (seconds(1), 6),
        (seconds(2), 0),
        (seconds(2), 1),
    ];
    let updates: Vec<_> = keys
        .iter()
        .zip(quantities)
        .map(|(key, quantity)| update(key.0, key.1, &[("1.5", quantity)]))
        .collect();
    insert_new_updates(books, &updates).await;
    assert_unknown(books, micros(999_999)).await;
    for (at, quantity, sequence) in [
        (seconds(1), "9", 6),
        (micros(1_999_999), "9", 6),
        (seconds(2), "11", 1),
        (seconds(500), "11", 1),
    ] {
        let book = book_at(books, at).await.expect("known");
        assert_eq!(book.bids, [level("1.5", quantity)], "{at}");
        assert_eq!((book.sequence, book.checksum), (sequence, None));
    }
}

pub async fn crossing_update_is_an_error_of_the_data(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(0)]).await;
    insert_new_snapshots(books, &[snapshot(seconds(1), 0)]).await;
    insert_new_updates(books, &[update(seconds(2), 0, &[("1.6", "1")])]).await;
    assert!(book_at(books, seconds(1)).await.is_some());
    let failed = books.book_at(EURUSD, seconds(2)).await;
    let Err(RepositoryError::Data { reason, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert!(reason.contains("crossed book"), "{reason}");
}

/// Stores a random live book, with a snapshot after every `snapshot_every`-th update.
async fn store_live(
    repositories: &Repositories,
    random: &mut Random,
    count: usize,
    snapshot_every: usize,
) -> LiveBook {
    let books = repositories.books.as_ref();
    let live = LiveBook::random(random, count);
    put_intervals(books, &[open(0)]).await;
    let of_books = live.books.iter().skip(snapshot_every - 1);
    let mut snapshots = vec![LiveBook::first()];
    snapshots.extend(of_books.step_by(snapshot_every).cloned());
    insert_new_snapshots(books, &snapshots).await;
    insert_new_updates(books, &live.updates).await;
    live
}

/// The expected book at a time.
fn expected(live: &LiveBook, at: DateTime<Utc>) -> BookSnapshot {
    let last = live.last_by(at);
    last.map_or_else(LiveBook::first, |index| live.books[index].clone())
}

pub async fn book_equals_the_live_one_at_every_instant(repositories: &Repositories) {
    let mut random = Random::seeded();
    let live = store_live(repositories, &mut random, 120, 17).await;
    let books = repositories.books.as_ref();
    for book in &live.books {
        for at in [
            book.snapshot_time,
            book.snapshot_time - TimeDelta::microseconds(1),
        ] {
            // an update may be within the first instant of the interval
            if at >= seconds(0) {
                let found = book_at(books, at).await.expect("known");
                assert_eq!(found, expected(&live, at), "{at}");
            }
        }
    }
}

pub async fn updates_lead_from_snapshot_to_snapshot(repositories: &Repositories) {
    let mut random = Random::seeded();
    // more updates than a page
    let live = store_live(repositories, &mut random, 1_300, 1_299).await;
    let books = repositories.books.as_ref();
    for index in [0, 700, 1_297, 1_298, 1_299] {
        let at = live.books[index].snapshot_time;
        let found = book_at(books, at).await.expect("known");
        assert_eq!(found, expected(&live, at), "{at}");
    }
}

pub async fn replay_gives_the_book_of_every_instant(repositories: &Repositories) {
    let mut random = Random::seeded();
    let live = store_live(repositories, &mut random, 700, 41).await;
    let stream = book_replay(Arc::clone(&repositories.books), EURUSD, TimeRange::all());
    let mut book: Option<BookSnapshot> = None;
    let (mut updates, mut snapshots) = (0, 0);
    for event in collect(stream).await {
        match event {
            BookReplayEvent::Snapshot(snapshot) => {
                if let Some(book) = &book {
                    assert!(book.has_content_of(&snapshot), "at a later snapshot");
                }
                book = Some(snapshot);
                snapshots += 1;
            }
            BookReplayEvent::Update(update) => {
                let book = book.as_mut().expect("a snapshot comes first");
                book.apply(&update).expect("in order");
                assert_eq!(*book, live.books[updates]);
                updates += 1;
            }
            BookReplayEvent::Ended(end) => panic!("{end:?}"),
        }
    }
    assert_eq!((updates, snapshots), (700, 1 + 700 / 41));
}

pub async fn replay_is_in_the_order_of_the_venue(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    put_intervals(books, &[open(1).closed(seconds(2), GAP), open(3)]).await;
    let snapshots = [
        snapshot(seconds(1), 0),
        snapshot(seconds(1), 2),
        snapshot(seconds(3), 0),
    ];
    insert_new_snapshots(books, &snapshots).await;
    let keys = [
        (seconds(1), 1),
        (seconds(1), 2),
        (seconds(2), 7),
        (seconds(4), 0),
    ];
    let updates = keys.map(|(time, sequence)| update(time, sequence, &[("1.5", "3")]));
    insert_new_updates(books, &updates).await;
    let all = [
        BookReplayEvent::Snapshot(snapshots[0].clone()),
        BookReplayEvent::Update(updates[0].clone()),
        BookReplayEvent::Update(updates[1].clone()),
        BookReplayEvent::Snapshot(snapshots[1].clone()),
        BookReplayEvent::Update(updates[2].clone()),
        BookReplayEvent::Ended(IntervalEnd::new(seconds(2), GAP)),
        BookReplayEvent::Snapshot(snapshots[2].clone()),
        BookReplayEvent::Update(updates[3].clone()),
    ];
    let replay = |range| book_replay(Arc::clone(&repositories.books), EURUSD, range);
    assert_eq!(collect(replay(TimeRange::all())).await, all);
    assert_eq!(
        collect(replay(range(seconds(2), seconds(4)))).await,
        all[4..7]
    );
    assert_eq!(collect(replay(range(seconds(3), seconds(3)))).await, []);
}
