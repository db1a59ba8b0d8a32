//! Sample books of the conformance suite.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::samples::{EURUSD, Random, dec, seconds};
use crate::domain::book::{
    BookInterval, BookSide, BookSnapshot, BookUpdate, OrderBook, PriceLevel,
};
use crate::domain::book::{BookNumber, LevelChange};
use crate::domain::{PageLimit, SymbolId, TimeRange};
use crate::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, InsertReceipt, OrderBookRepository,
};

pub(super) fn level(price: &str, quantity: &str) -> PriceLevel {
    PriceLevel::new(dec(price), dec(quantity))
}

/// A snapshot of EURUSD with one level on each side.
pub(super) fn snapshot(time: DateTime<Utc>, sequence: i64) -> BookSnapshot {
    BookSnapshot::new(EURUSD, time, "suite")
        .with_sequence(sequence)
        .with_bids(vec![level("1.5", "3")])
        .with_asks(vec![level("1.6", "4.25")])
}

/// An update of EURUSD.
pub(super) fn update(time: DateTime<Utc>, sequence: i64, bids: &[(&str, &str)]) -> BookUpdate {
    let bids = bids.iter().map(|(price, quantity)| level(price, quantity));
    BookUpdate::new(EURUSD, time)
        .with_sequence(sequence)
        .with_bids(bids.collect())
}

fn levels(count: i64, step: i64, index: i64) -> Vec<PriceLevel> {
    let first = 138_600 + index % 50 + step.signum();
    let level = |number: i64| {
        let price = Decimal::new(first + step * number, 5);
        PriceLevel::new(price, Decimal::new(number + index + 1, 2))
    };
    (0..count).map(level).collect()
}

/// The snapshot at `index` of a series with three snapshots per second and 0 to 25 levels.
pub(super) fn nth_snapshot(symbol_id: SymbolId, index: usize) -> BookSnapshot {
    let index = i64::try_from(index).expect("series are short");
    let time = seconds(index / 3);
    BookSnapshot::new(symbol_id, time, format!("suite {}", index % 4))
        .with_sequence(index % 3)
        .with_bids(levels(index % 26, -2, index))
        .with_asks(levels(index * 7 % 26, 3, index))
        .with_checksum((index % 2 == 0).then_some(index - 10))
        .with_valid_since(time - TimeDelta::milliseconds(index % 5))
        .with_depth(25)
}

/// The update at `index` of a series with three updates per second.
pub(super) fn nth_update(symbol_id: SymbolId, index: usize) -> BookUpdate {
    let index = i64::try_from(index).expect("series are short");
    let mut update = BookUpdate::new(symbol_id, seconds(index / 3))
        .with_sequence(index % 3)
        .with_bids(levels(index % 4, -2, index))
        .with_asks(levels(index % 3, 3, index));
    if let Some(removed) = update.bids.first_mut() {
        removed.quantity = Decimal::ZERO;
    }
    update
}

/// The first `count` snapshots of that series, sorted.
pub(super) fn snapshots(symbol_id: SymbolId, count: usize) -> Vec<BookSnapshot> {
    (0..count)
        .map(|index| nth_snapshot(symbol_id, index))
        .collect()
}

/// The first `count` updates of that series, sorted.
pub(super) fn updates(symbol_id: SymbolId, count: usize) -> Vec<BookUpdate> {
    (0..count)
        .map(|index| nth_update(symbol_id, index))
        .collect()
}

pub(super) async fn insert_snapshots(
    books: &dyn OrderBookRepository,
    given: &[BookSnapshot],
) -> InsertReceipt<BookSnapshot> {
    let receipt = books.insert_snapshots(given).await;
    let receipt = receipt.expect("a batch is accepted");
    assert_eq!(receipt.total(), given.len() as u64, "every row counts once");
    receipt
}

pub(super) async fn insert_updates(
    books: &dyn OrderBookRepository,
    given: &[BookUpdate],
) -> InsertReceipt<BookUpdate> {
    let receipt = books.insert_updates(given).await;
    let receipt = receipt.expect("a batch is accepted");
    assert_eq!(receipt.total(), given.len() as u64, "every row counts once");
    receipt
}

pub(super) async fn put_intervals(
    books: &dyn OrderBookRepository,
    given: &[BookInterval],
) -> InsertReceipt<BookInterval> {
    let receipt = books.put_intervals(given).await;
    let receipt = receipt.expect("a batch is accepted");
    assert_eq!(receipt.total(), given.len() as u64, "every row counts once");
    receipt
}

/// Inserts snapshots, none of which may be stored yet.
pub(super) async fn insert_new_snapshots(books: &dyn OrderBookRepository, given: &[BookSnapshot]) {
    let receipt = insert_snapshots(books, given).await;
    assert_eq!(receipt.inserted, given.len() as u64, "{receipt:?}");
}

/// Inserts updates, none of which may be stored yet.
pub(super) async fn insert_new_updates(books: &dyn OrderBookRepository, given: &[BookUpdate]) {
    let receipt = insert_updates(books, given).await;
    assert_eq!(receipt.inserted, given.len() as u64, "{receipt:?}");
}

/// Reads all snapshots of `query` and the pages after it.
pub(super) async fn read_snapshots(
    books: &dyn OrderBookRepository,
    mut query: BookSnapshotQuery,
) -> Vec<BookSnapshot> {
    let mut all = Vec::new();
    loop {
        let page = books.snapshots(&query).await.expect("a page is read");
        assert!(page.items.len() <= query.page_limit().get(), "its limit");
        all.extend(page.items);
        assert!(page.next.is_none() || page.next != query.after, "advances");
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

/// Reads all updates of `query` and the pages after it.
pub(super) async fn read_updates(
    books: &dyn OrderBookRepository,
    mut query: BookUpdateQuery,
) -> Vec<BookUpdate> {
    let mut all = Vec::new();
    loop {
        let page = books.updates(&query).await.expect("a page is read");
        assert!(page.items.len() <= query.limit.get(), "its limit");
        all.extend(page.items);
        assert!(page.next.is_none() || page.next != query.after, "advances");
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

/// Reads all intervals of `query` and the pages after it.
pub(super) async fn read_intervals(
    books: &dyn OrderBookRepository,
    mut query: BookIntervalQuery,
) -> Vec<BookInterval> {
    let mut all = Vec::new();
    loop {
        let page = books.intervals(&query).await.expect("a page is read");
        assert!(page.items.len() <= query.limit.get(), "its limit");
        all.extend(page.items);
        assert!(page.next.is_none() || page.next != query.after, "advances");
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

/// All stored snapshots of a symbol, sorted.
pub(super) async fn stored_snapshots(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
) -> Vec<BookSnapshot> {
    let query = BookSnapshotQuery::new(symbol_id, TimeRange::all()).limit(PageLimit::MAX);
    read_snapshots(books, query).await
}

/// All stored updates of a symbol, sorted.
pub(super) async fn stored_updates(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
) -> Vec<BookUpdate> {
    let query = BookUpdateQuery::new(symbol_id, TimeRange::all()).limit(PageLimit::MAX);
    read_updates(books, query).await
}

/// All stored intervals of a symbol, sorted.
pub(super) async fn stored_intervals(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
) -> Vec<BookInterval> {
    read_intervals(books, BookIntervalQuery::new(symbol_id, TimeRange::all())).await
}

pub(super) async fn book_at(
    books: &dyn OrderBookRepository,
    at: DateTime<Utc>,
) -> Option<BookSnapshot> {
    books.book_at(EURUSD, at).await.expect("the book is read")
}

/// The book of EURUSD at a time must not be known.
pub(super) async fn assert_unknown(books: &dyn OrderBookRepository, at: DateTime<Utc>) {
    assert_eq!(book_at(books, at).await, None, "{at}");
}

/// Random changes of a side of a live book, which never cross it.
fn random_changes(random: &mut Random, side: BookSide) -> Vec<LevelChange> {
    let count = random.below(4);
    let change = |_| {
        let distance = random.below(12) as i64;
        let price = match side {
            BookSide::Bid => 1_000 - distance,
            BookSide::Ask => 1_001 + distance,
        };
        let quantity = random.below(3) as i64 * (1 + random.below(90) as i64);
        let number = |units, decimals| BookNumber::new(units, decimals).expect("in range");
        LevelChange::new(number(price, 3), number(quantity, 1))
    };
    let mut changes: Vec<_> = (0..count).map(change).collect();
    changes.sort_by_key(|change| change.price.units());
    changes.dedup_by_key(|change| change.price.units());
    changes
}

fn decimals(changes: &[LevelChange]) -> Vec<PriceLevel> {
    let level = |it: &LevelChange| PriceLevel::new(it.price.into(), it.quantity.into());
    changes.iter().map(level).collect()
}

/// A live book that changes at random, with the updates and the books of each instant.
pub(super) struct LiveBook {
    pub(super) updates: Vec<BookUpdate>,
    /// The book after each update.
    pub(super) books: Vec<BookSnapshot>,
}

impl LiveBook {
    /// Applies `count` updates to an empty book that is valid since the first second. Some updates share an
    /// instant.
    pub(super) fn random(random: &mut Random, count: usize) -> Self {
        let mut live = OrderBook::new();
        live.load(&[], &[]).expect("an empty book");
        let (mut updates, mut books) = (Vec::new(), Vec::new());
        let (mut time, mut sequence) = (seconds(0), 0);
        for _ in 0..count {
            match random.below(4) {
                0 => sequence += 1,
                _ => {
                    time += TimeDelta::microseconds(1 + random.below(400_000) as i64);
                    sequence = random.below(3) as i64;
                }
            }
            let bids = random_changes(random, BookSide::Bid);
            let asks = random_changes(random, BookSide::Ask);
            live.update(&bids, &asks).expect("never crossed");
            let update = BookUpdate::new(EURUSD, time)
                .with_sequence(sequence)
                .with_bids(decimals(&bids))
                .with_asks(decimals(&asks));
            updates.push(update.normalized().expect("valid"));
            let book = BookSnapshot::new(EURUSD, time, "suite")
                .with_sequence(sequence)
                .with_view(live.view().expect("valid"), 1_000)
                .with_valid_since(seconds(0));
            books.push(book.normalized().expect("valid"));
        }
        Self { updates, books }
    }

    /// The empty book before the first update.
    pub(super) fn first() -> BookSnapshot {
        BookSnapshot::new(EURUSD, seconds(0), "suite")
    }

    /// The index of the last update by `time`.
    pub(super) fn last_by(&self, time: DateTime<Utc>) -> Option<usize> {
        self.books.iter().rposition(|it| it.snapshot_time <= time)
    }
}
