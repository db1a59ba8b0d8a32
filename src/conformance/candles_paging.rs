//! Conformance: ranges, orders and pages of candles.
//!
//! Covers `OhlcRepository::candles`: range, order, limit and cursor.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, candles, insert_new, limit, micros, quote, range, read_candle_pages,
    seconds,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleCursor, PriceBasis, SortOrder, Tick, TimeRange, Timeframe, fold_ticks,
};
use crate::repository::CandleQuery;

/// Ticks in every minute of two days, except in the second half of every hour.
fn ticks() -> Vec<Tick> {
    (0..2 * 1_440)
        .filter(|minute| minute % 60 < 30)
        .flat_map(|minute| {
            let bid = format!("1.{minute:05}");
            [0, 59].map(|second| quote(seconds(minute * 60 + second), 0, &bid, "2"))
        })
        .collect()
}

fn all(timeframe: Timeframe) -> Vec<Candle> {
    fold_ticks(&ticks(), timeframe, PriceBasis::Bid, now()).expect("the numbers fit")
}

fn query(timeframe: Timeframe, range: TimeRange) -> CandleQuery {
    CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, range)
}

pub async fn range_of_candles_is_half_open_by_open_time(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let ohlc = repositories.ohlc.as_ref();
    let microsecond = TimeDelta::microseconds(1);
    for &timeframe in Timeframe::ALL {
        let all = all(timeframe);
        let (first, last) = (&all[0], &all[all.len() - 1]);
        for (from, to) in [
            (first.open_time, last.open_time),
            (first.open_time, last.open_time + microsecond),
            (first.open_time + microsecond, last.open_time),
            (first.open_time - microsecond, first.open_time),
            (first.open_time, first.open_time),
            (last.open_time, last.close_time()),
            (micros(1), seconds(3_601)),
            (seconds(86_399), seconds(86_401)),
        ] {
            let within = range(from, to);
            let expected: Vec<Candle> = all
                .iter()
                .filter(|candle| within.contains(candle.open_time))
                .cloned()
                .collect();
            let read = candles(ohlc, timeframe, PriceBasis::Bid, within).await;
            assert_eq!(read, expected, "{timeframe} {from} {to}");
        }
    }
}

pub async fn candle_is_whole_where_the_range_ends_within_it(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        let first = &all(timeframe)[0];
        let cut = range(first.open_time, first.open_time + TimeDelta::seconds(1));
        let read = candles(ohlc, timeframe, PriceBasis::Bid, cut).await;
        assert_eq!(read.as_slice(), std::slice::from_ref(first));
        assert!(first.tick_count > 1, "the range cuts ticks off");
    }
}

pub async fn descending_order_is_newest_first(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    for &timeframe in Timeframe::ALL {
        let query = CandleQuery {
            order: SortOrder::Descending,
            limit: limit(2),
            ..query(timeframe, TimeRange::all())
        };
        let page = repositories.ohlc.candles(&query).await;
        let newest: Vec<Candle> = all(timeframe).into_iter().rev().take(2).collect();
        let page = page.expect("a page is read");
        assert_eq!(
            page.next,
            Some(CandleCursor::of(&newest[1])).filter(|_| timeframe < Timeframe::D1)
        );
        assert_eq!(page.items, newest);
    }
}

pub async fn pages_of_candles_neither_skip_nor_repeat(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let ohlc = repositories.ohlc.as_ref();
    for (timeframe, sizes) in [
        (Timeframe::M1, [97, 1_439, 1_440]),
        (Timeframe::M15, [7, 95, 96]),
        (Timeframe::H4, [1, 5, 12]),
        (Timeframe::D1, [1, 2, 3]),
    ] {
        let all = all(timeframe);
        let reversed: Vec<Candle> = all.iter().rev().cloned().collect();
        for size in sizes {
            let query = CandleQuery {
                limit: limit(size),
                ..query(timeframe, TimeRange::all())
            };
            assert_eq!(read_candle_pages(ohlc, query).await, all);
            let newest_first = CandleQuery {
                order: SortOrder::Descending,
                ..query
            };
            assert_eq!(read_candle_pages(ohlc, newest_first).await, reversed);
        }
    }
}

pub async fn pages_of_candles_stay_inside_of_the_range(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let within = range(seconds(7_200), seconds(5 * 3_600));
    let expected: Vec<Candle> = all(Timeframe::M5)
        .into_iter()
        .filter(|candle| within.contains(candle.open_time))
        .collect();
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = CandleQuery {
            order,
            limit: limit(4),
            ..query(Timeframe::M5, within)
        };
        let mut read = read_candle_pages(repositories.ohlc.as_ref(), query).await;
        read.sort_by_key(|candle| candle.open_time);
        assert_eq!(read, expected);
    }
}

pub async fn page_of_candles_ends_at_its_limit_and_says_where(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let all = all(Timeframe::M30);
    let page = async |size| {
        let query = CandleQuery {
            limit: limit(size),
            ..query(Timeframe::M30, TimeRange::all())
        };
        let page = repositories.ohlc.candles(&query).await;
        page.expect("a page is read")
    };
    let part = page(5).await;
    assert_eq!(part.items, all[..5]);
    assert_eq!(part.next, Some(CandleCursor::of(&all[4])));
    let whole = page(48).await;
    assert_eq!((whole.items.len(), whole.next), (48, None));
}

pub async fn candle_cursor_need_not_name_a_candle(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let all = all(Timeframe::M30);
    let read_after = async |order: SortOrder, open_time: DateTime<Utc>| {
        let query = CandleQuery {
            order,
            after: Some(CandleCursor { open_time }),
            ..query(Timeframe::M30, TimeRange::all())
        };
        let page = repositories.ohlc.candles(&query).await;
        let mut read = page.expect("a page is read").items;
        read.sort_by_key(|candle| candle.open_time);
        read
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    // the half hours without ticks, and times within a bucket
    for between in [seconds(1_800), seconds(3_599)] {
        assert_eq!(read_after(up, between).await, all[1..]);
        assert_eq!(read_after(down, between).await, all[..1]);
    }
    assert_eq!(read_after(up, seconds(1)).await, all[1..]);
    assert_eq!(read_after(down, seconds(1)).await, all[..1]);
    assert_eq!(read_after(up, seconds(-1)).await, all);
    assert_eq!(read_after(down, seconds(-1)).await, []);
    assert_eq!(read_after(up, seconds(1_000_000)).await, []);
    assert_eq!(read_after(down, seconds(1_000_000)).await, all);
}

/// Late ticks form candles before and after the cursor.
pub async fn new_candles_between_pages_are_harmless(repositories: &Repositories) {
    let bid = |minute: i64| format!("1.{minute:04}");
    let every_third = |symbol_id, rest: i64| {
        let minutes = (0..300_i64).filter(move |minute| minute % 3 == rest);
        let ticks = minutes.map(|minute| {
            quote(seconds(minute * 60 + 7), 0, &bid(minute), "2").with_symbol_id(symbol_id)
        });
        ticks.collect::<Vec<_>>()
    };
    for (symbol_id, order) in [
        (EURUSD, SortOrder::Ascending),
        (GBPUSD, SortOrder::Descending),
    ] {
        let early = every_third(symbol_id, 0);
        insert_new(repositories.ticks.as_ref(), &early).await;
        let mut late = every_third(symbol_id, 1);
        Random::seeded().shuffle(&mut late);
        let mut late = late.chunks(9);
        let mut query = CandleQuery {
            symbol_id,
            order,
            limit: limit(13),
            ..query(Timeframe::M1, TimeRange::all())
        };
        let mut read: Vec<Candle> = Vec::new();
        loop {
            let page = repositories.ohlc.candles(&query).await;
            let page = page.expect("a page is read");
            read.extend(page.items);
            let Some(next) = page.next else { break };
            query.after = Some(next);
            if let Some(batch) = late.next() {
                insert_new(repositories.ticks.as_ref(), batch).await;
            }
        }
        if order == SortOrder::Descending {
            read.reverse();
        }
        let strictly_ordered = read
            .windows(2)
            .all(|pair| pair[0].open_time < pair[1].open_time);
        assert!(
            strictly_ordered,
            "{order}: a candle is repeated or misplaced"
        );
        let there = fold_ticks(&early, Timeframe::M1, PriceBasis::Bid, now()).expect("fits");
        assert!(read.len() > there.len(), "{order}: none came in between");
        read.retain(|candle| there.iter().any(|one| one.open_time == candle.open_time));
        assert_eq!(read, there, "{order}: a candle is skipped");
    }
}
