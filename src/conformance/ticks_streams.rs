//! Conformance: streams of ticks.
//!
//! Covers `tick_stream`.

use std::sync::Arc;

use super::samples::{EURUSD, collect, insert_new, limit, range, seconds, series};
use crate::Repositories;
use crate::domain::{SortOrder, TickCursor, TimeRange};
use crate::repository::{TickQuery, tick_stream};

pub async fn stream_gives_every_tick_of_its_range_in_order(repositories: &Repositories) {
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

pub async fn stream_continues_after_a_cursor(repositories: &Repositories) {
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
