//! Conformance: values of candles computed from ticks.
//!
//! Covers `OhlcRepository::candles` and `OhlcRepository::latest` without stored candles.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, WIDE_SEQUENCES, candles, dec, insert, insert_new, micros, quote, range,
    seconds, series, with_other_price,
};
use crate::Repositories;
use crate::domain::{
    Candle, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, earliest_time, fold_ticks,
    latest_time,
};
use crate::repository::CandleQuery;

fn fold(ticks: &[Tick], timeframe: Timeframe, basis: PriceBasis) -> Vec<Candle> {
    fold_ticks(ticks, timeframe, basis, now()).expect("the numbers fit")
}

/// Compares every timeframe and basis of EURUSD with the fold of `ticks`.
async fn assert_all_equal_the_fold(repositories: &Repositories, ticks: &[Tick]) {
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let expected = fold(ticks, timeframe, basis);
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read.len(), expected.len(), "{timeframe} {basis}");
            for (read, expected) in read.iter().zip(&expected) {
                assert_eq!(read, expected);
            }
            let newest = ohlc.latest(EURUSD, timeframe, basis).await;
            assert_eq!(newest.expect("it is read").as_ref(), expected.last());
        }
    }
}

pub async fn candles_equal_the_fold_of_random_ticks(repositories: &Repositories) {
    let mut random = Random::seeded();
    let all = random.ticks(600, 3);
    let mut arriving = all.clone();
    random.shuffle(&mut arriving);
    for batch in arriving.chunks(101) {
        insert_new(repositories.ticks.as_ref(), batch).await;
    }
    assert_all_equal_the_fold(repositories, &all).await;
}

/// Every one-minute bucket has many ticks and many equal times.
pub async fn candles_equal_the_fold_of_dense_ticks(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all: Vec<Tick> = (0..1_500)
        .map(|index| random.tick(seconds(index / 5), index % 5))
        .collect();
    random.shuffle(&mut all);
    for batch in all.chunks(400) {
        insert_new(repositories.ticks.as_ref(), batch).await;
    }
    assert_all_equal_the_fold(repositories, &all).await;
}

pub async fn late_tick_changes_its_candle(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut all = series(EURUSD, 600);
    insert_new(ticks, &all).await;
    assert_all_equal_the_fold(repositories, &all).await;
    let late = [
        quote(micros(1), 0, "0.5", "0.6"),
        quote(seconds(60) - TimeDelta::microseconds(1), 0, "2.5", "2.6"),
        quote(seconds(3_600), 0, "1.1", "1.2"),
        quote(seconds(-3_600), 0, "1.3", "1.4"),
    ];
    insert_new(ticks, &late).await;
    all.extend(late);
    assert_all_equal_the_fold(repositories, &all).await;
}

pub async fn ticks_that_are_not_stored_are_in_no_candle(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 120);
    insert_new(ticks, &all).await;
    insert(ticks, &all).await;
    let conflicting: Vec<Tick> = all.iter().map(with_other_price).collect();
    insert(ticks, &conflicting).await;
    insert(ticks, &[quote(seconds(5), -1, "9", "9")]).await;
    assert_all_equal_the_fold(repositories, &all).await;
}

pub async fn ties_of_time_are_decided_by_the_sequence(repositories: &Repositories) {
    let arriving = [
        quote(seconds(5), 2, "3", "3"),
        quote(seconds(5), 0, "1", "1"),
        quote(seconds(5), 3, "0.5", "0.5"),
        quote(seconds(5), 1, "9", "9"),
    ];
    for tick in &arriving {
        insert_new(repositories.ticks.as_ref(), std::slice::from_ref(tick)).await;
    }
    for &timeframe in Timeframe::ALL {
        let ohlc = repositories.ohlc.as_ref();
        let read = candles(ohlc, timeframe, PriceBasis::Ask, TimeRange::all()).await;
        assert_eq!(read.len(), 1);
        let prices = [read[0].open, read[0].high, read[0].low, read[0].close];
        assert_eq!(prices, [dec("1"), dec("9"), dec("0.5"), dec("0.5")]);
    }
}

pub async fn ties_of_64_bit_sequences_equal_the_fold(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all = Vec::new();
    // each sequence is the first of an instant once, and the last of an instant once
    for (second, sequence) in (0..).zip(WIDE_SEQUENCES) {
        for other in WIDE_SEQUENCES {
            if other <= sequence {
                all.push(random.tick(seconds(second * 60), other));
            }
            if other >= sequence {
                all.push(random.tick(seconds(second * 60 + 86_400), other));
            }
        }
    }
    let mut arriving = all.clone();
    random.shuffle(&mut arriving);
    for batch in arriving.chunks(70) {
        insert_new(repositories.ticks.as_ref(), batch).await;
    }
    assert_all_equal_the_fold(repositories, &all).await;
}

pub async fn bucket_holds_its_start_and_not_its_end(repositories: &Repositories) {
    let mut all = Vec::new();
    for &timeframe in Timeframe::ALL {
        let end = seconds(0) + timeframe.duration();
        all.push(quote(end - TimeDelta::microseconds(1), 0, "1", "2"));
        all.push(quote(end, 0, "3", "4"));
    }
    insert_new(repositories.ticks.as_ref(), &all).await;
    assert_all_equal_the_fold(repositories, &all).await;
    for &timeframe in Timeframe::ALL {
        let ohlc = repositories.ohlc.as_ref();
        let end = seconds(0) + timeframe.duration();
        let next = candles(ohlc, timeframe, PriceBasis::Bid, range(end, latest_time())).await;
        assert_eq!((next[0].open_time, next[0].open), (end, dec("3")));
    }
}

pub async fn mid_price_has_its_thirteenth_decimal(repositories: &Repositories) {
    let given = [
        quote(seconds(0), 0, "0.000000000001", "0.000000000002"),
        quote(
            seconds(1),
            0,
            "999999999999999.999999999999",
            "999999999999999.999999999998",
        ),
        quote(
            seconds(2),
            0,
            "-999999999999999.999999999999",
            "-999999999999999.999999999998",
        ),
        quote(seconds(3), 0, "-0.000000000001", "0"),
    ];
    insert_new(repositories.ticks.as_ref(), &given).await;
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        let read = candles(ohlc, timeframe, PriceBasis::Mid, TimeRange::all()).await;
        let prices = [read[0].open, read[0].high, read[0].low, read[0].close];
        let expected = [
            "0.0000000000015",
            "999999999999999.9999999999985",
            "-999999999999999.9999999999985",
            "-0.0000000000005",
        ];
        assert_eq!(prices.map(|price| price.to_string()), expected);
    }
}

pub async fn volumes_add_up_exactly(repositories: &Repositories) {
    let all: Vec<Tick> = (0..60)
        .map(|index| {
            quote(seconds(index), 0, "1", "2")
                .with_volumes(dec("123456789012345.123456789012"), dec("0.000000000001"))
        })
        .collect();
    insert_new(repositories.ticks.as_ref(), &all).await;
    let ohlc = repositories.ohlc.as_ref();
    let read = candles(ohlc, Timeframe::H1, PriceBasis::Bid, TimeRange::all()).await;
    assert_eq!(read[0].volume, dec("7407407340740707.40740734078"));
    assert_eq!(read[0].tick_count, 60);
    assert_all_equal_the_fold(repositories, &all).await;
}

pub async fn bucket_without_ticks_has_no_candle(repositories: &Repositories) {
    let given = [
        quote(seconds(0), 0, "1", "2"),
        quote(seconds(600), 0, "1", "2"),
        quote(seconds(200_000), 0, "1", "2"),
    ];
    insert_new(repositories.ticks.as_ref(), &given).await;
    let ohlc = repositories.ohlc.as_ref();
    let read = candles(ohlc, Timeframe::M1, PriceBasis::Bid, TimeRange::all()).await;
    let open_times: Vec<_> = read.iter().map(|candle| candle.open_time).collect();
    let expected = [0, 600, 199_980].map(seconds);
    assert_eq!(open_times, expected);
    let gap = range(seconds(60), seconds(600));
    assert_eq!(candles(ohlc, Timeframe::M1, PriceBasis::Bid, gap).await, []);
}

pub async fn symbol_without_ticks_has_no_candles(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    insert_new(repositories.ticks.as_ref(), &series(GBPUSD, 10)).await;
    for &timeframe in Timeframe::ALL {
        for symbol_id in [EURUSD, SymbolId::new(99)] {
            let basis = PriceBasis::Bid;
            let query = CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all());
            let page = ohlc
                .candles(&query)
                .await
                .expect("no candle is not an error");
            assert_eq!((page.items, page.next), (vec![], None));
            let newest = ohlc.latest(symbol_id, timeframe, basis).await;
            assert_eq!(newest.expect("no candle is not an error"), None);
        }
    }
}

pub async fn symbols_have_candles_of_their_own(repositories: &Repositories) {
    let euro = series(EURUSD, 90);
    let pound: Vec<Tick> = series(GBPUSD, 300).iter().map(with_other_price).collect();
    let mixed = [pound, euro.clone()].concat();
    insert_new(repositories.ticks.as_ref(), &mixed).await;
    assert_all_equal_the_fold(repositories, &euro).await;
}

pub async fn candles_reach_from_1970_to_2100(repositories: &Repositories) {
    let last_instant = latest_time() - TimeDelta::microseconds(1);
    let given = [
        quote(earliest_time(), 0, "1", "2"),
        quote(last_instant, 0, "3", "4"),
    ];
    insert_new(repositories.ticks.as_ref(), &given).await;
    assert_all_equal_the_fold(repositories, &given).await;
}

pub async fn candle_is_closed_when_its_end_has_passed(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let present = now();
    let given: Vec<Tick> = [-3 * 86_400, -7_200, -90, 0, 30, 90, 7_200, 3 * 86_400]
        .into_iter()
        .map(|offset| quote(present + TimeDelta::seconds(offset), 0, "1", "2"))
        .collect();
    insert_new(repositories.ticks.as_ref(), &given).await;
    for &timeframe in Timeframe::ALL {
        let before = now();
        let read = candles(ohlc, timeframe, PriceBasis::Bid, TimeRange::all()).await;
        let newest = ohlc.latest(EURUSD, timeframe, PriceBasis::Bid).await;
        let after = now();
        let newest = newest.expect("it is read");
        assert_eq!(newest.as_ref(), read.last());
        assert!(newest.is_some_and(|candle| !candle.closed));
        assert!(read[0].closed, "{timeframe}");
        for candle in read {
            if candle.closed {
                assert!(candle.close_time() <= after, "{timeframe}");
            } else {
                assert!(before < candle.close_time(), "{timeframe}");
            }
        }
    }
}
