//! Conformance: ticks that are not stored, and their report.
//!
//! Covers `TickRepository::insert_batch`: conflicts and rejections.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::samples::{
    BATCH_SIZES, EURUSD, dec, insert, insert_new, nth_tick, quote, seconds, series, stored,
    with_other_price,
};
use crate::Repositories;
use crate::domain::{SymbolId, Tick, earliest_time, latest_time};
use crate::repository::TickConflict;

pub async fn conflict_is_reported_and_keeps_the_stored_tick(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let first = series(symbol_id, size);
        insert_new(ticks, &first).await;
        let mut second = series(symbol_id, size + 1);
        second[3] = with_other_price(&second[3]);
        let receipt = insert(ticks, &second).await;
        assert_eq!(receipt.inserted, 1, "a conflict does not keep others out");
        assert_eq!(receipt.duplicates, size as u64 - 1);
        let expected = TickConflict {
            stored: first[3].clone(),
            refused: second[3].clone(),
        };
        assert_eq!(receipt.conflicts, [expected]);
        second[3] = first[3].clone();
        assert_eq!(stored(ticks, symbol_id).await, second);
    }
}

pub async fn every_number_of_a_tick_counts_as_content(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let first = nth_tick(EURUSD, 0);
    insert_new(ticks, std::slice::from_ref(&first)).await;
    let step = dec("0.000000000001");
    let mut changed = [(); 4].map(|()| first.clone());
    let more = |number: &mut Option<Decimal>| *number = number.map(|number| number + step);
    more(&mut changed[0].bid_price);
    more(&mut changed[1].ask_price);
    more(&mut changed[2].bid_volume);
    more(&mut changed[3].ask_volume);
    for other in changed {
        let receipt = insert(ticks, std::slice::from_ref(&other)).await;
        let expected = TickConflict {
            stored: first.clone(),
            refused: other,
        };
        assert_eq!(receipt.conflicts, [expected]);
    }
    assert_eq!(stored(ticks, EURUSD).await, [first]);
}

pub async fn conflict_within_a_batch_keeps_the_first(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let first = series(symbol_id, size);
        let other = with_other_price(&first[4]);
        let mut batch = first.clone();
        batch.push(other.clone());
        batch.push(first[4].clone());
        let receipt = insert(ticks, &batch).await;
        assert_eq!((receipt.inserted, receipt.duplicates), (size as u64, 1));
        let expected = TickConflict {
            stored: first[4].clone(),
            refused: other,
        };
        assert_eq!(receipt.conflicts, [expected]);
        assert_eq!(stored(ticks, symbol_id).await, first);
    }
}

/// Later ticks of the batch are compared with the stored content, not with refused content.
pub async fn stored_content_decides_not_refused_content(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let first = series(symbol_id, size);
        insert_new(ticks, &first).await;
        let other = with_other_price(&first[0]);
        let mut batch = vec![other.clone(), other.clone()];
        batch.extend(first.clone());
        let receipt = insert(ticks, &batch).await;
        assert_eq!((receipt.inserted, receipt.duplicates), (0, size as u64));
        let expected = TickConflict {
            stored: first[0].clone(),
            refused: other,
        };
        assert_eq!(receipt.conflicts, [expected.clone(), expected]);
    }
}

pub async fn conflicts_are_listed_in_key_order(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbols = [SymbolId::new(size as i64), SymbolId::new(1 + size as i64)];
        let first = symbols.map(|symbol_id| series(symbol_id, size)).concat();
        insert_new(ticks, &first).await;
        let mut others: Vec<Tick> = first.iter().map(with_other_price).collect();
        others.reverse();
        let receipt = insert(ticks, &others).await;
        others.reverse();
        let refused: Vec<Tick> = receipt
            .conflicts
            .iter()
            .map(|conflict| conflict.refused.clone())
            .collect();
        assert_eq!(refused, others);
    }
}

/// One tick for each reason for which a tick can never be stored, with the field that the error names.
fn impossible_ticks(symbol_id: SymbolId) -> Vec<(Tick, &'static str)> {
    let good = nth_tick(symbol_id, 1_000);
    let microsecond = TimeDelta::microseconds(1);
    let change = |change: &dyn Fn(&mut Tick)| {
        let mut tick = good.clone();
        change(&mut tick);
        tick
    };
    vec![
        (
            change(&|tick| tick.bid_price = Some(dec("1.3860000000001"))),
            "bid_price",
        ),
        (
            change(&|tick| tick.ask_price = Some(dec("1000000000000000"))),
            "ask_price",
        ),
        (
            change(&|tick| tick.bid_price = Some(dec("-1000000000000000"))),
            "bid_price",
        ),
        (
            change(&|tick| tick.bid_volume = Some(Decimal::MAX)),
            "bid_volume",
        ),
        (
            change(&|tick| *tick = tick.clone().with_bid(None).with_ask(None)),
            "bid_price",
        ),
        (change(&|tick| tick.bid_price = None), "bid_volume"),
        (change(&|tick| tick.ask_price = None), "ask_volume"),
        (
            change(&|tick| tick.ask_volume = Some(dec("-0.000000000001"))),
            "ask_volume",
        ),
        (
            change(&|tick| tick.ask_volume = Some(dec("0.0000000000001"))),
            "ask_volume",
        ),
        (
            change(&|tick| tick.symbol_id = SymbolId::new(0)),
            "symbol_id",
        ),
        (change(&|tick| tick.sequence = -1), "sequence"),
        (change(&|tick| tick.sequence = i64::MIN), "sequence"),
        (
            change(&|tick| tick.tick_time = earliest_time() - microsecond),
            "tick_time",
        ),
        (change(&|tick| tick.tick_time = latest_time()), "tick_time"),
        (
            change(&|tick| tick.received_at = Some(latest_time())),
            "received_at",
        ),
    ]
}

pub async fn impossible_tick_does_not_block_the_others(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut symbol = 0;
    for size in BATCH_SIZES {
        for place in [0, size / 2, size] {
            for (impossible, field) in impossible_ticks(EURUSD) {
                symbol += 1;
                let symbol_id = SymbolId::new(symbol);
                let mut impossible = impossible;
                if impossible.symbol_id == EURUSD {
                    impossible.symbol_id = symbol_id;
                }
                let good = series(symbol_id, size);
                let mut batch = good.clone();
                batch.insert(place, impossible.clone());
                let receipt = insert(ticks, &batch).await;
                assert_eq!(receipt.inserted, size as u64, "{field}");
                assert_eq!(receipt.rejected.len(), 1, "{field}");
                assert_eq!(receipt.rejected[0].row, impossible);
                assert_eq!(stored(ticks, symbol_id).await, good);
            }
        }
    }
}

pub async fn rejections_are_in_the_order_given_and_say_why(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let mut impossible = impossible_ticks(symbol_id);
        impossible.reverse();
        let mut batch = series(symbol_id, size);
        batch.extend(impossible.iter().map(|(tick, _)| tick.clone()));
        let receipt = insert(ticks, &batch).await;
        assert_eq!(receipt.rejected.len(), impossible.len());
        for (rejected, (tick, field)) in receipt.rejected.iter().zip(impossible) {
            assert_eq!(rejected.row, tick);
            let reason = &rejected.reason;
            assert!(reason.contains(field), "{reason:?} names {field}");
        }
        assert_eq!(stored(ticks, symbol_id).await.len(), size);
    }
}

pub async fn batch_of_impossible_ticks_stores_nothing(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let batch: Vec<Tick> = (0..size)
            .map(|index| nth_tick(EURUSD, index).with_sequence(-1))
            .collect();
        let receipt = insert(ticks, &batch).await;
        assert_eq!(receipt.rejected.len(), size);
        assert_eq!(stored(ticks, EURUSD).await, []);
    }
}

pub async fn receipt_accounts_for_every_tick(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let old = series(symbol_id, size);
        insert_new(ticks, &old).await;
        let fresh: Vec<Tick> = (size..2 * size).map(|n| nth_tick(symbol_id, n)).collect();
        let conflicting: Vec<Tick> = old[..4].iter().map(with_other_price).collect();
        let impossible = quote(seconds(0), -7, "1", "2").with_symbol_id(symbol_id);
        let batch = [&old[..5], &conflicting, &fresh, &[impossible]].concat();
        let receipt = insert(ticks, &batch).await;
        assert_eq!(receipt.inserted, size as u64);
        assert_eq!(receipt.duplicates, 5);
        assert_eq!(receipt.conflicts.len(), 4);
        assert_eq!(receipt.rejected.len(), 1);
    }
}

pub async fn old_ticks_are_accepted_without_a_floor(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let oldest = quote(earliest_time(), 0, "1", "2");
    insert_new(ticks, std::slice::from_ref(&oldest)).await;
    assert_eq!(stored(ticks, oldest.symbol_id).await, [oldest]);
}
