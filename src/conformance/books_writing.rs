//! Conformance: the results of storing snapshots and updates of books.
//!
//! Covers `OrderBookRepository::insert_snapshots` and `insert_updates`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::books_samples::{
    insert_new_snapshots, insert_new_updates, insert_snapshots, insert_updates, level,
    nth_snapshot, nth_update, put_intervals, snapshot, snapshots, stored_intervals,
    stored_snapshots, stored_updates, update, updates,
};
use super::samples::{BATCH_SIZES, EURUSD, Random, WIDE_SEQUENCES, dec, micros, seconds};
use super::trades_samples::{insert_new_trades, stored_trades, trades};
use crate::Repositories;
use crate::domain::book::{
    BookKey, BookSnapshot, MAX_LEVEL_CHANGES, MAX_STORED_LEVELS, PriceLevel,
};
use crate::domain::{SymbolId, earliest_time, latest_time};
use crate::repository::{InsertConflict, InsertReceipt};

pub async fn empty_batches_of_books_do_nothing(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let receipt = insert_snapshots(books, &[]).await;
    assert_eq!(receipt, InsertReceipt::default());
    let receipt = insert_updates(books, &[]).await;
    assert_eq!(receipt, InsertReceipt::default());
    let receipt = put_intervals(books, &[]).await;
    assert_eq!(receipt, InsertReceipt::default());
    assert_eq!(stored_snapshots(books, EURUSD).await, []);
    assert_eq!(stored_updates(books, EURUSD).await, []);
    assert_eq!(stored_intervals(books, EURUSD).await, []);
}

pub async fn every_field_of_a_snapshot_reads_back(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in [1].into_iter().chain(BATCH_SIZES) {
        let symbol_id = SymbolId::new(size as i64);
        let given = snapshots(symbol_id, size);
        insert_new_snapshots(books, &given).await;
        assert_eq!(stored_snapshots(books, symbol_id).await, given);
    }
}

pub async fn every_field_of_an_update_reads_back(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in [1].into_iter().chain(BATCH_SIZES) {
        let symbol_id = SymbolId::new(size as i64);
        let given = updates(symbol_id, size);
        insert_new_updates(books, &given).await;
        assert_eq!(stored_updates(books, symbol_id).await, given);
    }
}

pub async fn book_rows_sent_again_are_duplicates(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let (of_snapshots, of_updates) = (snapshots(symbol_id, size), updates(symbol_id, size));
        insert_new_snapshots(books, &of_snapshots).await;
        insert_new_updates(books, &of_updates).await;
        for _ in 0..2 {
            let receipt = insert_snapshots(books, &of_snapshots).await;
            let expected = InsertReceipt::default().duplicates(size as u64);
            assert_eq!(receipt, expected);
            let receipt = insert_updates(books, &of_updates).await;
            let expected = InsertReceipt::default().duplicates(size as u64);
            assert_eq!(receipt, expected);
        }
        assert_eq!(stored_snapshots(books, symbol_id).await, of_snapshots);
        assert_eq!(stored_updates(books, symbol_id).await, of_updates);
    }
}

pub async fn new_snapshots_among_duplicates_are_stored(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = snapshots(symbol_id, 2 * size);
        let every_other: Vec<_> = given.iter().step_by(2).cloned().collect();
        insert_new_snapshots(books, &every_other).await;
        let mut shuffled = given.clone();
        Random::seeded().shuffle(&mut shuffled);
        let receipt = insert_snapshots(books, &shuffled).await;
        let counts = (receipt.inserted, receipt.duplicates);
        assert_eq!(counts, (size as u64, size as u64));
        assert_eq!(stored_snapshots(books, symbol_id).await, given);
    }
}

pub async fn every_part_of_a_snapshot_counts_as_content(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let first = snapshot(seconds(9), 5).with_checksum(-7_i64);
    insert_new_snapshots(books, std::slice::from_ref(&first)).await;
    let step = dec("0.000000000001");
    let mut of_another_source = first.clone();
    of_another_source.source = "other".to_owned();
    for other in [
        first.clone().with_bids(Vec::new()),
        first
            .clone()
            .with_bids(vec![PriceLevel::new(dec("1.5"), dec("3") + step)]),
        first
            .clone()
            .with_asks(vec![PriceLevel::new(dec("1.6") + step, dec("4.25"))]),
        first.clone().with_depth(3),
        first.clone().with_checksum(None),
        first.clone().with_checksum(7_i64),
        first.clone().with_valid_since(seconds(8)),
        of_another_source,
    ] {
        let receipt = insert_snapshots(books, std::slice::from_ref(&other)).await;
        let expected = InsertConflict::new(first.clone(), other);
        assert_eq!(receipt.conflicts, [expected]);
    }
    assert_eq!(stored_snapshots(books, EURUSD).await, [first]);
}

pub async fn conflicting_updates_block_no_other(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let first = updates(symbol_id, size);
        insert_new_updates(books, &first).await;
        let mut second = updates(symbol_id, size + 1);
        second[3].bids = vec![level("9", "0")];
        let receipt = insert_updates(books, &second).await;
        let counts = (receipt.inserted, receipt.duplicates);
        assert_eq!(counts, (1, size as u64 - 1));
        let expected = InsertConflict::new(first[3].clone(), second[3].clone());
        assert_eq!(receipt.conflicts, [expected]);
        second[3] = first[3].clone();
        assert_eq!(stored_updates(books, symbol_id).await, second);
    }
}

pub async fn impossible_snapshots_block_no_other(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let good = snapshots(symbol_id, size);
        let any = || snapshot(seconds(0), 77).with_symbol_id(symbol_id);
        let bids = |levels: &[PriceLevel]| any().with_bids(levels.to_vec());
        let many = (0..=MAX_STORED_LEVELS as i64).map(|it| PriceLevel::new(it.into(), dec("1")));
        let impossible = [
            (bids(&[level("1.6", "1")]), "crossed"),
            (bids(&[level("1.1", "1"), level("1.2", "1")]), "better than"),
            (
                bids(&[level("1.1", "1"), level("1.10", "1")]),
                "two bid levels",
            ),
            (bids(&[level("1.1", "0")]), "quantity 0"),
            (bids(&[level("1.0000000000001", "1")]), "bid price"),
            (bids(&[level("1", "1000000000000000")]), "bid quantity"),
            (any().with_asks(many.collect()), "1001 ask levels"),
            (any().with_sequence(-1), "sequence"),
            (any().with_snapshot_time(latest_time()), "snapshot_time"),
        ];
        let mut batch = good.clone();
        for (index, (snapshot, _)) in impossible.iter().enumerate() {
            batch.insert(2 * index, snapshot.clone());
        }
        let receipt = insert_snapshots(books, &batch).await;
        assert_eq!(receipt.inserted, size as u64);
        assert_eq!(receipt.rejected.len(), impossible.len());
        for (rejected, (snapshot, reason)) in receipt.rejected.iter().zip(impossible) {
            assert_eq!(rejected.row, snapshot, "in the order given");
            assert!(rejected.reason.contains(reason), "{}", rejected.reason);
        }
        assert_eq!(stored_snapshots(books, symbol_id).await, good);
    }
}

pub async fn impossible_updates_block_no_other(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let good = updates(EURUSD, 60);
    let many = (0..=MAX_LEVEL_CHANGES as i64).map(|it| PriceLevel::new(it.into(), dec("1")));
    let impossible = [
        (update(seconds(1), 77, &[("1", "-1")]), "quantity -1"),
        (
            update(seconds(1), 77, &[("1", "1"), ("1.0", "2")]),
            "two bid levels",
        ),
        (
            update(seconds(1), 77, &[]).with_bids(many.collect()),
            "2001 bid levels",
        ),
        (update(seconds(1), -1, &[]), "sequence"),
    ];
    let mut batch = good.clone();
    batch.extend(impossible.iter().map(|(update, _)| update.clone()));
    let receipt = insert_updates(books, &batch).await;
    assert_eq!(receipt.inserted, 60);
    assert_eq!(receipt.rejected.len(), impossible.len());
    for (rejected, (update, reason)) in receipt.rejected.iter().zip(impossible) {
        assert_eq!(rejected.row, update);
        assert!(rejected.reason.contains(reason), "{}", rejected.reason);
    }
    assert_eq!(stored_updates(books, EURUSD).await, good);
}

pub async fn times_and_digits_of_books_are_normalized(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let whole = snapshot(micros(7), 0);
    let finer = whole
        .clone()
        .with_snapshot_time(micros(7) + TimeDelta::nanoseconds(999))
        .with_bids(vec![level("1.500", "3.0")]);
    insert_new_snapshots(books, std::slice::from_ref(&finer)).await;
    let stored = stored_snapshots(books, EURUSD).await;
    assert_eq!(stored, std::slice::from_ref(&whole));
    assert_eq!(stored[0].bids[0].price.to_string(), "1.5");
    let receipt = insert_snapshots(books, &[whole, finer]).await;
    assert_eq!(receipt.duplicates, 2);
    let unsorted = update(micros(7), 0, &[("1", "0"), ("2", "5")]);
    insert_new_updates(books, std::slice::from_ref(&unsorted)).await;
    let sorted = update(micros(7), 0, &[("2.0", "5"), ("1", "0")]);
    assert_eq!(insert_updates(books, &[sorted]).await.duplicates, 1);
}

pub async fn largest_values_of_a_book_read_back(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let largest = dec("999999999999999.999999999999");
    let mut given: Vec<_> = WIDE_SEQUENCES
        .map(|sequence| snapshot(seconds(0), sequence))
        .into();
    let wide = snapshot(seconds(1), 0)
        .with_bids(vec![PriceLevel::new(-largest, dec("0.000000000001"))])
        .with_asks(vec![level("0", "1"), PriceLevel::new(largest, largest)])
        .with_checksum(i64::MIN);
    given.push(wide);
    let step = |index: usize| Decimal::new(index as i64, 12);
    let ladder = (0..MAX_STORED_LEVELS).map(|it| PriceLevel::new(-step(it), largest));
    let rising = (1..=MAX_STORED_LEVELS).map(|it| PriceLevel::new(step(it), largest));
    let deep = snapshot(seconds(2), 0).with_bids(ladder.collect());
    given.push(deep.with_asks(rising.collect()));
    given.push(snapshot(latest_time() - TimeDelta::microseconds(1), 0));
    let first = snapshot(earliest_time(), 0).with_valid_since(earliest_time());
    given.insert(0, first);
    insert_new_snapshots(books, &given).await;
    assert_eq!(stored_snapshots(books, EURUSD).await, given);
    let changes = (0..MAX_LEVEL_CHANGES).map(|it| PriceLevel::new(-step(it), dec("0")));
    let long = update(seconds(0), i64::MAX, &[]).with_bids(changes.collect());
    insert_new_updates(books, std::slice::from_ref(&long)).await;
    assert_eq!(stored_updates(books, EURUSD).await, [long]);
}

pub async fn random_snapshots_equal_a_model(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let mut random = Random::seeded();
    let mut model: BTreeMap<BookKey, BookSnapshot> = BTreeMap::new();
    for _ in 0..20 {
        let size = 1 + random.below(90);
        let batch: Vec<_> = (0..size)
            .map(|_| {
                let at = seconds(random.below(40) as i64);
                let quantity = ["3", "4"][random.below(2) as usize];
                let snapshot = snapshot(at, random.below(4) as i64);
                snapshot.with_bids(vec![level("1.5", quantity)])
            })
            .collect();
        let receipt = insert_snapshots(books, &batch).await;
        let mut expected = InsertReceipt::default();
        for snapshot in &batch {
            match model.get(&snapshot.key()) {
                None => {
                    model.insert(snapshot.key(), snapshot.clone());
                    expected.inserted += 1;
                }
                Some(known) if known == snapshot => expected.duplicates += 1,
                Some(known) => {
                    let conflict = InsertConflict::new(known.clone(), snapshot.clone());
                    expected.conflicts.push(conflict);
                }
            }
        }
        expected.conflicts.sort_by_key(|it| it.refused.key());
        assert_eq!(receipt, expected);
    }
    let model: Vec<_> = model.into_values().collect();
    assert_eq!(stored_snapshots(books, EURUSD).await, model);
}

pub async fn writers_of_the_same_snapshots_agree(repositories: &Repositories) {
    let all = Arc::new(snapshots(EURUSD, 600));
    let gate = Arc::new(tokio::sync::Barrier::new(4));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let books = Arc::clone(&repositories.books);
            let (all, gate) = (Arc::clone(&all), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let mut sum = InsertReceipt::default();
                for batch in all.chunks(40 + 30 * writer) {
                    let part = books.insert_snapshots(batch).await;
                    sum.merge(part.expect("concurrent writers are not an error"));
                }
                sum
            })
        })
        .collect();
    let mut sum = InsertReceipt::default();
    for writer in writers {
        sum.merge(writer.await.expect("a writer does not panic"));
    }
    let expected = InsertReceipt::default()
        .inserted(all.len() as u64)
        .duplicates(3 * all.len() as u64);
    assert_eq!(sum, expected);
    assert_eq!(
        stored_snapshots(repositories.books.as_ref(), EURUSD).await,
        *all
    );
}

pub async fn books_and_trades_are_stored_apart(repositories: &Repositories) {
    let books = repositories.books.as_ref();
    let (one, other) = (nth_snapshot(EURUSD, 4), nth_update(EURUSD, 4));
    let given = trades(EURUSD, 9);
    insert_new_trades(repositories.trades.as_ref(), &given).await;
    insert_new_snapshots(books, std::slice::from_ref(&one)).await;
    insert_new_updates(books, std::slice::from_ref(&other)).await;
    assert_eq!(stored_snapshots(books, EURUSD).await, [one]);
    assert_eq!(stored_updates(books, EURUSD).await, [other]);
    let trades = repositories.trades.as_ref();
    assert_eq!(stored_trades(trades, EURUSD).await, given);
}
