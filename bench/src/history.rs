//! A history of ticks that is made by the server, since nobody measures how it came there.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::TimeRange;

use crate::server::Place;

/// Ticks at equal distances of several symbols, numbered from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History {
    pub(crate) symbols: u32,
    pub(crate) days: u32,
    pub(crate) ticks_per_minute: u32,
}

impl History {
    pub(crate) fn from(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(17_000)
    }

    pub(crate) fn range(&self) -> Result<TimeRange> {
        let to = self.from() + TimeDelta::days(i64::from(self.days));
        Ok(TimeRange::new(self.from(), to)?)
    }

    /// `count` minutes from the minute `first` on.
    pub(crate) fn minutes(&self, first: i64, count: i64) -> Result<TimeRange> {
        let from = self.from() + TimeDelta::minutes(first);
        Ok(TimeRange::new(from, from + TimeDelta::minutes(count))?)
    }

    /// Writes it, day by day as it would have come, and lets the server look at it.
    pub(crate) fn fill(&self, place: &mut Place) -> Result<()> {
        self.fill_from(place, self.from())
    }

    /// As [`fill`](Self::fill), from `first` on.
    pub(crate) fn fill_from(&self, place: &mut Place, first: DateTime<Utc>) -> Result<()> {
        let per_day = self.ticks_per_minute * 24 * 60;
        let step = 60_000_000 / self.ticks_per_minute;
        for day in 0..self.days {
            let start = first + TimeDelta::days(i64::from(day));
            place.execute(&format!(
                "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
                                    bid_volume, ask_volume) \
                 SELECT symbol, timestamptz '{}' + number * interval '{step} microseconds', 0, \
                        bid, bid + 0.00007, number % 50, symbol \
                 FROM generate_series(0::bigint, {}) AS number, \
                      generate_series(1, {}) AS symbol, \
                      LATERAL (SELECT 1.08 + (number * 7919 + symbol * 104729) % 1000 * 0.00001) \
                          AS price (bid)",
                start.to_rfc3339(),
                per_day - 1,
                self.symbols,
            ))?;
        }
        place.execute("ANALYZE ticks")
    }
}
