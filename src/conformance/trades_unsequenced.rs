//! Conformance: trades that the venue does not number.
//!
//! Covers `TradeRepository::insert_batch`: occurrences.

use std::collections::BTreeMap;

use super::samples::{BATCH_SIZES, EURUSD, Random, seconds};
use super::trades_samples::{insert_new_trades, insert_trades, random_trade, stored_trades, trade};
use crate::Repositories;
use crate::domain::Trade;

/// The trades as one source counts them.
fn counted(trades: &[Trade]) -> Vec<Trade> {
    let mut seen: Vec<Trade> = Vec::new();
    let mut counted = Vec::new();
    for trade in trades {
        let is_equal = |it: &&Trade| it.trade_time == trade.trade_time && it.has_content_of(trade);
        let occurrence = seen.iter().filter(is_equal).count() as u32;
        counted.push(trade.clone().with_sequence(0).with_occurrence(occurrence));
        seen.push(trade.clone());
    }
    counted
}

/// The number of trades of each instant and content.
fn contents(trades: &[Trade]) -> BTreeMap<String, usize> {
    let mut contents = BTreeMap::new();
    for trade in trades {
        let content = trade.clone().with_sequence(0).with_occurrence(None);
        *contents.entry(format!("{content:?}")).or_default() += 1;
    }
    contents
}

pub async fn unsequenced_trades_are_numbered_by_arrival(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let one = |price| trade(seconds(0), 0, price, "1");
    let source = counted(&[one("5"), one("4"), one("5"), one("6")]);
    insert_new_trades(repository, &source).await;
    let stored = stored_trades(repository, EURUSD).await;
    let expected: Vec<_> = (0..)
        .zip(["5", "4", "5", "6"])
        .map(|(sequence, price)| one(price).with_sequence(sequence))
        .collect();
    assert_eq!(stored, expected);
}

pub async fn unsequenced_trades_sent_again_are_duplicates(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let mut random = Random::seeded();
    for size in BATCH_SIZES {
        let source: Vec<_> = (0..size).map(|_| random_trade(&mut random)).collect();
        let source = counted(&source);
        let before = stored_trades(repository, EURUSD).await.len();
        let first = insert_trades(repository, &source).await;
        let again = insert_trades(repository, &source).await;
        assert_eq!(again.duplicates, size as u64);
        let after = stored_trades(repository, EURUSD).await.len();
        assert_eq!((after - before) as u64, first.inserted);
    }
}

pub async fn unsequenced_trades_with_ids_never_conflict(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let with_id = |id: &str, price| {
        trade(seconds(0), 0, price, "1")
            .with_trade_id(id.to_owned())
            .with_occurrence(0)
    };
    let given = [with_id("a", "1"), with_id("b", "1"), with_id("a", "2")];
    insert_new_trades(repository, &given).await;
    assert_eq!(insert_trades(repository, &given).await.duplicates, 3);
    let ids = stored_trades(repository, EURUSD).await.into_iter();
    let ids: Vec<_> = ids
        .map(|trade| trade.trade_id.unwrap_or_default())
        .collect();
    assert_eq!(ids, ["a", "b", "a"]);
}

pub async fn overlapping_sources_store_each_trade_once(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let mut random = Random::seeded();
    let mut whole: Vec<_> = (0..600).map(|_| random_trade(&mut random)).collect();
    whole.sort_by_key(|trade| trade.trade_time);
    // each source has whole instants, in any order
    for _ in 0..8 {
        let from = random.below(20) as i64;
        let to = from + 20 + random.below(20) as i64;
        let is_inside = |trade: &&Trade| (seconds(from)..seconds(to)).contains(&trade.trade_time);
        let source: Vec<_> = whole.iter().filter(is_inside).cloned().collect();
        let size = BATCH_SIZES[random.below(2) as usize];
        for batch in counted(&source).chunks(size) {
            insert_trades(repository, batch).await;
        }
    }
    let receipt = insert_trades(repository, &counted(&whole)).await;
    assert_eq!(receipt.conflicts, []);
    let stored = stored_trades(repository, EURUSD).await;
    assert_eq!(contents(&stored), contents(&whole));
}
