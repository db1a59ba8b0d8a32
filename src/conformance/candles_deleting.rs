//! Conformance: deletion of candles.
//!
//! Covers `OhlcRepository::delete_range` and `deletable`, and reads after them.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::{EURUSD, GBPUSD, candles, dec, insert_new, range, seconds, series, start};
use crate::Repositories;
use crate::domain::{Candle, CandleSource, PriceBasis, SymbolId, TimeRange, Timeframe, fold_ticks};
use crate::error::RepositoryError;
use crate::repository::{DeletedCandles, deletable_candles, delete_candles};

/// A stored candle with prices that no tick of the series has.
fn imported(symbol_id: SymbolId, timeframe: Timeframe, basis: PriceBasis, second: i64) -> Candle {
    Candle {
        symbol_id,
        timeframe,
        basis,
        open_time: seconds(second),
        open: dec("7.1"),
        high: dec("7.4"),
        low: dec("7"),
        close: dec("7.3"),
        volume: dec("12.5"),
        tick_count: 3,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    }
}

fn minute(second: i64) -> Candle {
    imported(EURUSD, Timeframe::M1, PriceBasis::Bid, second)
}

async fn upsert(repositories: &Repositories, candles: &[Candle]) {
    let stored = repositories.ohlc.upsert_candles(candles).await;
    assert_eq!(stored.expect("stored"), candles.len() as u64);
}

async fn delete(
    repositories: &Repositories,
    timeframe: Option<Timeframe>,
    range: TimeRange,
) -> DeletedCandles {
    let ohlc = repositories.ohlc.as_ref();
    let counted = deletable_candles(ohlc, EURUSD, timeframe, range).await;
    let deleted = delete_candles(ohlc, EURUSD, timeframe, range, |_| ()).await;
    let deleted = deleted.expect("candles are deleted");
    assert_eq!(deleted, counted.expect("counted"), "counted before");
    deleted
}

async fn minutes(repositories: &Repositories) -> Vec<Candle> {
    let ohlc = repositories.ohlc.as_ref();
    candles(ohlc, Timeframe::M1, PriceBasis::Bid, TimeRange::all()).await
}

pub async fn deleted_candles_leave_their_neighbours(repositories: &Repositories) {
    let of_others = imported(GBPUSD, Timeframe::M1, PriceBasis::Bid, 60);
    let stored = [0, 60, 120, 180].map(minute);
    let hour = imported(EURUSD, Timeframe::H1, PriceBasis::Ask, 0);
    let ask = imported(EURUSD, Timeframe::M1, PriceBasis::Ask, 120);
    upsert(repositories, &stored).await;
    upsert(repositories, &[of_others.clone(), hour.clone(), ask]).await;
    let part = range(seconds(60), seconds(180));
    let deleted = delete(repositories, Some(Timeframe::M1), part).await;
    assert_eq!(deleted.candles.get(Timeframe::M1), 3, "of both bases");
    assert_eq!(
        (deleted.candles.total(), deleted.of_ticks, deleted.rest),
        (3, 0, None)
    );
    assert_eq!(
        minutes(repositories).await,
        [stored[0].clone(), stored[3].clone()]
    );
    let ohlc = repositories.ohlc.as_ref();
    let hours = candles(ohlc, Timeframe::H1, PriceBasis::Ask, TimeRange::all()).await;
    assert_eq!(hours, [hour]);
    let newest = ohlc.latest(GBPUSD, Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(newest.expect("read"), Some(of_others));
}

pub async fn candles_of_all_timeframes_are_deleted_together(repositories: &Repositories) {
    let mut stored = Vec::new();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::ALL {
            stored.push(imported(EURUSD, timeframe, basis, 0));
        }
    }
    let behind = imported(EURUSD, Timeframe::D1, PriceBasis::Mid, 86_400);
    stored.push(behind.clone());
    upsert(repositories, &stored).await;
    let day = range(start(), start() + TimeDelta::days(1));
    let deleted = delete(repositories, None, day).await;
    for (timeframe, count) in deleted.candles.iter() {
        assert_eq!(count, 4, "{timeframe}");
    }
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::ALL {
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            let left = (timeframe, basis) == (Timeframe::D1, PriceBasis::Mid);
            let expected: &[Candle] = if left {
                std::slice::from_ref(&behind)
            } else {
                &[]
            };
            assert_eq!(read, expected, "{timeframe} {basis}");
        }
    }
}

pub async fn candles_of_ticks_stay_and_are_counted(repositories: &Repositories) {
    let ticks = series(EURUSD, 900);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    upsert(repositories, &[minute(60), minute(6_000)]).await;
    let day = range(start(), start() + TimeDelta::days(1));
    let deleted = delete(repositories, None, day).await;
    assert_eq!((deleted.candles.total(), deleted.of_ticks), (2, 5));
    // without the stored candle, the ticks that it covered form the candle
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        let read = candles(ohlc, timeframe, PriceBasis::Bid, TimeRange::all()).await;
        let folded = fold_ticks(&ticks, timeframe, PriceBasis::Bid, now());
        assert_eq!(read, folded.expect("the numbers fit"), "{timeframe}");
    }
    let again = delete(repositories, Some(Timeframe::M15), day).await;
    assert_eq!((again.candles.total(), again.of_ticks), (0, 1));
}

pub async fn larger_candles_follow_deleted_minutes(repositories: &Repositories) {
    let other = Candle {
        high: dec("9"),
        ..minute(60)
    };
    upsert(repositories, &[minute(0), other]).await;
    let part = range(seconds(60), seconds(120));
    delete(repositories, Some(Timeframe::M1), part).await;
    let ohlc = repositories.ohlc.as_ref();
    for timeframe in &Timeframe::ALL[1..] {
        let read = candles(ohlc, *timeframe, PriceBasis::Bid, TimeRange::all()).await;
        let found: Vec<_> = read.iter().map(|one| (one.high, one.tick_count)).collect();
        assert_eq!(found, [(dec("7.4"), 3)], "{timeframe}");
    }
}

pub async fn ranges_that_cut_candles_are_refused(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    upsert(repositories, &[minute(0)]).await;
    for (timeframe, part) in [
        (None, range(seconds(0), seconds(3_600))),
        (None, range(seconds(60), seconds(86_400))),
        (Some(Timeframe::M5), range(seconds(60), seconds(600))),
        (Some(Timeframe::M1), range(seconds(0), seconds(61))),
    ] {
        for refused in [
            ohlc.delete_range(EURUSD, timeframe, part).await,
            ohlc.deletable(EURUSD, timeframe, part).await,
        ] {
            match refused {
                Err(RepositoryError::InvalidInput { reason }) => {
                    assert!(reason.contains("within a candle of"), "{reason}");
                }
                other => panic!("{other:?} for {timeframe:?} {part:?}"),
            }
        }
    }
    assert_eq!(minutes(repositories).await, [minute(0)]);
    let everything = delete(repositories, None, TimeRange::all()).await;
    assert_eq!(everything.candles.total(), 1);
}

pub async fn delete_without_candles_succeeds(repositories: &Repositories) {
    upsert(repositories, &[minute(0)]).await;
    let later = range(seconds(60), seconds(120));
    let nothing = delete(repositories, Some(Timeframe::M1), later).await;
    assert_eq!(nothing, DeletedCandles::default());
    let none = delete(repositories, Some(Timeframe::H4), TimeRange::all()).await;
    assert_eq!(none, DeletedCandles::default());
    assert_eq!(minutes(repositories).await, [minute(0)]);
}

pub async fn candles_of_many_days_are_deleted_day_by_day(repositories: &Repositories) {
    let days = [0, 3, 400].map(|day| minute(day * 86_400));
    upsert(repositories, &days).await;
    let ohlc = repositories.ohlc.as_ref();
    let first = ohlc.delete_range(EURUSD, None, TimeRange::all()).await;
    let first = first.expect("deleted");
    assert_eq!(first.candles.total(), 1);
    let rest = first.rest.expect("some");
    assert_eq!(rest.start(), start() + TimeDelta::days(1));
    assert_eq!(minutes(repositories).await, days[1..]);
    assert_eq!(delete(repositories, None, rest).await.candles.total(), 2);
    assert_eq!(minutes(repositories).await, []);
}
