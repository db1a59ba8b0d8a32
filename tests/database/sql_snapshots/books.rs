//! One or several calls of each method of the repository of order books.

use chrono::TimeDelta;
use tickbook::domain::book::{
    BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel, StaleReason,
};
use tickbook::domain::{BookCursor, PageLimit, SymbolId};
use tickbook::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, OrderBookRepository as _,
};

use super::Recording;
use super::data::{DELETED, QUOTED, Site, WRITTEN, day, range};

/// `count` snapshots of a day, one each second.
pub(super) fn snapshots(symbol: SymbolId, of_day: i64, count: i64) -> Vec<BookSnapshot> {
    let level = |units: i64| PriceLevel::new(units.into(), (1 + units % 9).into());
    let snapshot = |second: i64| {
        let time = day(of_day) + TimeDelta::seconds(second);
        BookSnapshot::new(symbol, time, "test")
            .with_bids((0..3).map(|it| level(100 + second % 9 - it)).collect())
            .with_asks((0..3).map(|it| level(110 + second % 9 + it)).collect())
            .with_valid_since(day(of_day))
    };
    (0..count).map(snapshot).collect()
}

/// `count` updates of a day, one half a second after each snapshot.
pub(super) fn updates(symbol: SymbolId, of_day: i64, count: i64) -> Vec<BookUpdate> {
    let update = |second: i64| {
        let time = day(of_day) + TimeDelta::milliseconds(1_000 * second + 500);
        let change = PriceLevel::new((100 - second % 9).into(), (second % 3).into());
        BookUpdate::new(symbol, time).with_bids(vec![change])
    };
    (0..count).map(update).collect()
}

/// The interval of a day, without its last minute.
pub(super) fn interval(symbol: SymbolId, of_day: i64) -> BookInterval {
    let end = day(of_day + 1) - TimeDelta::minutes(1);
    let gap = EndReason::Stale(StaleReason::Gap);
    BookInterval::open(symbol, day(of_day)).closed(end, gap)
}

/// Stores the books of some days.
pub(super) async fn fill(site: &Site, symbol: SymbolId, days: i64, count: i64) {
    for of_day in 0..days {
        let snapshots = snapshots(symbol, of_day, count);
        site.books
            .insert_snapshots(&snapshots)
            .await
            .expect("stored");
        let updates = updates(symbol, of_day, count);
        site.books.insert_updates(&updates).await.expect("stored");
        let intervals = [interval(symbol, of_day)];
        site.books.put_intervals(&intervals).await.expect("stored");
    }
}

pub(super) async fn books(site: &Site, recording: &mut Recording) {
    let books = &site.books;
    let limit = PageLimit::new(100).expect("a valid limit");
    let second_day = range(day(1), day(2));
    let noon = day(1) + TimeDelta::seconds(700);
    let cursor = BookCursor {
        time: noon,
        sequence: 0,
    };
    let query = BookSnapshotQuery::new(QUOTED, second_day).limit(limit);
    books.snapshots(&query.depth(5)).await.expect("read");
    recording.add("books.snapshots", "oldest first, five levels");
    let newest = query.descending().after(cursor);
    books.snapshots(&newest).await.expect("read");
    recording.add("books.snapshots", "newest first, after a snapshot");
    let query = BookUpdateQuery::new(QUOTED, second_day).limit(limit);
    books.updates(&query).await.expect("read");
    recording.add("books.updates", "oldest first");
    let query = BookIntervalQuery::new(QUOTED, second_day).limit(limit);
    books.intervals(&query).await.expect("read");
    recording.add("books.intervals", "oldest first");
    let newest = query.descending().after(day(2));
    books.intervals(&newest).await.expect("read");
    recording.add("books.intervals", "newest first, after an interval");
    books.snapshot_as_of(QUOTED, noon, 20).await.expect("read");
    recording.add("books.snapshot_as_of", "a time with a snapshot");
    let later = noon + TimeDelta::milliseconds(600);
    books.book_at(QUOTED, later).await.expect("read");
    recording.add("books.book_at", "a time after an update");
    books.deletable(DELETED, second_day).await.expect("read");
    recording.add("books.deletable", "a day");

    let new = snapshots(WRITTEN, 2, 200);
    for (batch, call) in [
        (&new[..1], "a new snapshot"),
        (&new[1..21], "20 new snapshots"),
        (&new[21..], "179 new snapshots"),
        (&new[..60], "60 stored snapshots"),
    ] {
        books.insert_snapshots(batch).await.expect("stored");
        recording.add("books.insert_snapshots", call);
    }
    let new = updates(WRITTEN, 2, 20);
    books.insert_updates(&new).await.expect("stored");
    recording.add("books.insert_updates", "20 new updates");
    let open = BookInterval::open(WRITTEN, day(2));
    let stopped = BookInterval::open(WRITTEN, day(3)).closed(day(4), EndReason::Stopped);
    for (interval, call) in [
        (open, "an open interval"),
        (interval(WRITTEN, 2), "the end of an interval"),
        (stopped, "a stopped interval"),
        (
            BookInterval::open(WRITTEN, day(3)),
            "an interval that goes on",
        ),
    ] {
        books.put_intervals(&[interval]).await.expect("stored");
        recording.add("books.put_intervals", call);
    }
    let deleted = books.delete_range(DELETED, second_day).await;
    deleted.expect("deleted");
    recording.add("books.delete_range", "a day");
}
