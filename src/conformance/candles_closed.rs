//! Conformance: reads that are limited to closed candles.
//!
//! Covers `CandleQuery::closed_only`.

use super::clock::now;
use super::samples::{EURUSD, insert_new, limit, read_candle_pages};
use crate::Repositories;
use crate::domain::{Candle, CandleSource, PriceBasis, SortOrder, Tick, TimeRange, Timeframe};
use crate::repository::CandleQuery;

/// Stores ticks in the forming bucket and in the three before it, and a candle in the future.
async fn fill(repositories: &Repositories, timeframe: Timeframe) {
    let forming = timeframe.bucket_start(now());
    let ticks: Vec<Tick> = (0..4)
        .map(|ago| {
            Tick::quote(
                EURUSD,
                forming - timeframe.duration() * ago,
                1.into(),
                2.into(),
            )
        })
        .collect();
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let future = Candle {
        symbol_id: EURUSD,
        timeframe,
        basis: PriceBasis::Bid,
        open_time: forming + timeframe.duration() * 3,
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
    let stored = repositories.ohlc.upsert_candles(&[future]).await;
    assert_eq!(stored.expect("it is stored"), 1);
}

pub async fn forming_candles_are_omitted_by_closed_only(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    // a stored candle of one timeframe is part of the larger ones
    let timeframe = Timeframe::M5;
    fill(repositories, timeframe).await;
    let all = CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all());
    let closed = |candles: Vec<Candle>| {
        let closed = candles.into_iter().filter(|candle| candle.closed);
        closed.collect::<Vec<_>>()
    };
    for size in [1, 2, 500] {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let all = CandleQuery {
                limit: limit(size),
                order,
                ..all
            };
            let before = closed(read_candle_pages(ohlc, all).await);
            let query = CandleQuery {
                closed_only: true,
                ..all
            };
            let read = read_candle_pages(ohlc, query).await;
            let after = closed(read_candle_pages(ohlc, all).await);
            // a candle may have closed in between
            assert!(read == before || read == after, "{read:?}");
            assert!(read.len() >= 3);
        }
    }
}

pub async fn newest_closed_candle_is_a_page_of_one(repositories: &Repositories) {
    let ohlc = repositories.ohlc.as_ref();
    let timeframe = Timeframe::H4;
    fill(repositories, timeframe).await;
    let query = CandleQuery {
        closed_only: true,
        order: SortOrder::Descending,
        limit: limit(1),
        ..CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all())
    };
    let before = timeframe.bucket_start(now());
    let newest = ohlc.candles(&query).await.expect("a page is read").items;
    let after = timeframe.bucket_start(now());
    assert_eq!(newest.len(), 1);
    assert!(newest[0].closed);
    let close_time = newest[0].close_time();
    assert!(close_time == before || close_time == after, "{close_time}");
    let forming = ohlc.latest(EURUSD, timeframe, PriceBasis::Bid).await;
    let forming = forming.expect("it is read").expect("there is one");
    assert!(!forming.closed, "the newest candle is not closed");
}
