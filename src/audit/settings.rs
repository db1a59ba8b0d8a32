//! Settings of an audit.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::kind::FindingKind;
use crate::domain::{TimeRange, Timeframe, TradingHours, earliest_time, setters};

/// The range, timeframes and limits of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditSettings {
    /// The range: all ticks within it, and the candles whose whole bucket is within it.
    pub range: TimeRange,
    /// The stored timeframes to compare, smallest first.
    pub timeframes: Vec<Timeframe>,
    /// The current time: candles that end later are not compared, since they still change.
    pub now: DateTime<Utc>,
    /// The time from which all ticks are retained. Earlier ticks may have been dropped, so a candle that
    /// begins earlier may include more ticks than are stored and is never recomputed.
    pub complete_from: DateTime<Utc>,
    /// Ranges from `complete_from` on whose ticks are missing. A candle that overlaps one of them and counts
    /// more ticks than are stored is reported and never recomputed.
    pub incomplete_ranges: Vec<TimeRange>,
    /// The limits for ticks.
    pub limits: TickLimits,
    /// The hours of the symbol's exchange: the time in which it is closed does not count for the limits.
    /// `None` for an exchange that is always open, or whose sessions are unknown.
    pub trading_hours: Option<TradingHours>,
    /// Kinds that are neither reported nor repaired.
    pub skip: BTreeSet<FindingKind>,
}

setters!(AuditSettings {
    set {
        /// Sets the stored timeframes, smallest first.
        timeframes: Vec<Timeframe>,
        /// Sets the time before which ticks may have been dropped.
        complete_from: DateTime<Utc>,
        /// Sets the ranges whose ticks are missing.
        incomplete_ranges: Vec<TimeRange>,
        /// Sets the limits for ticks.
        limits: TickLimits,
    }
    into {
        /// Sets the kinds that are skipped.
        skip: BTreeSet<FindingKind>,
        /// Sets the hours of the symbol's exchange.
        trading_hours: Option<TradingHours>,
    }
});

impl AuditSettings {
    /// Creates settings for all timeframes and kinds with the default limits, for ticks of which none
    /// were dropped.
    #[must_use]
    pub fn new(range: TimeRange, now: DateTime<Utc>) -> Self {
        Self {
            range,
            timeframes: Timeframe::ALL.to_vec(),
            now,
            complete_from: earliest_time(),
            incomplete_ranges: Vec::new(),
            limits: TickLimits::default(),
            trading_hours: None,
            skip: BTreeSet::new(),
        }
    }

    /// Whether ticks of `[from, to)` may be missing although neighbouring ticks are retained.
    pub(super) fn is_incomplete(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let overlaps = |range: &TimeRange| range.start() < to && range.end() > from;
        self.incomplete_ranges.iter().any(overlaps)
    }
}

/// Limits for ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickLimits {
    /// The longest open time without a tick; `None` for no limit.
    pub gap: Option<TimeDelta>,
    /// The longest open time with an unchanged quote; `None` for no limit.
    pub frozen: Option<TimeDelta>,
    /// The time by which `received_at` may precede the tick's own time, since clocks differ.
    pub receive_tolerance: TimeDelta,
}

impl Default for TickLimits {
    /// No limit for gaps and unchanged quotes, and a tolerance of one second.
    fn default() -> Self {
        Self {
            gap: None,
            frozen: None,
            receive_tolerance: TimeDelta::seconds(1),
        }
    }
}

setters!(TickLimits {
    set {
        /// Sets the time by which `received_at` may precede the tick's own time.
        receive_tolerance: TimeDelta,
    }
    into {
        /// Sets the longest time without a tick.
        gap: Option<TimeDelta>,
        /// Sets the longest time with an unchanged quote.
        frozen: Option<TimeDelta>,
    }
});
