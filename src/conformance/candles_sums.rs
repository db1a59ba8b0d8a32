//! Conformance: volumes of candles, exact with up to 28 significant digits, otherwise rounded once.
//!
//! Covers `OhlcRepository::candles`, `OhlcRepository::latest` and `OhlcRepository::upsert_candles`.

use rust_decimal::Decimal;

use super::clock::now;
use super::samples::{
    EURUSD, Random, candles, dec, insert_new, limit, quote, read_candle_pages, seconds,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PriceBasis, SortOrder, Tick, TimeRange, Timeframe, fold_ticks,
};
use crate::error::RepositoryError;
use crate::repository::CandleQuery;

const MAX_VOLUME: &str = "999999999999999.999999999999";

/// `count` ticks with the largest volumes on both sides, one per second, from `minute` on.
fn largest(minute: i64, count: i64) -> impl Iterator<Item = Tick> {
    (0..count).map(move |index| {
        quote(seconds(minute * 60 + index), 0, "1.5", "1.7")
            .with_volumes(dec(MAX_VOLUME), dec(MAX_VOLUME))
    })
}

fn stored(minute: i64, volume: &str) -> Candle {
    Candle {
        symbol_id: EURUSD,
        timeframe: Timeframe::M1,
        basis: PriceBasis::Bid,
        open_time: seconds(minute * 60),
        open: Decimal::TWO,
        high: Decimal::TWO,
        low: Decimal::TWO,
        close: Decimal::TWO,
        volume: dec(volume),
        tick_count: 1,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    }
}

async fn volumes(
    repositories: &Repositories,
    timeframe: Timeframe,
    basis: PriceBasis,
) -> Vec<String> {
    let ohlc = repositories.ohlc.as_ref();
    let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
    let volumes = read.iter().map(|candle| candle.volume.to_string());
    volumes.collect()
}

async fn assert_all_equal_the_fold(repositories: &Repositories, ticks: &[Tick]) {
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let expected = fold_ticks(ticks, timeframe, basis, now()).expect("they fit");
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read, expected, "{timeframe} {basis}");
            let query = CandleQuery {
                order: SortOrder::Descending,
                limit: limit(2),
                ..CandleQuery::new(EURUSD, timeframe, basis, TimeRange::all())
            };
            let mut pages = read_candle_pages(ohlc, query).await;
            pages.reverse();
            assert_eq!(pages, expected, "{timeframe} {basis} in pages");
            let newest = ohlc.latest(EURUSD, timeframe, basis).await;
            assert_eq!(newest.expect("it is read").as_ref(), expected.last());
        }
    }
}

pub async fn sums_beyond_28_digits_are_rounded_once(repositories: &Repositories) {
    let minutes = [(0, 12), (1, 12), (2, 12), (300, 9)];
    let ticks: Vec<_> = minutes
        .into_iter()
        .flat_map(|(minute, count)| largest(minute, count))
        .collect();
    assert_eq!(ticks.len(), 45);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    // three times 24 * 10^15 less 24 * 10^-12, and 18 of them: sums of rounded volumes would differ
    let minute = "23999999999999999.99999999998";
    let last = "17999999999999999.99999999998";
    let three = "71999999999999999.99999999993";
    for &basis in PriceBasis::OF_TICKS {
        let of = |timeframe| volumes(repositories, timeframe, basis);
        assert_eq!(of(Timeframe::M1).await, [minute, minute, minute, last]);
        for timeframe in [Timeframe::M5, Timeframe::H1, Timeframe::H4] {
            assert_eq!(of(timeframe).await, [three, last], "{timeframe} {basis}");
        }
        assert_eq!(of(Timeframe::D1).await, ["89999999999999999.99999999991"]);
    }
    assert_all_equal_the_fold(repositories, &ticks).await;
}

pub async fn random_sums_beyond_28_digits_equal_the_fold(repositories: &Repositories) {
    let mut random = Random::seeded();
    let ticks: Vec<_> = (0..600)
        .map(|index| {
            let units = |random: &mut Random| {
                let high = 10_i128.pow(15) - 1 - i128::from(random.below(9_000));
                let low = i128::from(random.below(10_u64.pow(12)));
                Decimal::from_i128_with_scale(high * 10_i128.pow(12) + low, 12).normalize()
            };
            quote(seconds(index * 7), 0, "1.5", "1.7")
                .with_volumes(units(&mut random), units(&mut random))
        })
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    assert_all_equal_the_fold(repositories, &ticks).await;
}

pub async fn digit_29_is_rounded_where_a_decimal_holds_it(repositories: &Repositories) {
    // 21999999999999999.999999999978, which is below 2^96 as a whole number
    let ticks: Vec<_> = largest(0, 11).collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let rounded = ["21999999999999999.99999999998"];
    for &timeframe in Timeframe::ALL {
        let read = volumes(repositories, timeframe, PriceBasis::Mid).await;
        assert_eq!(read, rounded, "{timeframe}");
    }
    assert_all_equal_the_fold(repositories, &ticks).await;
}

pub async fn sums_of_parts_and_ticks_are_rounded_once(repositories: &Repositories) {
    let ticks: Vec<_> = (0..3).flat_map(|minute| largest(minute, 12)).collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let part = stored(3, "0.000000000004");
    let count = repositories.ohlc.upsert_candles(&[part]).await;
    assert_eq!(count.expect("stored"), 1);
    // 71999999999999999.999999999932; with rounded minutes it would be ...44
    for timeframe in &Timeframe::ALL[1..] {
        let read = volumes(repositories, *timeframe, PriceBasis::Bid).await;
        assert_eq!(read, ["71999999999999999.99999999993"], "{timeframe}");
    }
    let ohlc = repositories.ohlc.as_ref();
    let newest = ohlc.latest(EURUSD, Timeframe::D1, PriceBasis::Bid).await;
    let newest = newest.expect("it is read").expect("there is one");
    assert_eq!(
        (newest.source, newest.tick_count),
        (CandleSource::RolledUp, 37)
    );
}

pub async fn stored_volumes_of_28_digits_read_back(repositories: &Repositories) {
    let given = [
        "9999999999999999999999999.999",
        "1.234567890123456789012345678",
        "0.0000000000000000000000000001",
    ];
    let minutes: Vec<_> = (0..)
        .zip(given)
        .map(|(at, text)| stored(at, text))
        .collect();
    let count = repositories.ohlc.upsert_candles(&minutes).await;
    assert_eq!(count.expect("stored"), 3);
    let of = |timeframe| volumes(repositories, timeframe, PriceBasis::Bid);
    assert_eq!(of(Timeframe::M1).await, given);
    for timeframe in &Timeframe::ALL[1..] {
        // 10000000000000000000000001.2335678901234567890123456781
        assert_eq!(of(*timeframe).await, ["10000000000000000000000001.23"]);
    }
}

pub async fn largest_stored_volumes_have_a_sum(repositories: &Repositories) {
    let minutes: Vec<_> = (0..1_440)
        .map(|minute| stored(minute, "9999999999999999999999999.999"))
        .collect();
    let count = repositories.ohlc.upsert_candles(&minutes).await;
    assert_eq!(count.expect("stored"), 1_440);
    let day = volumes(repositories, Timeframe::D1, PriceBasis::Bid).await;
    // 14399999999999999999999999998.56
    assert_eq!(day, ["14400000000000000000000000000"]);
}

pub async fn volume_beyond_28_digits_is_not_stored(repositories: &Repositories) {
    for (volume, says) in [
        ("7000000000000000000000000.0001", "more than 28 digits"),
        ("10000000000000000000000000", "not smaller than 10^25"),
        ("-1", "must not be negative"),
    ] {
        let refused = repositories.ohlc.upsert_candles(&[stored(0, volume)]).await;
        let Err(RepositoryError::InvalidInput { reason }) = refused else {
            panic!("{volume}: {refused:?}");
        };
        assert!(reason.contains(says), "{reason}");
    }
    let read = volumes(repositories, Timeframe::M1, PriceBasis::Bid).await;
    assert_eq!(read, [""; 0]);
}
