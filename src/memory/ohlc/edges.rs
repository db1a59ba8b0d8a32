//! Ticks or trades of a range, as far as candles need them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::{CandleEvent, SymbolId, TimeRange, Timeframe};
use crate::memory::events::EventStore;
use crate::repository::CandleQuery;

/// Returns the time of the first event of `range` that counts for the query, by `edge`.
pub(super) fn edge_of<E: CandleEvent>(
    events: &EventStore<E>,
    query: &CandleQuery,
    range: TimeRange,
    edge: impl FnOnce(&mut dyn DoubleEndedIterator<Item = DateTime<Utc>>) -> Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    events.with_range(query.symbol_id, range, |events| {
        let counted = events.filter(|event| event.counts_for(query.basis));
        edge(&mut counted.map(|event| event.time()))
    })
}

/// Returns the starts of the buckets of `range` that have events.
pub(super) fn starts_of<E: CandleEvent>(
    events: &EventStore<E>,
    symbol_id: SymbolId,
    range: TimeRange,
    bucket: Timeframe,
) -> BTreeSet<DateTime<Utc>> {
    events.with_range(symbol_id, range, |events| {
        events
            .map(|event| bucket.bucket_start(event.time()))
            .collect()
    })
}

/// Whether `range` has an event.
pub(super) fn has_some<E: CandleEvent>(
    events: &EventStore<E>,
    symbol_id: SymbolId,
    range: TimeRange,
) -> bool {
    events.with_range(symbol_id, range, |events| events.next().is_some())
}
