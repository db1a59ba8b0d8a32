//! Conformance: larger candles computed from stored smaller ones.
//!
//! Covers `OhlcRepository::candles` and `OhlcRepository::latest` if candles of a smaller timeframe are
//! stored.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::clock::now;
use super::samples::{
    EURUSD, Random, candles, insert_new, limit, range, read_candle_pages, seconds, series, start,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PriceBasis, SortOrder, Tick, TimeRange, Timeframe, fold_candles,
    fold_ticks,
};
use crate::repository::CandleQuery;

fn stored(timeframe: Timeframe, open_time: DateTime<Utc>, price: i64) -> Candle {
    let cents = |cents| Decimal::new(cents, 2).normalize();
    Candle {
        symbol_id: EURUSD,
        timeframe,
        basis: PriceBasis::Bid,
        open_time,
        open: cents(price),
        high: cents(price + 100),
        low: cents(price - 100),
        close: cents(price + 50),
        volume: cents(price * 10),
        tick_count: 3,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    }
}

async fn store(repositories: &Repositories, candles: &[Candle]) {
    let count = repositories.ohlc.upsert_candles(candles).await;
    assert_eq!(count.expect("they are stored"), candles.len() as u64);
}

/// The definition, bucket by bucket: the stored candle, else from the next smaller candles, else from ticks.
fn expected(ticks: &[Tick], stored: &[Candle], timeframe: Timeframe) -> Vec<Candle> {
    let now = now();
    let place = Timeframe::ALL.iter().position(|one| *one == timeframe);
    let mut made = match place.expect("one of all") {
        0 => fold_ticks(ticks, timeframe, PriceBasis::Bid, now).expect("fits"),
        place => {
            let smaller = expected(ticks, stored, Timeframe::ALL[place - 1]);
            let mut folded = fold_candles(&smaller, timeframe, now).expect("fits");
            for whole in &mut folded {
                let of_ticks_alone = smaller
                    .iter()
                    .filter(|part| timeframe.bucket_start(part.open_time) == whole.open_time)
                    .all(|part| part.source == CandleSource::Ticks);
                if !of_ticks_alone {
                    whole.source = CandleSource::RolledUp;
                }
            }
            folded
        }
    };
    let own: Vec<_> = stored
        .iter()
        .filter(|one| one.timeframe == timeframe)
        .collect();
    made.retain(|candle| own.iter().all(|one| one.open_time != candle.open_time));
    made.extend(own.into_iter().cloned());
    made.sort_by_key(|candle| candle.open_time);
    made
}

async fn assert_as_defined(repositories: &Repositories, ticks: &[Tick], stored: &[Candle]) {
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        let expected = expected(ticks, stored, timeframe);
        let read = candles(ohlc, timeframe, PriceBasis::Bid, TimeRange::all()).await;
        assert_eq!(read.len(), expected.len(), "{timeframe}");
        for (read, expected) in read.iter().zip(&expected) {
            assert_eq!(read, expected, "{timeframe}");
        }
        let newest = ohlc.latest(EURUSD, timeframe, PriceBasis::Bid).await;
        assert_eq!(newest.expect("it is read").as_ref(), expected.last());
        for (order, size) in [(SortOrder::Ascending, 7), (SortOrder::Descending, 3)] {
            let query = CandleQuery {
                order,
                limit: limit(size),
                ..CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all())
            };
            let mut read = read_candle_pages(ohlc, query).await;
            read.sort_by_key(|candle| candle.open_time);
            assert_eq!(read, expected, "{timeframe} by {size} {order}");
        }
    }
}

/// History was imported, and no tick is stored.
pub async fn larger_candles_include_stored_minutes(repositories: &Repositories) {
    let minutes: Vec<_> = (0..3_000)
        .filter(|minute| minute % 7 > 0)
        .map(|minute| stored(Timeframe::M1, seconds(minute * 60), 10_000 + minute))
        .collect();
    store(repositories, &minutes).await;
    assert_as_defined(repositories, &[], &minutes).await;
}

/// Ticks follow imported history and overlap with its end.
pub async fn stored_minutes_replace_only_ticks_of_their_minute(repositories: &Repositories) {
    let ticks = series(EURUSD, 1_800);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let minutes: Vec<_> = [-90, -61, -2, -1, 0, 1, 4, 7, 20]
        .map(|minute| stored(Timeframe::M1, seconds(minute * 60), 10_000 + minute))
        .into();
    store(repositories, &minutes).await;
    assert_as_defined(repositories, &ticks, &minutes).await;
}

pub async fn largest_of_nested_stored_candles_counts(repositories: &Repositories) {
    let mut random = Random::seeded();
    let ticks = random.ticks(300, 2);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let mut all = Vec::new();
    for &timeframe in Timeframe::ALL {
        let buckets = TimeDelta::days(2).num_minutes() / timeframe.duration().num_minutes();
        for _ in 0..12.min(buckets) {
            let bucket = random.below(buckets.unsigned_abs()) as i32;
            let open_time = start() + timeframe.duration() * bucket;
            all.push(stored(
                timeframe,
                open_time,
                1_000 + random.below(99) as i64,
            ));
        }
    }
    all.sort_by_key(|one| (one.timeframe, one.open_time));
    all.dedup_by_key(|one| (one.timeframe, one.open_time));
    store(repositories, &all).await;
    assert_as_defined(repositories, &ticks, &all).await;
}

pub async fn stored_minutes_of_another_basis_are_ignored(repositories: &Repositories) {
    let ticks = series(EURUSD, 900);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let minute = stored(Timeframe::M1, seconds(60), 10_000);
    store(repositories, &[minute]).await;
    let ohlc = repositories.ohlc.as_ref();
    for basis in [PriceBasis::Ask, PriceBasis::Mid] {
        for &timeframe in Timeframe::ALL {
            let of_ticks = fold_ticks(&ticks, timeframe, basis, now()).expect("fits");
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read, of_ticks);
        }
    }
}

pub async fn stored_part_outside_the_range_counts(repositories: &Repositories) {
    let minute = stored(Timeframe::M1, seconds(59 * 60), 10_000);
    store(repositories, std::slice::from_ref(&minute)).await;
    let ohlc = repositories.ohlc.as_ref();
    let first = range(seconds(0), seconds(1));
    let read = candles(ohlc, Timeframe::H1, PriceBasis::Bid, first).await;
    assert_eq!(read.len(), 1);
    assert_eq!(
        (read[0].open_time, read[0].close),
        (seconds(0), minute.close)
    );
    let behind = range(seconds(1), seconds(3_600));
    let read = candles(ohlc, Timeframe::H1, PriceBasis::Bid, behind).await;
    assert_eq!(read, []);
}
