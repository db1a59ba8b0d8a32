//! Conformance: streams of candles.
//!
//! Covers `candle_stream` and `filled_candle_stream`.

use std::sync::Arc;

use super::clock::now;
use super::samples::{EURUSD, collect, insert_new, limit, micros, quote, range, seconds, series};
use crate::Repositories;
use crate::domain::{CandleSlot, GapFill, PriceBasis, SortOrder, TimeRange, Timeframe, fold_ticks};
use crate::repository::{CandleQuery, TickQuery, candle_stream, filled_candle_stream, tick_stream};

pub async fn empty_stream_ends_at_once(repositories: &Repositories) {
    let empty = range(micros(5), micros(5));
    let query = TickQuery::new(EURUSD, empty);
    assert_eq!(
        collect(tick_stream(Arc::clone(&repositories.ticks), query)).await,
        []
    );
    let query = CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
    assert_eq!(
        collect(candle_stream(Arc::clone(&repositories.ohlc), query)).await,
        []
    );
}

pub async fn stream_gives_every_candle_of_its_range_in_order(repositories: &Repositories) {
    let all = series(EURUSD, 3_000);
    insert_new(repositories.ticks.as_ref(), &all).await;
    let now = now();
    let candles = fold_ticks(&all, Timeframe::M1, PriceBasis::Mid, now).expect("fits");
    assert!(candles.len() > 15);
    for size in [1, 4, 500] {
        let query = CandleQuery {
            limit: limit(size),
            ..CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Mid, TimeRange::all())
        };
        let stream = candle_stream(Arc::clone(&repositories.ohlc), query);
        assert_eq!(collect(stream).await, candles, "by {size}");
    }
}

pub async fn filled_stream_gives_every_bucket_in_order(repositories: &Repositories) {
    let minutes = [0, 1, 5, 30, 31];
    let ticks = minutes.map(|minute| quote(seconds(minute * 60), 0, "1.5", "2"));
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let now = now();
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        for size in [1, 4, 500] {
            let query = CandleQuery {
                limit: limit(size),
                order,
                ..CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, TimeRange::all())
            };
            let candles = Arc::clone(&repositories.ohlc);
            let mut slots = collect(filled_candle_stream(candles, query, GapFill::Flat, now)).await;
            if order == SortOrder::Descending {
                slots.reverse();
            }
            let open_times: Vec<_> = slots.iter().map(CandleSlot::open_time).collect();
            let all: Vec<_> = (0..=31).map(|minute| seconds(minute * 60)).collect();
            assert_eq!(open_times, all, "{order:?} by {size}");
            let is_candle = |slot: &&CandleSlot| matches!(slot, CandleSlot::Candle(_));
            assert_eq!(slots.iter().filter(is_candle).count(), minutes.len());
        }
    }
}
