//! Conformance: the results of storing a batch of trades.
//!
//! Covers `TradeRepository::insert_batch`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::samples::{
    BATCH_SIZES, EURUSD, Random, WIDE_SEQUENCES, dec, insert_new, micros, seconds, series, stored,
};
use super::trades_samples::{
    insert_new_trades, insert_trades, nth_trade, random_trade, stored_trades, trade, trades,
};
use crate::Repositories;
use crate::domain::{
    AggressorSide, MAX_TRADE_ID_CHARS, SymbolId, Trade, TradeKey, earliest_time, latest_time,
};
use crate::repository::{InsertConflict, InsertReceipt};

pub async fn empty_batch_of_trades_does_nothing(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let receipt = insert_trades(repository, &[]).await;
    assert_eq!(receipt, InsertReceipt::default());
    assert_eq!(stored_trades(repository, EURUSD).await, []);
}

pub async fn every_field_of_a_trade_reads_back(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    for size in [1].into_iter().chain(BATCH_SIZES) {
        let symbol_id = SymbolId::new(size as i64);
        let given = trades(symbol_id, size);
        insert_new_trades(repository, &given).await;
        assert_eq!(stored_trades(repository, symbol_id).await, given);
    }
}

pub async fn trades_sent_again_are_duplicates(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = trades(symbol_id, size);
        insert_new_trades(repository, &given).await;
        for _ in 0..2 {
            let expected = InsertReceipt::default().duplicates(size as u64);
            assert_eq!(insert_trades(repository, &given).await, expected);
        }
        assert_eq!(stored_trades(repository, symbol_id).await, given);
    }
}

pub async fn new_trades_among_duplicates_are_stored(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = trades(symbol_id, 2 * size);
        let every_other: Vec<Trade> = given.iter().step_by(2).cloned().collect();
        insert_new_trades(repository, &every_other).await;
        let mut shuffled = given.clone();
        Random::seeded().shuffle(&mut shuffled);
        let receipt = insert_trades(repository, &shuffled).await;
        let counts = (receipt.inserted, receipt.duplicates);
        assert_eq!(counts, (size as u64, size as u64));
        assert_eq!(stored_trades(repository, symbol_id).await, given);
    }
}

pub async fn every_part_of_a_trade_counts_as_content(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(0), 5, "1.5", "2")
        .with_trade_id("a".to_owned())
        .with_aggressor_side(AggressorSide::Buy);
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let step = dec("0.000000000001");
    for other in [
        first.clone().with_price(first.price + step),
        first.clone().with_quantity(first.quantity + step),
        first.clone().with_aggressor_side(AggressorSide::Sell),
        first.clone().with_aggressor_side(None),
        first.clone().with_block(true),
        first.clone().with_trade_id("b".to_owned()),
        first.clone().with_trade_id(None),
    ] {
        let receipt = insert_trades(repository, std::slice::from_ref(&other)).await;
        let expected = InsertConflict::new(first.clone(), other);
        assert_eq!(receipt.conflicts, [expected]);
    }
    assert_eq!(stored_trades(repository, EURUSD).await, [first]);
}

pub async fn conflicting_trades_block_no_other(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let first = trades(symbol_id, size);
        insert_new_trades(repository, &first).await;
        let mut second = trades(symbol_id, size + 1);
        second[3] = second[3].clone().with_quantity(dec("9999"));
        let receipt = insert_trades(repository, &second).await;
        let counts = (receipt.inserted, receipt.duplicates);
        assert_eq!(counts, (1, size as u64 - 1));
        let expected = InsertConflict::new(first[3].clone(), second[3].clone());
        assert_eq!(receipt.conflicts, [expected]);
        second[3] = first[3].clone();
        assert_eq!(stored_trades(repository, symbol_id).await, second);
    }
}

pub async fn impossible_trades_block_no_other(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let too_large = dec("1000000000000000");
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let good = trades(symbol_id, size);
        let any = || nth_trade(symbol_id, 1).with_sequence(77);
        let impossible = [
            (any().with_quantity(dec("0")), "quantity"),
            (any().with_quantity(dec("-1")), "quantity"),
            (any().with_price(too_large), "price"),
            (any().with_price(dec("0.0000000000001")), "price"),
            (any().with_trade_time(latest_time()), "trade_time"),
            (any().with_sequence(-1), "sequence"),
            (any().with_trade_id(String::new()), "trade_id"),
        ];
        let mut batch = good.clone();
        for (index, (trade, _)) in impossible.iter().enumerate() {
            batch.insert(2 * index, trade.clone());
        }
        let receipt = insert_trades(repository, &batch).await;
        assert_eq!(receipt.inserted, size as u64);
        assert_eq!(receipt.rejected.len(), impossible.len());
        for (rejected, (trade, field)) in receipt.rejected.iter().zip(impossible) {
            assert_eq!(rejected.row, trade, "in the order given");
            assert!(rejected.reason.contains(field), "{}", rejected.reason);
        }
        assert_eq!(stored_trades(repository, symbol_id).await, good);
    }
}

pub async fn receive_time_of_a_trade_is_not_content(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let seen = |at| trade(seconds(0), 0, "1", "2").with_received_at(at);
    insert_new_trades(repository, &[seen(Some(seconds(5)))]).await;
    let again = [seen(Some(seconds(6))), seen(None)];
    assert_eq!(insert_trades(repository, &again).await.duplicates, 2);
    let stored = stored_trades(repository, EURUSD).await;
    assert_eq!(stored, [seen(Some(seconds(5)))]);
}

pub async fn times_of_trades_are_truncated(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let whole = trade(micros(7), 0, "1", "2");
    let finer = whole
        .clone()
        .with_trade_time(micros(7) + TimeDelta::nanoseconds(999));
    insert_new_trades(repository, std::slice::from_ref(&finer)).await;
    assert_eq!(
        stored_trades(repository, EURUSD).await,
        std::slice::from_ref(&whole)
    );
    let receipt = insert_trades(repository, &[whole, finer]).await;
    assert_eq!(receipt.duplicates, 2);
}

pub async fn largest_values_of_a_trade_read_back(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let largest = dec("999999999999999.999999999999");
    let mut given: Vec<_> = WIDE_SEQUENCES
        .map(|sequence| trade(seconds(0), sequence, "0", "0.000000000001"))
        .into();
    let id = "é".repeat(MAX_TRADE_ID_CHARS);
    given.push(
        trade(seconds(1), 0, "1", "2")
            .with_price(-largest)
            .with_quantity(largest)
            .with_trade_id(id),
    );
    let last = latest_time() - TimeDelta::microseconds(1);
    given.push(trade(last, 0, "-0.5", "1"));
    given.insert(0, trade(earliest_time(), 0, "1", "1"));
    insert_new_trades(repository, &given).await;
    assert_eq!(stored_trades(repository, EURUSD).await, given);
}

pub async fn random_trades_equal_a_model(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let mut random = Random::seeded();
    let mut model: BTreeMap<TradeKey, Trade> = BTreeMap::new();
    for _ in 0..30 {
        let size = 1 + random.below(90);
        let batch: Vec<_> = (0..size).map(|_| random_trade(&mut random)).collect();
        let receipt = insert_trades(repository, &batch).await;
        let mut expected = InsertReceipt::default();
        for trade in &batch {
            match model.get(&trade.key()) {
                None => {
                    model.insert(trade.key(), trade.clone());
                    expected.inserted += 1;
                }
                Some(known) if known == trade => expected.duplicates += 1,
                Some(known) => {
                    let conflict = InsertConflict::new(known.clone(), trade.clone());
                    expected.conflicts.push(conflict);
                }
            }
        }
        expected.conflicts.sort_by_key(|it| it.refused.key());
        assert_eq!(receipt, expected);
    }
    let model: Vec<_> = model.into_values().collect();
    assert_eq!(stored_trades(repository, EURUSD).await, model);
}

/// Four writers send the same trades at once, in batches of different sizes.
async fn each_trade_is_stored_once(repositories: &Repositories, batch_size: usize) {
    let all = Arc::new(trades(EURUSD, 900));
    let gate = Arc::new(tokio::sync::Barrier::new(4));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let repository = Arc::clone(&repositories.trades);
            let (all, gate) = (Arc::clone(&all), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let mut sum = InsertReceipt::default();
                for batch in all.chunks(batch_size + writer) {
                    let part = repository.insert_batch(batch).await;
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
    let stored = stored_trades(repositories.trades.as_ref(), EURUSD).await;
    assert_eq!(stored, *all);
}

pub async fn writers_of_short_batches_of_trades_agree(repositories: &Repositories) {
    each_trade_is_stored_once(repositories, 20).await;
}

pub async fn writers_of_long_batches_of_trades_agree(repositories: &Repositories) {
    each_trade_is_stored_once(repositories, 300).await;
}

pub async fn ticks_and_trades_are_stored_apart(repositories: &Repositories) {
    let (ticks, given) = (series(EURUSD, 90), trades(EURUSD, 60));
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    insert_new_trades(repositories.trades.as_ref(), &given).await;
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, ticks);
    let stored = stored_trades(repositories.trades.as_ref(), EURUSD).await;
    assert_eq!(stored, given);
}
