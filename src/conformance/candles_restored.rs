//! Conformance: restored candles, whose ticks are not stored.
//!
//! Covers `OhlcRepository::restore_candles`, and `TickRepository::insert_batch` after it and concurrently.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, candles, dec, insert_new, nth_tick, quote, range, seconds, start,
};
use crate::Repositories;
use crate::domain::{Candle, CandleSource, PriceBasis, Tick, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::repository::RestoredCandles;

/// A one-minute bid candle that differs from all candles of the series of ticks.
fn kept(open_time: DateTime<Utc>, tick_count: i64) -> Candle {
    Candle {
        symbol_id: EURUSD,
        timeframe: Timeframe::M1,
        basis: PriceBasis::Bid,
        open_time,
        open: dec("7.1"),
        high: dec("7.4000000000005"),
        low: dec("-7"),
        close: dec("7.3"),
        volume: dec("12.5"),
        tick_count,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("export".to_owned()),
    }
}

fn minute(index: i64) -> Candle {
    kept(seconds(index * 60), 3)
}

fn by(source: &str, candle: Candle) -> Candle {
    Candle {
        source: CandleSource::Stored(source.to_owned()),
        ..candle
    }
}

fn downsampled(candle: &Candle) -> Candle {
    by(CandleSource::DOWNSAMPLED, candle.clone())
}

async fn restore(repositories: &Repositories, candles: &[Candle]) -> RestoredCandles {
    let restored = repositories.ohlc.restore_candles(candles).await;
    restored.expect("candles are restored")
}

fn outcome(stored: u64, known: u64, recent: u64) -> RestoredCandles {
    RestoredCandles {
        stored,
        known,
        recent,
    }
}

async fn upsert(repositories: &Repositories, candles: &[Candle]) {
    let stored = repositories.ohlc.upsert_candles(candles).await;
    assert_eq!(stored.expect("stored"), candles.len() as u64);
}

async fn minutes(repositories: &Repositories) -> Vec<Candle> {
    let ohlc = repositories.ohlc.as_ref();
    candles(ohlc, Timeframe::M1, PriceBasis::Bid, TimeRange::all()).await
}

pub async fn restored_candles_are_read_as_downsampled(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    // largest first: with smaller ones stored, the larger ones would be omitted
    for &timeframe in Timeframe::ALL.iter().rev() {
        for &basis in PriceBasis::ALL {
            let given = [0, 1, 500].map(|index| Candle {
                timeframe,
                basis,
                ..kept(start() + timeframe.duration() * index, i64::from(index))
            });
            let case = format!("{timeframe} {basis}");
            assert_eq!(
                restore(repositories, &given).await,
                outcome(3, 0, 0),
                "{case}"
            );
            // a call may be repeated
            assert_eq!(
                restore(repositories, &given).await,
                outcome(3, 0, 0),
                "{case}"
            );
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read, given.each_ref().map(downsampled), "{case}");
        }
    }
}

pub async fn restore_of_no_candles_does_nothing(repositories: &Repositories) {
    assert_eq!(restore(repositories, &[]).await, outcome(0, 0, 0));
    assert_eq!(minutes(repositories).await, []);
}

pub async fn ticks_prevent_a_restore_of_their_buckets(repositories: &Repositories) {
    // the first instant of minute 1, the last instant of minute 3
    let ticks = [
        quote(seconds(60), 0, "1.1", "1.2"),
        quote(seconds(240) - TimeDelta::microseconds(1), 0, "1.1", "1.2"),
    ];
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let before = minutes(repositories).await;
    let mut given: Vec<_> = (0..5).map(minute).collect();
    // a candle of any basis
    given.push(Candle {
        basis: PriceBasis::Mid,
        ..minute(3)
    });
    // a larger candle, and a candle of another symbol
    given.push(Candle {
        timeframe: Timeframe::M5,
        ..minute(0)
    });
    given.push(Candle {
        symbol_id: GBPUSD,
        ..minute(1)
    });
    assert_eq!(restore(repositories, &given).await, outcome(4, 4, 0));
    let expected = [
        downsampled(&given[0]),
        before[0].clone(),
        downsampled(&given[2]),
        before[1].clone(),
        downsampled(&given[4]),
    ];
    assert_eq!(minutes(repositories).await, expected);
}

pub async fn imported_candles_are_not_replaced_by_a_restore(repositories: &Repositories) {
    let own = by("import", kept(seconds(0), 0));
    upsert(repositories, std::slice::from_ref(&own)).await;
    let given = [minute(0), minute(1)];
    assert_eq!(restore(repositories, &given).await, outcome(1, 1, 0));
    assert_eq!(minutes(repositories).await, [own, downsampled(&minute(1))]);
    // an upserted candle replaces a restored one
    let other = by("import", kept(seconds(60), 1));
    upsert(repositories, std::slice::from_ref(&other)).await;
    assert_eq!(minutes(repositories).await[1], other);
}

pub async fn restored_candle_replaces_one_of_fewer_ticks(repositories: &Repositories) {
    let at = seconds(0);
    let first = Candle {
        close: dec("7.2"),
        ..kept(at, 5)
    };
    for (given, becomes) in [
        (kept(at, 4), outcome(1, 0, 0)),
        (first.clone(), outcome(1, 0, 0)),
        (kept(at, 4), outcome(0, 1, 0)),
    ] {
        assert_eq!(restore(repositories, &[given]).await, becomes);
    }
    assert_eq!(minutes(repositories).await, [downsampled(&first)]);
    let second = kept(at, 5);
    // if a candle is given twice, the last one counts
    let given = [kept(at, 9), second.clone()];
    assert_eq!(restore(repositories, &given).await, outcome(1, 0, 0));
    assert_eq!(minutes(repositories).await, [downsampled(&second)]);
}

pub async fn smaller_stored_candles_prevent_larger_restores(repositories: &Repositories) {
    upsert(repositories, &[by("import", minute(7))]).await;
    let larger = |basis, index| Candle {
        timeframe: Timeframe::M5,
        basis,
        ..minute(index)
    };
    let given = [
        larger(PriceBasis::Bid, 0),
        larger(PriceBasis::Bid, 5),
        larger(PriceBasis::Bid, 10),
        larger(PriceBasis::Ask, 5),
        // the state before the call decides
        minute(0),
        minute(10),
    ];
    assert_eq!(restore(repositories, &given).await, outcome(5, 1, 0));
}

pub async fn recent_candles_are_not_restored(repositories: &Repositories) {
    let ago = |minutes| {
        let time = now() - TimeDelta::minutes(minutes);
        kept(Timeframe::M1.bucket_start(time), 3)
    };
    let given = [ago(110), ago(30), ago(125)];
    assert_eq!(restore(repositories, &given).await, outcome(1, 0, 2));
    assert_eq!(minutes(repositories).await, [downsampled(&given[2])]);
    // a candle with stored ticks counts as known, even if it is recent
    let tick = Tick {
        tick_time: given[1].open_time,
        ..nth_tick(EURUSD, 0)
    };
    insert_new(repositories.ticks.as_ref(), &[tick]).await;
    upsert(repositories, &[by("import", given[0].clone())]).await;
    assert_eq!(restore(repositories, &given).await, outcome(1, 2, 0));
}

pub async fn invalid_candle_is_named_and_stops_the_restore(repositories: &Repositories) {
    let invalid = Candle {
        high: dec("-8"),
        ..minute(1)
    };
    let given = [minute(0), invalid];
    match repositories.ohlc.restore_candles(&given).await {
        Err(RepositoryError::InvalidInput { reason }) => {
            assert!(reason.contains("00:01:00"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(minutes(repositories).await, []);
}

pub async fn restore_beside_an_insert_is_before_or_after(repositories: &Repositories) {
    let (ticks, ohlc) = (&repositories.ticks, &repositories.ohlc);
    let mut random = Random::seeded();
    let (mut restored_first, mut inserted_first) = (0, 0);
    for round in 0..40 {
        let open_time = seconds(round * 60);
        let candle = kept(open_time, 1_000);
        let count = 1 + random.below(100) as i64;
        let batch: Vec<_> = (0..count)
            .map(|index| quote(open_time + TimeDelta::milliseconds(index), 0, "1.1", "1.2"))
            .collect();
        let inserting = tokio::spawn({
            let (ticks, batch) = (ticks.clone(), batch.clone());
            async move { ticks.insert_batch(&batch).await }
        });
        let restoring = tokio::spawn({
            let (ohlc, candle) = (ohlc.clone(), candle.clone());
            async move { ohlc.restore_candles(&[candle]).await }
        });
        let receipt = inserting.await.expect("no panic").expect("a receipt");
        let restored = restoring.await.expect("no panic").expect("restored");
        let bucket = range(open_time, open_time + TimeDelta::minutes(1));
        let read = candles(ohlc.as_ref(), Timeframe::M1, PriceBasis::Bid, bucket).await;
        assert_eq!(receipt.inserted, count as u64);
        let case = format!("round {round}: {restored:?}, {receipt:?}");
        if restored.stored == 1 {
            restored_first += 1;
            // the ticks were stored after the candle and do not change it
            assert_eq!(read, [downsampled(&candle)], "{case}");
        } else {
            inserted_first += 1;
            assert_eq!(restored, outcome(0, 1, 0), "{case}");
            assert_eq!(read[0].tick_count, count, "{case}");
        }
    }
    println!("{restored_first} candles came first, {inserted_first} batches did");
}
