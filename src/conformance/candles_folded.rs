//! Conformance: candles of timeframes that are folded on read.
//!
//! Covers `OhlcRepository::candles` and `OhlcRepository::latest` of folded timeframes without stored candles.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, Random, candles, collect, dec, insert_new, limit, quote, range, read_candle_pages,
    seconds, start,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSlot, CandleSource, GapFill, PriceBasis, SortOrder, Tick, TimeRange, Timeframe,
    fold_ticks, latest_time,
};
use crate::repository::{CandleQuery, candle_stream, filled_candle_stream};

pub(super) fn timeframe(name: &str) -> Timeframe {
    name.parse().expect("the behaviours name timeframes")
}

/// Multiples of each stored timeframe, weeks and months.
const FOLDED: [&str; 13] = [
    "2m", "3m", "7m", "59m", "90m", "2h", "6h", "25h", "28h", "2d", "10d", "1w", "1M",
];

const SECONDS: [&str; 5] = ["1s", "5s", "10s", "15s", "30s"];

/// Compares pages in both orders, and the newest candle, with the fold of all `ticks`.
async fn assert_equals_the_fold(
    repositories: &Repositories,
    ticks: &[Tick],
    timeframe: Timeframe,
    basis: PriceBasis,
    sizes: &[u32],
) {
    let ohlc = repositories.ohlc.as_ref();
    let expected = fold_ticks(ticks, timeframe, basis, now()).expect("the numbers fit");
    let newest = ohlc.latest(EURUSD, timeframe, basis).await;
    assert_eq!(newest.expect("it is read").as_ref(), expected.last());
    for &size in sizes {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = CandleQuery::new(EURUSD, timeframe, basis, TimeRange::all());
            let mut read = read_candle_pages(ohlc, query.order(order).limit(limit(size))).await;
            if order == SortOrder::Descending {
                read.reverse();
            }
            assert_eq!(
                read.len(),
                expected.len(),
                "{timeframe} {basis} by {size} {order}"
            );
            for (read, expected) in read.iter().zip(&expected) {
                assert_eq!(read, expected, "{timeframe} {basis} by {size} {order}");
            }
        }
    }
}

/// An instant and the microsecond before it.
fn around(time: DateTime<Utc>) -> [DateTime<Utc>; 2] {
    [time - TimeDelta::microseconds(1), time]
}

pub async fn folded_candles_equal_the_fold_of_all_ticks(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all = random.ticks(300, 70);
    // a Monday, the first of a month, and the limits of all times
    let bounds = [seconds(4 * 86_400), seconds(31 * 86_400)];
    let mut bounds = bounds.map(around).concat();
    bounds.extend([DateTime::UNIX_EPOCH, around(latest_time())[0]]);
    all.extend(bounds.into_iter().map(|time| random.tick(time, 9)));
    random.shuffle(&mut all);
    insert_new(repositories.ticks.as_ref(), &all).await;
    for name in FOLDED {
        let basis = PriceBasis::OF_TICKS[random.below(3) as usize];
        let size = 20 + random.below(80) as u32;
        assert_equals_the_fold(repositories, &all, timeframe(name), basis, &[size, 10_000]).await;
    }
}

/// Every bucket has many ticks and many equal times, and the sums need more than 28 digits.
pub async fn folded_candles_equal_the_fold_of_dense_ticks(repositories: &Repositories) {
    let mut random = Random::seeded();
    let volume = dec("999999999999999.999999999999");
    let mut all: Vec<Tick> = (0..1_200)
        .map(|index| {
            let tick = random.tick(seconds(index), 0).with_sequence(index % 3);
            tick.with_volumes(volume, random.volume())
        })
        .collect();
    let ties = all.iter().map(|tick| tick.clone().with_sequence(7));
    all.extend(ties.collect::<Vec<_>>());
    random.shuffle(&mut all);
    for batch in all.chunks(700) {
        insert_new(repositories.ticks.as_ref(), batch).await;
    }
    for name in ["2m", "3m", "7m", "90m", "2h", "1w", "1M"] {
        for &basis in PriceBasis::OF_TICKS {
            assert_equals_the_fold(repositories, &all, timeframe(name), basis, &[1, 4]).await;
        }
    }
    for name in SECONDS {
        let basis = PriceBasis::OF_TICKS[random.below(3) as usize];
        assert_equals_the_fold(repositories, &all, timeframe(name), basis, &[37, 10_000]).await;
    }
}

/// Days without ticks lie between the candles of a page.
pub async fn candles_of_seconds_are_found_across_gaps(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all = random.ticks(40, 9);
    let far = [0, 1, 14, 15, 29, 59].map(|second| seconds(200 * 86_400 + second));
    all.extend(far.map(|time| random.tick(time, 0)));
    insert_new(repositories.ticks.as_ref(), &all).await;
    for name in SECONDS {
        assert_equals_the_fold(
            repositories,
            &all,
            timeframe(name),
            PriceBasis::Mid,
            &[6, 500],
        )
        .await;
    }
}

pub async fn weeks_begin_on_monday_and_months_on_the_first(repositories: &Repositories) {
    // 2014-05-01 is a Thursday
    let day = |day: i64| seconds(day * 86_400);
    let times = [
        day(0),
        day(3),
        around(day(4))[0],
        day(4),
        around(day(31))[0],
        day(31),
    ];
    let ticks: Vec<_> = (1..)
        .zip(times)
        .map(|(price, time)| quote(time, 0, &format!("{price}"), "9"))
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let ohlc = repositories.ohlc.as_ref();
    for (name, expected) in [
        (
            "1w",
            vec![
                (day(-3), 3, "1", "3"),
                (day(4), 1, "4", "4"),
                (day(25), 2, "5", "6"),
            ],
        ),
        ("1M", vec![(day(0), 5, "1", "5"), (day(31), 1, "6", "6")]),
        ("7m", vec![]),
    ] {
        let read = candles(ohlc, timeframe(name), PriceBasis::Bid, TimeRange::all()).await;
        if name == "7m" {
            // counted from 2000-01-03
            let first = read.first().map(|candle| candle.open_time);
            assert_eq!(first, Some(seconds(-60)));
            continue;
        }
        let read: Vec<_> = read
            .iter()
            .map(|one| (one.open_time, one.tick_count, one.open, one.close))
            .collect();
        let expected = expected
            .into_iter()
            .map(|(time, count, open, close)| (time, count, dec(open), dec(close)));
        assert_eq!(read, expected.collect::<Vec<_>>(), "{name}");
    }
}

pub async fn range_of_folded_candles_is_by_open_time(repositories: &Repositories) {
    let ticks: Vec<_> = (0..20)
        .map(|minute| quote(seconds(minute * 60), 0, "1.5", "2"))
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let ohlc = repositories.ohlc.as_ref();
    // buckets of four minutes begin at 0, 4, 8, 12 and 16
    let four = timeframe("4m");
    for (from, to, expected) in [
        (0, 20, vec![0, 4, 8, 12, 16]),
        (1, 9, vec![4, 8]),
        (4, 8, vec![4]),
        (5, 8, vec![]),
        (-9, 1, vec![0]),
    ] {
        let within = range(seconds(from * 60), seconds(to * 60));
        let read = candles(ohlc, four, PriceBasis::Bid, within).await;
        let opens: Vec<_> = read.iter().map(|candle| candle.open_time).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|minute| seconds(minute * 60))
            .collect();
        assert_eq!(opens, expected, "{from} to {to}");
        assert!(
            read.iter().all(|candle| candle.tick_count == 4),
            "they are whole"
        );
    }
}

pub async fn page_of_folded_candles_ends_at_its_limit(repositories: &Repositories) {
    let ticks: Vec<_> = (0..18)
        .map(|minute| quote(seconds(minute * 60), 0, "1.5", "2"))
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let ohlc = repositories.ohlc.as_ref();
    for (name, buckets) in [("3m", 6), ("6m", 3), ("10s", 18)] {
        let all = CandleQuery::new(EURUSD, timeframe(name), PriceBasis::Bid, TimeRange::all());
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            for size in 1..=buckets {
                let page = ohlc.candles(&all.order(order).limit(limit(size))).await;
                let page = page.expect("a page is read");
                assert_eq!(page.items.len(), size as usize);
                let last = page.items.last().map(|candle| candle.open_time);
                let next = page.next.map(|cursor| cursor.open_time);
                assert_eq!(
                    next,
                    last.filter(|_| size < buckets),
                    "{name} {order} {size}"
                );
            }
        }
    }
}

/// A late tick between two pages neither repeats nor hides a candle.
pub async fn pages_of_folded_candles_survive_late_ticks(repositories: &Repositories) {
    let tick = |minute: i64, sequence| quote(seconds(minute * 60), sequence, "1.5", "2");
    let ticks: Vec<_> = (0..30).map(|minute| tick(minute, 0)).collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let ohlc = repositories.ohlc.as_ref();
    let query = CandleQuery::new(EURUSD, timeframe("3m"), PriceBasis::Bid, TimeRange::all());
    let first = ohlc
        .candles(&query.limit(limit(4)))
        .await
        .expect("a page is read");
    let late = [-4, 1, 11, 12, 40].map(|minute| tick(minute, 1));
    insert_new(repositories.ticks.as_ref(), &late).await;
    let rest = read_candle_pages(ohlc, query.after(first.next).limit(limit(4))).await;
    let opens = rest
        .iter()
        .map(|candle| (candle.open_time - start()).num_minutes());
    assert_eq!(opens.collect::<Vec<_>>(), [12, 15, 18, 21, 24, 27, 39]);
    assert_eq!(rest[0].tick_count, 4, "the late tick counts");
}

pub async fn forming_folded_candle_is_not_closed(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let time = now();
    let old = time - TimeDelta::days(70);
    let ticks = [time, old].map(|time| Tick::quote(EURUSD, time, 1.into(), 2.into()));
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    for name in ["10d", "1w", "1M"] {
        let timeframe = timeframe(name);
        let forming = timeframe.bucket_start(time);
        if now() >= timeframe.bucket_end(forming) {
            continue;
        }
        let newest = ohlc.latest(EURUSD, timeframe, PriceBasis::Bid).await;
        let newest = newest.expect("it is read").expect("there is one");
        assert_eq!(
            (newest.open_time, newest.closed),
            (forming, false),
            "{name}"
        );
        let query = CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all());
        let closed = read_candle_pages(ohlc, query.closed_only(true)).await;
        assert_eq!(closed.len(), 1, "{name}");
        assert_eq!(closed[0].open_time, timeframe.bucket_start(old));
        assert!(closed[0].closed && closed[0].source == CandleSource::Ticks);
        let both = read_candle_pages(ohlc, query.descending().limit(limit(1))).await;
        assert_eq!(both.len(), 2, "{name}");
    }
}

/// The slots of a listing whose gaps are filled, bucket by bucket.
fn open_times(candles: &[Candle], timeframe: Timeframe) -> Vec<DateTime<Utc>> {
    let (Some(first), Some(last)) = (candles.first(), candles.last()) else {
        return Vec::new();
    };
    let mut times = vec![first.open_time];
    while let Some(time) = times.last().filter(|time| **time < last.open_time) {
        times.push(timeframe.bucket_end(*time));
    }
    times
}

pub async fn folded_streams_and_gaps_have_every_bucket(repositories: &Repositories) {
    let days = [0, 1, 12, 40, 41, 95, 130];
    let ticks: Vec<_> = days
        .map(|day| quote(seconds(day * 86_400 + 5), 0, "1.5", "2"))
        .into();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let now = now();
    for name in ["50h", "1w", "1M"] {
        let timeframe = timeframe(name);
        let folded = fold_ticks(&ticks, timeframe, PriceBasis::Bid, now).expect("fits");
        let every = open_times(&folded, timeframe);
        for (order, size) in [
            (SortOrder::Ascending, 12),
            (SortOrder::Descending, 5),
            (SortOrder::Ascending, 500),
        ] {
            let query = CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all());
            let query = query.order(order).limit(limit(size));
            let stream = candle_stream(Arc::clone(&repositories.ohlc), query);
            let mut read = collect(stream).await;
            let ohlc = Arc::clone(&repositories.ohlc);
            let mut slots = collect(filled_candle_stream(ohlc, query, GapFill::Flat, now)).await;
            if order == SortOrder::Descending {
                read.reverse();
                slots.reverse();
            }
            assert_eq!(read, folded, "{name} by {size} {order}");
            let opens: Vec<_> = slots.iter().map(CandleSlot::open_time).collect();
            assert_eq!(opens, every, "{name} by {size} {order}");
            let found = slots
                .iter()
                .filter(|slot| matches!(slot, CandleSlot::Candle(_)));
            assert_eq!(found.count(), folded.len());
        }
    }
}
