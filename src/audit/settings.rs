//! What an audit looks at.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::kind::FindingKind;
use crate::domain::{TimeRange, Timeframe, earliest_time, setters};

/// What an audit looks at, and what it takes for right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditSettings {
    /// Ticks within it, and candles whose whole bucket is within it.
    pub range: TimeRange,
    /// Only these timeframes, smallest first.
    pub timeframes: Vec<Timeframe>,
    /// Candles that end later are not compared: they still change.
    pub now: DateTime<Utc>,
    /// Ticks before it may have been dropped: a candle that begins earlier may know more ticks than
    /// are stored, and is never made anew.
    pub complete_from: DateTime<Utc>,
    /// Times from `complete_from` on of which ticks are missing as a whole: a candle there that
    /// knows more ticks than are stored is told and never made anew. Those that overlap a bucket
    /// count for it.
    pub doubtful: Vec<TimeRange>,
    /// What ticks are measured by.
    pub limits: TickLimits,
    /// Kinds that are neither told nor mended.
    pub skip: BTreeSet<FindingKind>,
}

setters!(AuditSettings {
    set {
        /// Sets the timeframes, smallest first.
        timeframes: Vec<Timeframe>,
        /// Sets the time before which ticks may have been dropped.
        complete_from: DateTime<Utc>,
        /// Sets the times of which ticks are missing as a whole.
        doubtful: Vec<TimeRange>,
        /// Sets what ticks are measured by.
        limits: TickLimits,
    }
    into {
        /// Sets the kinds that are left out.
        skip: BTreeSet<FindingKind>,
    }
});

impl AuditSettings {
    /// All timeframes and kinds, with the default limits, where all ticks are kept.
    #[must_use]
    pub fn new(range: TimeRange, now: DateTime<Utc>) -> Self {
        Self {
            range,
            timeframes: Timeframe::ALL.to_vec(),
            now,
            complete_from: earliest_time(),
            doubtful: Vec::new(),
            limits: TickLimits::default(),
            skip: BTreeSet::new(),
        }
    }

    /// Whether ticks of `[from, to)` may be missing although those around it are kept.
    pub(super) fn is_doubtful(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let overlaps = |range: &TimeRange| range.from() < to && range.to() > from;
        self.doubtful.iter().any(overlaps)
    }
}

/// What ticks are measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickLimits {
    /// The longest time without a tick; `None`: any.
    pub gap: Option<TimeDelta>,
    /// The longest time of ticks with the same content; `None`: any.
    pub stale: Option<TimeDelta>,
    /// By how much a tick may be received before it happened: clocks differ.
    pub receive_tolerance: TimeDelta,
    /// Whether the time from Friday 21:00 to Sunday 22:00 UTC, when currencies rest, counts for
    /// neither gaps nor stale quotes.
    pub weekend_rests: bool,
}

impl Default for TickLimits {
    /// Any gap, any repetition, one second of tolerance.
    fn default() -> Self {
        Self {
            gap: None,
            stale: None,
            receive_tolerance: TimeDelta::seconds(1),
            weekend_rests: false,
        }
    }
}

setters!(TickLimits {
    set {
        /// Sets by how much a tick may be received before it happened.
        receive_tolerance: TimeDelta,
        /// Sets whether the weekend of currencies counts for nothing.
        weekend_rests: bool,
    }
    into {
        /// Sets the longest time without a tick.
        gap: Option<TimeDelta>,
        /// Sets the longest time of ticks with the same content.
        stale: Option<TimeDelta>,
    }
});
