//! Conformance: stored candles, alone and among candles of ticks.
//!
//! Covers `OhlcRepository::upsert_candles`, and the other methods if candles are stored.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, candles, dec, insert_new, limit, range, read_candle_pages, seconds,
    series,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe, earliest_time,
    fold_ticks, latest_time,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, OhlcRepository};

/// A one-minute bid candle that differs from all candles of the series of ticks.
fn imported(open_time: DateTime<Utc>) -> Candle {
    Candle {
        symbol_id: EURUSD,
        timeframe: Timeframe::M1,
        basis: PriceBasis::Bid,
        open_time,
        open: dec("1.1"),
        high: dec("1.4000000000005"),
        low: dec("-1.25"),
        close: dec("1.3"),
        volume: dec("1234.5"),
        tick_count: 17,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    }
}

async fn upsert(repository: &dyn OhlcRepository, candles: &[Candle]) -> u64 {
    let count = repository.upsert_candles(candles).await;
    count.expect("candles are accepted")
}

/// One-minute bid candles of EURUSD.
async fn read(repository: &dyn OhlcRepository) -> Vec<Candle> {
    candles(repository, Timeframe::M1, PriceBasis::Bid, TimeRange::all()).await
}

pub async fn stored_candles_read_back(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    // largest first, because smaller ones are parts of larger ones
    for timeframe in Timeframe::ALL.iter().copied().rev() {
        for &basis in PriceBasis::ALL {
            let given = [0, 1, 5].map(|index| Candle {
                timeframe,
                basis,
                close: dec("1.2") + dec("0.0000000000001") * dec(&index.to_string()),
                ..imported(seconds(0) + timeframe.duration() * index)
            });
            assert_eq!(upsert(ohlc, &given).await, 3);
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read, given);
            let newest = ohlc.latest(EURUSD, timeframe, basis).await;
            assert_eq!(newest.expect("it is read").as_ref(), given.last());
        }
    }
}

pub async fn largest_and_smallest_candles_read_back(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let given = [earliest_time(), latest_time() - TimeDelta::minutes(1)].map(|open_time| Candle {
        open: dec("0"),
        high: dec("999999999999999.9999999999999"),
        low: dec("-999999999999999.9999999999999"),
        close: dec("0.0000000000001"),
        volume: dec("999999999999999.9999999999999"),
        tick_count: i64::MAX,
        source: CandleSource::Stored("é".repeat(50)),
        closed: open_time < now(),
        ..imported(open_time)
    });
    assert_eq!(upsert(ohlc, &given).await, 2);
    assert_eq!(read(ohlc).await, given);
}

pub async fn upsert_of_no_candles_does_nothing(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    assert_eq!(upsert(ohlc, &[]).await, 0);
    assert_eq!(read(ohlc).await, []);
}

pub async fn repeated_upsert_overwrites_a_candle(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let first: Vec<Candle> = (0..100).map(|n| imported(seconds(n * 60))).collect();
    assert_eq!(upsert(ohlc, &first).await, 100);
    let mut second = first[20..].to_vec();
    for candle in &mut second {
        candle.open = dec("1.35");
        candle.high = dec("7");
        candle.low = dec("1");
        candle.close = dec("1.36");
        candle.volume = dec("0");
        candle.tick_count = 0;
        candle.source = CandleSource::Stored("correction".to_owned());
    }
    assert_eq!(upsert(ohlc, &second).await, 80);
    assert_eq!(upsert(ohlc, &second).await, 80);
    assert_eq!(read(ohlc).await, [&first[..20], &second].concat());
}

pub async fn last_of_repeated_candles_counts(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let first = imported(seconds(0));
    let last = Candle {
        close: dec("0.9"),
        ..first.clone()
    };
    let other = imported(seconds(60));
    let given = [
        first.clone(),
        last.clone(),
        other.clone(),
        first,
        last.clone(),
    ];
    assert_eq!(upsert(ohlc, &given).await, 2);
    assert_eq!(read(ohlc).await, [last, other]);
}

pub async fn invalid_candle_is_named_and_nothing_is_stored(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let bad_time = seconds(120);
    let good = imported(bad_time);
    let change = |change: &dyn Fn(&mut Candle)| {
        let mut candle = good.clone();
        change(&mut candle);
        candle
    };
    for bad in [
        change(&|candle| candle.symbol_id = SymbolId::new(0)),
        change(&|candle| candle.open_time += TimeDelta::seconds(1)),
        change(&|candle| candle.high = dec("1.2")),
        change(&|candle| candle.low = dec("1.2")),
        change(&|candle| candle.low = dec("-1.00000000000001")),
        change(&|candle| candle.high = dec("1000000000000000")),
        change(&|candle| candle.volume = dec("-1")),
        change(&|candle| candle.tick_count = -1),
        change(&|candle| candle.source = CandleSource::Ticks),
        change(&|candle| candle.source = CandleSource::Stored(String::new())),
        change(&|candle| candle.source = CandleSource::Stored("x".repeat(51))),
    ] {
        let second_bad = Candle {
            open_time: bad.open_time + TimeDelta::minutes(1),
            ..bad.clone()
        };
        let first_bad_time = bad.open_time.to_string();
        let batch = [imported(seconds(0)), bad, second_bad];
        match ohlc.upsert_candles(&batch).await {
            Err(RepositoryError::InvalidInput { reason }) => {
                assert!(reason.contains(&first_bad_time), "{reason}");
            }
            other => panic!("{other:?} for {:?}", batch[1]),
        }
        assert_eq!(read(ohlc).await, []);
    }
}

pub async fn stored_candle_replaces_the_candle_of_ticks(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let ticks = series(EURUSD, 900);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let of_ticks =
        |timeframe, basis| fold_ticks(&ticks, timeframe, basis, now()).expect("the numbers fit");
    let stored = [imported(seconds(60)), imported(seconds(240))];
    upsert(ohlc, &stored).await;
    let mut expected = of_ticks(Timeframe::M1, PriceBasis::Bid);
    expected[1] = stored[0].clone();
    expected[4] = stored[1].clone();
    assert_eq!(read(ohlc).await, expected);
    let newest = ohlc.latest(EURUSD, Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(newest.expect("it is read").as_ref(), expected.last());
    // it affects only the larger candles of its basis
    for (timeframe, basis) in [
        (Timeframe::M1, PriceBasis::Ask),
        (Timeframe::M1, PriceBasis::Mid),
        (Timeframe::M5, PriceBasis::Ask),
        (Timeframe::D1, PriceBasis::Mid),
    ] {
        let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
        assert_eq!(read, of_ticks(timeframe, basis));
    }
}

pub async fn later_ticks_do_not_change_a_stored_candle(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let stored = imported(seconds(0));
    upsert(ohlc, std::slice::from_ref(&stored)).await;
    insert_new(repositories.ticks.as_ref(), &series(EURUSD, 90)).await;
    assert_eq!(read(ohlc).await, [stored]);
}

pub async fn stored_candles_are_listed_among_tick_candles(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let ticks = series(EURUSD, 1_800);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let mut stored: Vec<Candle> = [-600, -60, 300, 360, 600, 6_000]
        .map(|second| imported(seconds(second)))
        .into();
    let mut expected =
        fold_ticks(&ticks, Timeframe::M1, PriceBasis::Bid, now()).expect("the numbers fit");
    expected.retain(|candle| stored.iter().all(|one| one.open_time != candle.open_time));
    expected.extend(stored.clone());
    expected.sort_by_key(|candle| candle.open_time);
    Random::seeded().shuffle(&mut stored);
    upsert(ohlc, &stored).await;

    assert_eq!(read(ohlc).await, expected);
    let within = range(seconds(-60), seconds(360));
    let inside = candles(ohlc, Timeframe::M1, PriceBasis::Bid, within).await;
    assert_eq!(inside, expected[1..8]);
    let reversed: Vec<Candle> = expected.iter().rev().cloned().collect();
    for size in [1, 2, 3, 13, 14, 15] {
        let query = CandleQuery {
            limit: limit(size),
            ..CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, TimeRange::all())
        };
        assert_eq!(read_candle_pages(ohlc, query).await, expected);
        let newest_first = CandleQuery {
            order: SortOrder::Descending,
            ..query
        };
        assert_eq!(read_candle_pages(ohlc, newest_first).await, reversed);
    }
}

pub async fn latest_is_the_newest_of_stored_and_of_ticks(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let latest = async || {
        let newest = ohlc.latest(EURUSD, Timeframe::M1, PriceBasis::Bid).await;
        newest.expect("it is read")
    };
    let oldest = imported(seconds(-120));
    upsert(ohlc, std::slice::from_ref(&oldest)).await;
    assert_eq!(latest().await, Some(oldest));
    let ticks = series(EURUSD, 30);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let of_ticks =
        fold_ticks(&ticks, Timeframe::M1, PriceBasis::Bid, now()).expect("the numbers fit");
    assert_eq!(latest().await.as_ref(), of_ticks.last());
    for second in [0, 60] {
        let stored = imported(seconds(second));
        upsert(ohlc, std::slice::from_ref(&stored)).await;
        assert_eq!(latest().await, Some(stored));
    }
}

pub async fn stored_candles_belong_to_their_symbol(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let pound = Candle {
        symbol_id: GBPUSD,
        ..imported(seconds(0))
    };
    assert_eq!(upsert(ohlc, &[pound, imported(seconds(60))]).await, 2);
    assert_eq!(read(ohlc).await, [imported(seconds(60))]);
}

pub async fn stored_candle_is_closed_by_the_time_of_reading(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let day = |offset| Candle {
        timeframe: Timeframe::D1,
        ..imported(Timeframe::D1.bucket_start(now() + TimeDelta::days(offset)))
    };
    let past = Candle {
        closed: false,
        ..day(-3)
    };
    let future = Candle {
        closed: true,
        ..day(3)
    };
    upsert(ohlc, &[past, future]).await;
    let read = candles(ohlc, Timeframe::D1, PriceBasis::Bid, TimeRange::all()).await;
    let closed: Vec<bool> = read.iter().map(|candle| candle.closed).collect();
    assert_eq!(closed, [true, false]);
    let newest = ohlc.latest(EURUSD, Timeframe::D1, PriceBasis::Bid).await;
    assert!(
        newest
            .expect("it is read")
            .is_some_and(|candle| !candle.closed)
    );
}

pub async fn thousands_of_candles_are_stored_at_once(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let given: Vec<Candle> = (0..12_000).map(|n| imported(seconds(n * 60))).collect();
    assert_eq!(upsert(ohlc, &given).await, 12_000);
    assert_eq!(read(ohlc).await, given);
}
