//! The buckets of corrected trades, whose candles disappear if all of their trades were cancelled.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleEvent, FilledCandle, GapFill};
use tokio::time::Instant;

use super::super::reading::{CANDLES, EventPlace, SeriesKey, Wanted};
use super::{MAX_READS, PENDING_READS, Series, SeriesState};

impl<E: CandleEvent> Series<E> {
    /// Schedules a read of the candle of a corrected trade. A trade that waits to be stored is corrected then.
    pub(in super::super) fn corrected(
        &mut self,
        place: EventPlace,
        is_pending: bool,
        now: Instant,
    ) {
        let is_seen = match &self.state {
            SeriesState::Live { newest, .. } => *newest >= Some(place),
            // the result of a running read may be older than the correction
            SeriesState::Waiting(_) => {
                self.missing = true;
                true
            }
        };
        let open_time = self.key.timeframe.bucket_start(place.0);
        self.corrected.add(open_time);
        let awaits = is_pending && is_seen;
        if awaits {
            self.reads = self.reads.max(MAX_READS - PENDING_READS);
        }
        let wanted = Wanted {
            from: Some(open_time),
            stored: awaits.then_some(place),
            only_changes: false,
        };
        self.want(wanted, now);
    }
}

/// Open times of the buckets of corrected trades.
#[derive(Debug, Default)]
pub(super) struct CorrectedBuckets {
    /// Corrected since the last read began.
    waiting: BTreeSet<DateTime<Utc>>,
    /// The current read began after their corrections.
    reading: BTreeSet<DateTime<Utc>>,
    emptied: Vec<DateTime<Utc>>,
}

impl CorrectedBuckets {
    pub(super) fn add(&mut self, open_time: DateTime<Utc>) {
        self.waiting.insert(open_time);
    }

    pub(super) fn begin_read(&mut self) {
        self.reading.append(&mut self.waiting);
    }

    /// Takes the candles of a read, which are the first ones and the newest one of its range.
    pub(super) fn end_read(&mut self, candles: &[Candle]) {
        let most = usize::try_from(CANDLES).unwrap_or(usize::MAX);
        let unread_after = candles.get(most).and(candles.get(most - 1));
        for open_time in std::mem::take(&mut self.reading) {
            let is_read = unread_after.is_none_or(|last| open_time <= last.open_time);
            if is_read && candles.iter().all(|candle| candle.open_time != open_time) {
                self.emptied.push(open_time);
            }
        }
    }

    /// Whether the last reads found no candle of that bucket.
    pub(super) fn is_emptied(&self, open_time: DateTime<Utc>) -> bool {
        self.emptied.contains(&open_time)
    }

    /// Takes a placeholder of each bucket without a candle.
    pub(super) fn take(&mut self, key: SeriesKey, clock: DateTime<Utc>) -> Vec<FilledCandle> {
        let placeholder = |open_time| {
            let SeriesKey {
                symbol_id,
                timeframe,
                basis,
            } = key;
            let shape = Candle::new(symbol_id, timeframe, basis, open_time, [Decimal::ZERO; 4]);
            FilledCandle::after(&shape, open_time, GapFill::Null, clock)
        };
        self.emptied.drain(..).map(placeholder).collect()
    }
}
