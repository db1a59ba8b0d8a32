//! The buckets of corrected trades, whose candles disappear if all of their trades were cancelled.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, FilledCandle, GapFill};

use super::super::reading::{CANDLES, SeriesKey};

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
