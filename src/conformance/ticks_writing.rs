//! Conformance: the results of storing a batch of ticks.
//!
//! Covers `TickRepository::insert_batch`.

use std::collections::BTreeMap;

use super::samples::{
    BATCH_SIZES, EURUSD, GBPUSD, Random, WIDE_SEQUENCES, dec, insert, insert_new, micros, nth_tick,
    quote, seconds, series, stored, with_other_price,
};
use crate::Repositories;
use crate::domain::{SymbolId, Tick, TickKey, earliest_time, latest_time};
use crate::repository::{InsertReceipt, TickConflict};
use chrono::TimeDelta;

pub async fn empty_batch_does_nothing(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    assert_eq!(insert(ticks, &[]).await, InsertReceipt::default());
    assert_eq!(stored(ticks, EURUSD).await, []);
}

pub async fn every_field_reads_back(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = series(symbol_id, size);
        insert_new(ticks, &given).await;
        assert_eq!(stored(ticks, symbol_id).await, given);
    }
}

pub async fn batch_sent_again_is_all_duplicates(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = series(symbol_id, size);
        insert_new(ticks, &given).await;
        for _ in 0..2 {
            let expected = InsertReceipt {
                duplicates: size as u64,
                ..InsertReceipt::default()
            };
            assert_eq!(insert(ticks, &given).await, expected);
        }
        assert_eq!(stored(ticks, symbol_id).await, given);
    }
}

pub async fn new_ticks_among_duplicates_are_stored(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let given = series(symbol_id, 2 * size);
        let every_other: Vec<Tick> = given.iter().step_by(2).cloned().collect();
        insert_new(ticks, &every_other).await;
        let receipt = insert(ticks, &given).await;
        assert_eq!(
            (receipt.inserted, receipt.duplicates),
            (size as u64, size as u64)
        );
        assert_eq!(stored(ticks, symbol_id).await, given);
    }
}

pub async fn equal_ticks_within_a_batch_are_stored_once(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let once = series(symbol_id, size);
        let receipt = insert(ticks, &[once.clone(), once.clone()].concat()).await;
        assert_eq!(
            (receipt.inserted, receipt.duplicates),
            (size as u64, size as u64)
        );
        assert_eq!(stored(ticks, symbol_id).await, once);
    }
}

pub async fn order_within_a_batch_does_not_matter(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut random = Random::seeded();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let sorted = series(symbol_id, size);
        let mut shuffled = sorted.clone();
        random.shuffle(&mut shuffled);
        insert_new(ticks, &shuffled).await;
        assert_eq!(stored(ticks, symbol_id).await, sorted);
    }
}

pub async fn batch_may_hold_many_symbols(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol = |index: usize| SymbolId::new((1_000 * size + index) as i64);
        // no symbol with these ids was created
        let given: Vec<Tick> = (0..size).map(|n| nth_tick(symbol(n), 0)).collect();
        insert_new(ticks, &given).await;
        for (index, tick) in given.into_iter().enumerate() {
            assert_eq!(stored(ticks, symbol(index)).await, [tick]);
        }
    }
}

pub async fn numbers_equal_in_value_are_equal_content(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &[quote(seconds(0), 0, "1.0", "2")]).await;
    let receipt = insert(ticks, &[quote(seconds(0), 0, "1.00", "2.000")]).await;
    assert_eq!(receipt.duplicates, 1);
    let twice = [
        quote(seconds(1), 0, "-0.50", "0"),
        quote(seconds(1), 0, "-0.5", "0.00"),
    ];
    let receipt = insert(ticks, &twice).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 1));
}

pub async fn trailing_zeros_are_removed(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let given =
        quote(seconds(0), 0, "1.500000000000", "1200").with_volumes(dec("100.000"), dec("0.00"));
    insert_new(ticks, &[given]).await;
    let read = &stored(ticks, EURUSD).await[0];
    let texts = [
        read.bid_price,
        read.ask_price,
        read.bid_volume,
        read.ask_volume,
    ]
    .map(|number| number.expect("both sides are known").to_string());
    assert_eq!(texts, ["1.5", "1200", "100", "0"]);
}

pub async fn times_are_truncated_to_microseconds(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let whole = quote(micros(7), 0, "1", "2");
    let nanos = TimeDelta::nanoseconds(999);
    let finer = whole
        .clone()
        .with_tick_time(micros(7) + nanos)
        .with_received_at(Some(micros(9) + nanos));
    insert_new(ticks, std::slice::from_ref(&finer)).await;
    let expected = whole.clone().with_received_at(Some(micros(9)));
    assert_eq!(stored(ticks, EURUSD).await, [expected]);
    assert_eq!(insert(ticks, &[whole, finer]).await.duplicates, 2);
}

pub async fn receive_time_is_not_content(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let seen = |received_at| quote(seconds(0), 0, "1", "2").with_received_at(received_at);
    let unseen_first = |received_at| seen(received_at).with_symbol_id(GBPUSD);
    let batch = [seen(Some(seconds(5))), unseen_first(None)];
    insert_new(ticks, &batch).await;
    let again = [
        seen(Some(seconds(6))),
        seen(None),
        unseen_first(Some(seconds(6))),
    ];
    assert_eq!(insert(ticks, &again).await.duplicates, 3);
    assert_eq!(stored(ticks, EURUSD).await, batch[..1]);
    assert_eq!(stored(ticks, GBPUSD).await, batch[1..]);
}

pub async fn negative_prices_and_crossed_quotes_are_stored(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let given = [
        quote(seconds(0), 0, "-37.63", "-37.62"),
        quote(seconds(1), 0, "1.3", "1.2"),
        quote(seconds(2), 0, "0", "0"),
        quote(seconds(3), 0, "-0.000000000001", "0.000000000001"),
    ];
    insert_new(ticks, &given).await;
    assert_eq!(stored(ticks, EURUSD).await, given);
}

pub async fn largest_and_smallest_values_read_back(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let largest = "999999999999999.999999999999";
    let smallest = "-999999999999999.999999999999";
    for symbol_id in [SymbolId::new(1), SymbolId::new(i64::MAX)] {
        let given = [
            quote(earliest_time(), i64::MAX, smallest, largest)
                .with_symbol_id(symbol_id)
                .with_volumes(dec(largest), dec("0.000000000001")),
            quote(seconds(0), 0, "100000000000000", "0.1")
                .with_symbol_id(symbol_id)
                .with_received_at(Some(earliest_time())),
            quote(
                latest_time() - TimeDelta::microseconds(1),
                i64::MAX,
                largest,
                smallest,
            )
            .with_symbol_id(symbol_id)
            .with_received_at(Some(latest_time() - TimeDelta::microseconds(1))),
        ];
        insert_new(ticks, &given).await;
        assert_eq!(stored(ticks, symbol_id).await, given);
    }
}

pub async fn sequences_of_64_bits_read_back(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let instants = size.div_ceil(WIDE_SEQUENCES.len()) as i64;
        let all = (0..instants).flat_map(|second| {
            WIDE_SEQUENCES.map(|sequence| {
                quote(seconds(second), sequence, "1", "2").with_symbol_id(symbol_id)
            })
        });
        let given: Vec<Tick> = all.take(size).collect();
        insert_new(ticks, &given).await;
        assert_eq!(stored(ticks, symbol_id).await, given);
        let again = insert(ticks, &given).await;
        assert_eq!((again.inserted, again.duplicates), (0, size as u64));
        let others: Vec<Tick> = given.iter().map(with_other_price).collect();
        let conflicts = insert(ticks, &others).await.conflicts;
        let refused: Vec<Tick> = conflicts.into_iter().map(|it| it.refused).collect();
        assert_eq!(refused, others);
    }
}

/// With few keys and few prices all results except rejections are frequent.
pub async fn random_batches_equal_a_model(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut random = Random::seeded();
    let mut model: BTreeMap<TickKey, Tick> = BTreeMap::new();
    for size in [5_000, 40, 700, 12] {
        let batch: Vec<Tick> = (0..size)
            .map(|_| {
                let time = micros(random.below(3_000) as i64);
                let sequence = random.below(3) as i64;
                let tick = quote(time, sequence, "1.38", "1.39");
                if random.below(10) == 0 {
                    with_other_price(&tick)
                } else {
                    tick
                }
            })
            .collect();
        let expected = insert_into(&mut model, &batch);
        let receipt = insert(ticks, &batch).await;
        let counts = |receipt: &InsertReceipt| {
            let (conflicts, rejected) = (receipt.conflicts.len(), receipt.rejected.len());
            (receipt.inserted, receipt.duplicates, conflicts, rejected)
        };
        assert_eq!(counts(&receipt), counts(&expected));
        for (reported, expected) in receipt.conflicts.iter().zip(&expected.conflicts) {
            assert_eq!(reported, expected);
        }
        let read = stored(ticks, EURUSD).await;
        assert_eq!(read.len(), model.len());
        for (read, expected) in read.iter().zip(model.values()) {
            assert_eq!(read, expected);
        }
    }
}

fn insert_into(model: &mut BTreeMap<TickKey, Tick>, batch: &[Tick]) -> InsertReceipt {
    let mut receipt = InsertReceipt::default();
    for tick in batch {
        match model.get(&tick.key()) {
            None => {
                model.insert(tick.key(), tick.clone());
                receipt.inserted += 1;
            }
            Some(stored) if stored.has_content_of(tick) => receipt.duplicates += 1,
            Some(stored) => receipt.conflicts.push(TickConflict {
                stored: stored.clone(),
                refused: tick.clone(),
            }),
        }
    }
    receipt
        .conflicts
        .sort_by_key(|conflict| conflict.refused.key());
    receipt
}

pub async fn cancelled_batch_is_stored_whole_or_not_at_all(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for (index, patience) in [0, 1, 2, 5, 10, 20].into_iter().enumerate() {
        let symbol_id = SymbolId::new(1 + index as i64);
        let batch = series(symbol_id, 1_000);
        let patience = std::time::Duration::from_millis(patience);
        let _cancelled_or_done = tokio::time::timeout(patience, ticks.insert_batch(&batch)).await;
        let receipt = insert(ticks, &batch).await;
        assert!(
            receipt.inserted == 0 || receipt.inserted == 1_000,
            "half a batch was there: {} of 1000 were missing",
            receipt.inserted
        );
        assert_eq!(stored(ticks, symbol_id).await, batch);
    }
}
