//! Conformance: trades older than the retention floor.
//!
//! Covers `TradeRepository::insert_batch` of a store with a floor of 30 days.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::BATCH_SIZES;
use super::trades_samples::{insert_trades, stored_trades, trade};
use crate::Repositories;
use crate::domain::{SymbolId, Trade};

/// Trades of one symbol, one per second, starting `days` ago.
fn days_ago(symbol_id: SymbolId, days: i64, count: usize) -> Vec<Trade> {
    let start = now() - TimeDelta::days(days);
    (0..count)
        .map(|number| {
            let time = start + TimeDelta::seconds(number as i64);
            let trade = trade(time, 0, "450.1", "2").with_symbol_id(symbol_id);
            trade.normalized().expect("a trade")
        })
        .collect()
}

pub async fn trades_below_the_floor_are_rejected(repositories: &Repositories) {
    let trades = repositories.trades.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let mut batch = days_ago(symbol_id, 31, size);
        batch.reverse();
        let receipt = insert_trades(trades, &batch).await;
        let rejected: Vec<_> = receipt.rejected.iter().map(|one| one.row.clone()).collect();
        assert_eq!(rejected, batch, "in the order given");
        for one in receipt.rejected {
            assert!(one.reason.contains("older than 30d"), "{}", one.reason);
        }
        assert_eq!(stored_trades(trades, symbol_id).await, []);
    }
}

pub async fn trades_below_the_floor_block_no_other(repositories: &Repositories) {
    let trades = repositories.trades.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let kept = [days_ago(symbol_id, 29, size), days_ago(symbol_id, 0, size)].concat();
        let old = days_ago(symbol_id, 31, 3);
        let batch = [&kept[..1], &old, &kept[1..], &kept[..2]].concat();
        let receipt = insert_trades(trades, &batch).await;
        assert_eq!(receipt.inserted, kept.len() as u64);
        assert_eq!(receipt.duplicates, 2);
        let rejected: Vec<_> = receipt.rejected.into_iter().map(|one| one.row).collect();
        assert_eq!(rejected, old);
        assert_eq!(stored_trades(trades, symbol_id).await, kept);
    }
}

pub async fn invalid_trade_is_reported_as_invalid_not_as_old(repositories: &Repositories) {
    let trades = repositories.trades.as_ref();
    let symbol_id = SymbolId::new(1);
    let old = days_ago(symbol_id, 31, 1).remove(0);
    let invalid = days_ago(symbol_id, 0, 1).remove(0).with_sequence(-1);
    let receipt = insert_trades(trades, &[invalid.clone(), old.clone()]).await;
    let [first, second] = receipt.rejected.as_slice() else {
        panic!("two: {:?}", receipt.rejected);
    };
    assert_eq!((&first.row, &second.row), (&invalid, &old));
    assert!(first.reason.contains("sequence"), "{}", first.reason);
    assert!(
        second.reason.contains("older than 30d"),
        "{}",
        second.reason
    );
}
