//! Listings of any length as streams.
//!
//! Covers `tick_stream`, `candle_stream` and `filled_candle_stream`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use super::clock::now;
use super::samples::{EURUSD, insert_new, limit, micros, quote, range, seconds, series};
use crate::Repositories;
use crate::domain::{
    CandleSlot, GapFill, PriceBasis, SortOrder, TickCursor, TimeRange, Timeframe, fold_ticks,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, TickQuery, candle_stream, filled_candle_stream, tick_stream};

async fn collect<T>(mut stream: impl Stream<Item = Result<T, RepositoryError>> + Unpin) -> Vec<T> {
    let mut items = Vec::new();
    while let Some(item) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        items.push(item.expect("an item is read"));
    }
    items
}

pub async fn a_stream_gives_every_tick_of_its_range_in_order(repositories: &Repositories) {
    let all = series(EURUSD, 1_000);
    insert_new(repositories.ticks.as_ref(), &all).await;
    let within = range(seconds(10), seconds(300));
    let expected: Vec<_> = all
        .iter()
        .filter(|tick| within.contains(tick.tick_time))
        .cloned()
        .collect();
    let reversed: Vec<_> = expected.iter().rev().cloned().collect();
    for size in [1, 7, 870, 10_000] {
        let query = TickQuery {
            limit: limit(size),
            ..TickQuery::new(EURUSD, within)
        };
        let stream = tick_stream(Arc::clone(&repositories.ticks), query);
        assert_eq!(collect(stream).await, expected, "by {size}");
        let descending = TickQuery {
            order: SortOrder::Descending,
            ..query
        };
        let stream = tick_stream(Arc::clone(&repositories.ticks), descending);
        assert_eq!(collect(stream).await, reversed, "by -{size}");
    }
}

pub async fn a_stream_goes_on_behind_a_cursor(repositories: &Repositories) {
    let all = series(EURUSD, 100);
    insert_new(repositories.ticks.as_ref(), &all).await;
    let query = TickQuery {
        after: Some(TickCursor::of(&all[40])),
        limit: limit(10),
        ..TickQuery::new(EURUSD, TimeRange::all())
    };
    let stream = tick_stream(Arc::clone(&repositories.ticks), query);
    assert_eq!(collect(stream).await, all[41..]);
}

pub async fn a_stream_of_nothing_ends_at_once(repositories: &Repositories) {
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

pub async fn a_stream_gives_every_candle_of_its_range_in_order(repositories: &Repositories) {
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

pub async fn a_filled_stream_gives_every_bucket_in_order(repositories: &Repositories) {
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
