//! Conformance: ticks older than the retention floor.
//!
//! Covers `TickRepository::insert_batch` of a store with a floor of 30 days.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::{BATCH_SIZES, insert, nth_tick, quote, stored};
use crate::Repositories;
use crate::domain::{SymbolId, Tick};

/// Ticks of one symbol, one per second, starting `days` ago.
fn days_ago(symbol_id: SymbolId, days: i64, count: usize) -> Vec<Tick> {
    let start = now() - TimeDelta::days(days);
    (0..count)
        .map(|number| {
            let time = start + TimeDelta::seconds(number as i64);
            let tick = quote(time, 0, "1.1", "1.2").with_symbol_id(symbol_id);
            tick.normalized().expect("a tick")
        })
        .collect()
}

pub async fn ticks_below_the_floor_are_rejected_with_the_reason(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let mut batch = days_ago(symbol_id, 31, size);
        batch.reverse();
        let receipt = insert(ticks, &batch).await;
        let rejected: Vec<_> = receipt.rejected.iter().map(|one| one.row.clone()).collect();
        assert_eq!(rejected, batch, "in the order given");
        for one in receipt.rejected {
            assert!(one.reason.contains("older than 30d"), "{}", one.reason);
        }
        assert_eq!(stored(ticks, symbol_id).await, []);
    }
}

pub async fn ticks_below_the_floor_block_no_other(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let kept = [days_ago(symbol_id, 29, size), days_ago(symbol_id, 0, size)].concat();
        let old = days_ago(symbol_id, 31, 3);
        let batch = [&kept[..1], &old, &kept[1..], &kept[..2]].concat();
        let receipt = insert(ticks, &batch).await;
        assert_eq!(receipt.inserted, kept.len() as u64);
        assert_eq!(receipt.duplicates, 2);
        let rejected: Vec<_> = receipt.rejected.into_iter().map(|one| one.row).collect();
        assert_eq!(rejected, old);
        assert_eq!(stored(ticks, symbol_id).await, kept);
    }
}

pub async fn invalid_tick_is_reported_as_invalid_not_as_old(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let symbol_id = SymbolId::new(1);
    let old = days_ago(symbol_id, 31, 1).remove(0);
    let invalid = nth_tick(symbol_id, 0).with_sequence(-1);
    let receipt = insert(ticks, &[invalid.clone(), old.clone()]).await;
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
