//! Candles brought back whose ticks are not stored.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Candle, setters};

/// A candle that closed a shorter time ago may get ticks that are written without a look at what was
/// restored, also where the clocks of two writers differ by less than an hour.
pub(crate) const MAY_GET_TICKS: TimeDelta = TimeDelta::hours(2);

/// Whether ticks of `candle` may still come at `now`, so that
/// [`restore_candles`](super::OhlcRepository::restore_candles) leaves it out: it closed less than two
/// hours before.
#[must_use]
pub fn may_get_ticks(candle: &Candle, now: DateTime<Utc>) -> bool {
    candle.close_time() > now - MAY_GET_TICKS
}

/// What became of candles that were to be brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RestoredCandles {
    /// How many are stored now as they were given.
    pub stored: u64,
    /// How many were left out, since ticks or another candle of their time are stored.
    pub known: u64,
    /// How many were left out, since they closed less than two hours ago and nothing of their time is
    /// stored: their ticks may still come.
    pub recent: u64,
}

setters!(RestoredCandles {
    set {
        /// Sets how many candles are stored now.
        stored: u64,
        /// Sets how many candles were left out for what is stored.
        known: u64,
        /// Sets how many candles were left out because they are recent.
        recent: u64,
    }
});

impl RestoredCandles {
    /// Adds what other candles became.
    pub fn merge(&mut self, other: Self) {
        self.stored += other.stored;
        self.known += other.known;
        self.recent += other.recent;
    }

    /// How many candles it speaks of.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.stored + self.known + self.recent
    }
}
