//! Restored candles: candles whose ticks are no longer stored.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Candle, setters};

/// The time after its close in which a candle may still get ticks from writers that do not check for
/// restored candles. It allows the clocks of two writers to differ by up to an hour.
pub(crate) const MAY_GET_TICKS: TimeDelta = TimeDelta::hours(2);

/// Whether `candle` may still get ticks at `now`: it closed less than two hours before.
/// [`restore_candles`](super::OhlcRepository::restore_candles) omits such candles.
#[must_use]
pub fn may_get_ticks(candle: &Candle, now: DateTime<Utc>) -> bool {
    candle.close_time() > now - MAY_GET_TICKS
}

/// The result of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RestoredCandles {
    /// The number of candles that are now stored as given.
    pub stored: u64,
    /// The number of omitted candles for whose time ticks or another candle are stored.
    pub known: u64,
    /// The number of omitted candles that closed less than two hours ago and for whose time nothing is
    /// stored: their ticks may still arrive.
    pub recent: u64,
}

setters!(RestoredCandles {
    set {
        /// Sets the number of stored candles.
        stored: u64,
        /// Sets the number of candles omitted because of stored data.
        known: u64,
        /// Sets the number of candles omitted because they are recent.
        recent: u64,
    }
});

impl RestoredCandles {
    /// Adds the result of other candles.
    pub fn merge(&mut self, other: Self) {
        self.stored += other.stored;
        self.known += other.known;
        self.recent += other.recent;
    }

    /// The total number of candles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.stored + self.known + self.recent
    }
}
