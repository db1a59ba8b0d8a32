//! Conformance: gap-filled listings of candles.
//!
//! Covers `filled_candles`.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{EURUSD, insert_new, limit, quote, range, seconds};
use crate::Repositories;
use crate::domain::{
    Candle, CandleCursor, CandleSlot, CandleSource, FilledCandle, GapFill, PriceBasis, SortOrder,
    Tick, TimeRange, Timeframe, fold_ticks,
};
use crate::repository::{CandleQuery, filled_candles};

const FILLS: [GapFill; 3] = [GapFill::Null, GapFill::PreviousClose, GapFill::Flat];

/// Ticks in the minutes 0, 1, 4, 9, 10, 30 and 200.
fn ticks() -> Vec<Tick> {
    [0, 1, 4, 9, 10, 30, 200]
        .into_iter()
        .flat_map(|minute| {
            [(5, minute), (50, minute + 1)].map(|(second, price)| {
                quote(
                    seconds(minute * 60 + second),
                    0,
                    &format!("1.{price:03}"),
                    "2",
                )
            })
        })
        .collect()
}

/// A time long after all ticks.
fn later() -> DateTime<Utc> {
    seconds(1_000_000)
}

fn minute(minute: i64) -> DateTime<Utc> {
    seconds(minute * 60)
}

fn query(range: TimeRange) -> CandleQuery {
    CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, range)
}

/// Computes the expected slots bucket by bucket.
fn expected(
    candles: &[Candle],
    range: TimeRange,
    fill: GapFill,
    now: DateTime<Utc>,
) -> Vec<CandleSlot> {
    let (Some(first), Some(newest)) = (candles.first(), candles.last()) else {
        return Vec::new();
    };
    let mut slots = Vec::new();
    let mut previous = first;
    let mut open_time = first.open_time;
    while open_time <= newest.open_time {
        let candle = candles.iter().find(|one| one.open_time == open_time);
        previous = candle.unwrap_or(previous);
        if range.contains(open_time) {
            match candle {
                Some(candle) => slots.push(CandleSlot::Candle(candle.clone())),
                None if open_time <= now => {
                    let filled = FilledCandle::after(previous, open_time, fill, now);
                    slots.push(CandleSlot::Filled(filled));
                }
                None => {}
            }
        }
        open_time += first.timeframe.duration();
    }
    slots
}

async fn read_pages(
    repositories: &Repositories,
    mut query: CandleQuery,
    fill: GapFill,
    now: DateTime<Utc>,
) -> Vec<CandleSlot> {
    let mut slots = Vec::new();
    loop {
        let page = filled_candles(repositories.ohlc.as_ref(), &query, fill, now).await;
        let page = page.expect("a page is read");
        assert!(
            page.items.len() <= query.limit.get(),
            "a page respects its limit"
        );
        assert!(
            page.next.is_none() || !page.items.is_empty(),
            "a page with a next cursor is not empty"
        );
        slots.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return slots,
        }
    }
}

pub async fn filled_pages_have_every_bucket_of_the_range(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    for timeframe in [Timeframe::M1, Timeframe::M5] {
        let all = fold_ticks(&ticks(), timeframe, PriceBasis::Bid, now()).expect("fits");
        for within in [
            TimeRange::all(),
            range(minute(2), minute(35)),
            range(minute(-100), minute(12)),
            range(minute(11), minute(29)),
            range(seconds(61), seconds(605)),
            range(minute(31), minute(400)),
            range(minute(201), minute(400)),
            range(minute(-10), minute(-5)),
            range(minute(5), minute(5)),
        ] {
            for fill in FILLS {
                let expected = expected(&all, within, fill, later());
                let reversed: Vec<_> = expected.iter().rev().cloned().collect();
                for size in [1, 3, 10, 500] {
                    if size == 1 && expected.len() > 50 {
                        continue;
                    }
                    let ascending = CandleQuery {
                        timeframe,
                        limit: limit(size),
                        ..query(within)
                    };
                    let read = read_pages(repositories, ascending, fill, later()).await;
                    assert_eq!(read, expected, "{timeframe} {within:?} {fill} by {size}");
                    let descending = CandleQuery {
                        order: SortOrder::Descending,
                        ..ascending
                    };
                    let read = read_pages(repositories, descending, fill, later()).await;
                    assert_eq!(read, reversed, "{timeframe} {within:?} {fill} by -{size}");
                }
            }
        }
    }
}

pub async fn filled_candle_has_the_requested_prices(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let gap = range(minute(2), minute(3));
    let close = "1.002".parse().ok();
    for (fill, prices) in [
        (GapFill::Null, [None; 4]),
        (GapFill::PreviousClose, [None, None, None, close]),
        (GapFill::Flat, [close; 4]),
    ] {
        let read = read_pages(repositories, query(gap), fill, later()).await;
        let [CandleSlot::Filled(filled)] = read.as_slice() else {
            panic!("{fill}: {read:?}");
        };
        let found = [filled.open, filled.high, filled.low, filled.close];
        assert_eq!(found, prices, "{fill}");
        assert_eq!((filled.open_time, filled.closed), (minute(2), true));
    }
}

pub async fn gaps_are_omitted_without_a_fill(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let all = fold_ticks(&ticks(), Timeframe::M1, PriceBasis::Bid, now()).expect("fits");
    let query = CandleQuery {
        limit: limit(3),
        ..query(TimeRange::all())
    };
    let read = read_pages(repositories, query, GapFill::Omit, later()).await;
    let all: Vec<_> = all.into_iter().map(CandleSlot::Candle).collect();
    assert_eq!(read, all);
}

pub async fn symbol_without_candles_is_not_filled(repositories: &Repositories) {
    for fill in FILLS {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = CandleQuery {
                order,
                ..query(TimeRange::all())
            };
            let read = read_pages(repositories, query, fill, later()).await;
            assert_eq!(read, []);
        }
    }
}

/// A candle is stored in the future.
pub async fn buckets_after_now_are_not_filled(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let future = Candle {
        symbol_id: EURUSD,
        timeframe: Timeframe::M1,
        basis: PriceBasis::Bid,
        open_time: minute(500),
        open: 1.into(),
        high: 1.into(),
        low: 1.into(),
        close: 1.into(),
        volume: 0.into(),
        tick_count: 0,
        trade_volumes: None,
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
    };
    let stored = repositories
        .ohlc
        .upsert_candles(std::slice::from_ref(&future));
    assert_eq!(stored.await.expect("it is stored"), 1);
    let now = seconds(300 * 60 + 30);
    let mut all = fold_ticks(
        &ticks(),
        Timeframe::M1,
        PriceBasis::Bid,
        crate::conformance::clock::now(),
    )
    .expect("fits");
    all.push(future);
    let mut expected = expected(&all, TimeRange::all(), GapFill::Flat, now);
    let forming = &expected[expected.len() - 2];
    assert_eq!(forming.open_time(), minute(300));
    let CandleSlot::Filled(forming) = forming else {
        panic!("{forming:?}");
    };
    assert!(!forming.closed);
    for size in [7, 301, 302, 303] {
        let ascending = CandleQuery {
            limit: limit(size),
            ..query(TimeRange::all())
        };
        let read = read_pages(repositories, ascending, GapFill::Flat, now).await;
        assert_eq!(read, expected, "by {size}");
        let descending = CandleQuery {
            order: SortOrder::Descending,
            ..ascending
        };
        let mut read = read_pages(repositories, descending, GapFill::Flat, now).await;
        read.reverse();
        assert_eq!(read, expected, "by -{size}");
    }
    // closed candles only: the ones before now
    expected.retain(|slot| slot.open_time() < minute(300));
    let closed = CandleQuery {
        closed_only: true,
        ..query(TimeRange::all())
    };
    let read = read_pages(repositories, closed, GapFill::Flat, now).await;
    assert_eq!(read, expected);
}

pub async fn cursor_may_name_a_filled_candle(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &ticks()).await;
    let behind = |order, open_time| CandleQuery {
        order,
        after: Some(CandleCursor { open_time }),
        limit: limit(2),
        ..query(range(minute(0), minute(20)))
    };
    let open_minutes = async |query| {
        let page = filled_candles(repositories.ohlc.as_ref(), &query, GapFill::Null, later());
        let page = page.await.expect("a page is read");
        let times = page.items.iter().map(CandleSlot::open_time);
        let minutes = times.map(|time| (time - minute(0)).num_minutes());
        minutes.collect::<Vec<i64>>()
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    assert_eq!(open_minutes(behind(up, minute(6))).await, [7, 8]);
    assert_eq!(open_minutes(behind(down, minute(6))).await, [5, 4]);
    let between = minute(6) + TimeDelta::seconds(1);
    assert_eq!(open_minutes(behind(up, between)).await, [7, 8]);
    assert_eq!(open_minutes(behind(down, between)).await, [6, 5]);
    assert_eq!(open_minutes(behind(up, minute(19))).await, [0; 0]);
    assert_eq!(open_minutes(behind(down, minute(0))).await, [0; 0]);
    assert_eq!(open_minutes(behind(up, minute(-9))).await, [0, 1]);
    assert_eq!(open_minutes(behind(down, minute(99))).await, [19, 18]);
}
