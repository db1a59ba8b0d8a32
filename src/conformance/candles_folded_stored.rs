//! Conformance: folded timeframes beside stored candles.
//!
//! Covers `OhlcRepository::candles` of folded timeframes, and the writes that refuse them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::candles_folded::timeframe;
use super::clock::now;
use super::samples::{
    EURUSD, Random, candles, dec, insert_new, limit, quote, range, read_candle_pages, seconds,
    series, start,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PriceBasis, SortOrder, TimeRange, Timeframe, fold_candles, fold_ticks,
};
use crate::error::RepositoryError;
use crate::repository::CandleQuery;

fn stored(timeframe: Timeframe, open_time: DateTime<Utc>, price: i64) -> Candle {
    let prices = [price, price + 2, price - 1, price + 1].map(Decimal::from);
    Candle::new(EURUSD, timeframe, PriceBasis::Bid, open_time, prices)
        .volume(dec("12.5"))
        .tick_count(3)
        .source(CandleSource::Stored("import".to_owned()))
}

async fn store(repositories: &Repositories, candles: &[Candle]) {
    let count = repositories.ohlc.upsert_candles(candles).await;
    assert_eq!(count.expect("they are stored"), candles.len() as u64);
}

/// The candles of `timeframe` equal the fold of the candles of its source, as read.
async fn assert_equals_the_fold_of_its_source(repositories: &Repositories, timeframe: Timeframe) {
    let ohlc = repositories.ohlc.as_ref();
    let source = timeframe.source().expect("it has one");
    let parts = candles(ohlc, source, PriceBasis::Bid, TimeRange::all()).await;
    let expected = fold_candles(&parts, timeframe, now()).expect("fits");
    assert!(!expected.is_empty());
    for (order, size) in [
        (SortOrder::Ascending, 23),
        (SortOrder::Descending, 17),
        (SortOrder::Ascending, 10_000),
    ] {
        let query = CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all());
        let mut read = read_candle_pages(ohlc, query.order(order).limit(limit(size))).await;
        read.sort_by_key(|candle| candle.open_time);
        assert_eq!(read, expected, "{timeframe} by {size} {order}");
    }
    let newest = ohlc.latest(EURUSD, timeframe, PriceBasis::Bid).await;
    assert_eq!(newest.expect("it is read").as_ref(), expected.last());
}

pub async fn folded_candles_include_stored_ones(repositories: &Repositories) {
    let mut random = Random::seeded();
    insert_new(repositories.ticks.as_ref(), &random.ticks(300, 20)).await;
    let mut all = Vec::new();
    for &timeframe in Timeframe::ALL {
        for _ in 0..8 {
            let bucket = random.below(15) as i64;
            let open_time = timeframe.bucket_at(start(), bucket);
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
    for name in [
        "2m", "7m", "10m", "45m", "90m", "2h", "8h", "28h", "2d", "1w", "1M",
    ] {
        assert_equals_the_fold_of_its_source(repositories, timeframe(name)).await;
    }
}

/// The origin of a folded candle says whether a stored candle is part of it.
pub async fn source_of_a_folded_candle_is_that_of_its_parts(repositories: &Repositories) {
    let ticks: Vec<_> = (0..9)
        .map(|minute| quote(seconds(minute * 60), 0, "1.5", "2"))
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    store(repositories, &[stored(Timeframe::M1, seconds(4 * 60), 50)]).await;
    let ohlc = repositories.ohlc.as_ref();
    let read = candles(ohlc, timeframe("3m"), PriceBasis::Bid, TimeRange::all()).await;
    let sources: Vec<_> = read.iter().map(|candle| candle.source.clone()).collect();
    let expected = [
        CandleSource::Ticks,
        CandleSource::RolledUp,
        CandleSource::Ticks,
    ];
    assert_eq!(sources, expected);
    assert_eq!((read[1].high, read[1].tick_count), (dec("52"), 5));
    let read = candles(ohlc, Timeframe::S30, PriceBasis::Bid, TimeRange::all()).await;
    let of_ticks = fold_ticks(&ticks, Timeframe::S30, PriceBasis::Bid, now()).expect("fits");
    assert_eq!(read, of_ticks, "seconds are of ticks alone");
}

/// A stored candle of five minutes cannot be divided.
pub async fn stored_candles_beyond_the_source_do_not_count(repositories: &Repositories) {
    let ticks = series(EURUSD, 1_800);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    store(repositories, &[stored(Timeframe::M5, seconds(0), 50)]).await;
    let ohlc = repositories.ohlc.as_ref();
    for (name, counts) in [("3m", false), ("10m", true), ("1w", true)] {
        let timeframe = timeframe(name);
        let of_ticks = fold_ticks(&ticks, timeframe, PriceBasis::Bid, now()).expect("fits");
        let read = candles(ohlc, timeframe, PriceBasis::Bid, TimeRange::all()).await;
        assert_eq!(read != of_ticks, counts, "{name}");
    }
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    let error = result.expect_err("a folded timeframe");
    assert!(
        matches!(error, RepositoryError::InvalidInput { .. }),
        "{error:?}"
    );
    let expected = "invalid timeframe \"3m\": expected one of 1m, 5m, 15m, 30m, 1h, 4h, 1d";
    assert!(error.to_string().contains(expected), "{error}");
}

pub async fn folded_timeframes_are_not_written(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let three = timeframe("3m");
    let candle = [stored(three, seconds(0), 50)];
    assert_refused(ohlc.upsert_candles(&candle).await);
    assert_refused(ohlc.restore_candles(&candle).await);
    let hour = range(seconds(0), seconds(3_600));
    assert_refused(ohlc.delete_range(EURUSD, Some(three), hour).await);
    assert_refused(ohlc.deletable(EURUSD, Some(three), hour).await);
    let read = candles(ohlc, three, PriceBasis::Bid, TimeRange::all()).await;
    assert_eq!(read, []);
}
