//! Kinds of audit findings.

use std::fmt;
use std::str::FromStr;

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A candle is missing although it has ticks.
    CandleMissing,
    /// A candle exists without ticks, although all ticks of its time are retained.
    CandleWithoutTicks,
    /// A candle counts more ticks than are stored, in a time whose ticks were dropped.
    CandleTicksGone,
    /// A candle differs from its ticks.
    CandleDiffers,
    /// A stored candle, which takes precedence over ticks, differs from its ticks.
    StoredCandleDiffers,
    /// A row has unreadable values; the candles of its day are not compared.
    Unreadable,
    /// A materialized row differs from its ticks although reads are correct.
    MaterializedDiffers,
    /// A listing repeats a key or is not in key order.
    KeyOrder,
    /// Ticks of one instant were received in another order than that of their sequences.
    SequenceOrder,
    /// A bid is above its ask.
    CrossedQuotes,
    /// A quote was unchanged for longer than allowed.
    FrozenQuotes,
    /// A price is zero or negative.
    NonPositivePrices,
    /// A tick was received before its own time by more than the tolerance.
    ReceivedEarly,
    /// No tick arrived for longer than allowed.
    TickGap,
    /// A primary key is missing, invalid or has other columns.
    PrimaryKey,
    /// A constraint is missing or not validated.
    Constraint,
    /// The chunk interval of a hypertable is not the declared one.
    ChunkInterval,
    /// A chunk is older than the retention allows.
    ChunkNotDropped,
    /// A chunk is not compressed although its age requires it.
    ChunkNotCompressed,
    /// A candle relation is missing while others exist, or has the wrong type for the edition.
    AggregateMissing,
    /// A continuous aggregate hides ticks that are newer than its last refresh.
    AggregateNotRealTime,
    /// A continuous aggregate has an index on the open time alone, which makes the planner choose slow
    /// plans.
    AggregateBucketIndex,
    /// A refresh of a continuous aggregate may miss an insert that commits at the same time.
    AggregateThresholdNear,
    /// The last run of a database job failed.
    JobFailed,
    /// More changes wait for a refresh than reads should have to scan.
    InvalidationBacklog,
    /// Days with late ticks have waited for a refresh for too long.
    RefreshBacklogOverdue,
    /// A day with ticks is missing in the record that reads search.
    SymbolDayMissing,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::CandleMissing,
        Self::CandleWithoutTicks,
        Self::CandleTicksGone,
        Self::CandleDiffers,
        Self::StoredCandleDiffers,
        Self::Unreadable,
        Self::MaterializedDiffers,
        Self::KeyOrder,
        Self::SequenceOrder,
        Self::CrossedQuotes,
        Self::FrozenQuotes,
        Self::NonPositivePrices,
        Self::ReceivedEarly,
        Self::TickGap,
        Self::PrimaryKey,
        Self::Constraint,
        Self::ChunkInterval,
        Self::ChunkNotDropped,
        Self::ChunkNotCompressed,
        Self::AggregateMissing,
        Self::AggregateNotRealTime,
        Self::AggregateBucketIndex,
        Self::AggregateThresholdNear,
        Self::JobFailed,
        Self::InvalidationBacklog,
        Self::RefreshBacklogOverdue,
        Self::SymbolDayMissing,
    ];

    /// The name in reports and options, such as `candle_missing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CandleMissing => "candle_missing",
            Self::CandleWithoutTicks => "candle_without_ticks",
            Self::CandleTicksGone => "candle_ticks_gone",
            Self::CandleDiffers => "candle_differs",
            Self::StoredCandleDiffers => "stored_candle_differs",
            Self::Unreadable => "unreadable",
            Self::MaterializedDiffers => "materialized_differs",
            Self::KeyOrder => "key_order",
            Self::SequenceOrder => "sequence_order",
            Self::CrossedQuotes => "crossed_quotes",
            Self::FrozenQuotes => "frozen_quotes",
            Self::NonPositivePrices => "non_positive_prices",
            Self::ReceivedEarly => "received_early",
            Self::TickGap => "tick_gap",
            Self::PrimaryKey => "primary_key",
            Self::Constraint => "constraint",
            Self::ChunkInterval => "chunk_interval",
            Self::ChunkNotDropped => "chunk_not_dropped",
            Self::ChunkNotCompressed => "chunk_not_compressed",
            Self::AggregateMissing => "aggregate_missing",
            Self::AggregateNotRealTime => "aggregate_not_real_time",
            Self::AggregateBucketIndex => "aggregate_bucket_index",
            Self::AggregateThresholdNear => "aggregate_threshold_near",
            Self::JobFailed => "job_failed",
            Self::InvalidationBacklog => "invalidation_backlog",
            Self::RefreshBacklogOverdue => "refresh_backlog_overdue",
            Self::SymbolDayMissing => "symbol_day_missing",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a kind of finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid kind of finding {0:?}: expected one of {kinds}", kinds = names())]
#[non_exhaustive]
pub struct UnknownFindingKind(pub String);

fn names() -> String {
    let names = FindingKind::ALL.iter().map(|kind| kind.as_str());
    Vec::from_iter(names).join(", ")
}

impl FromStr for FindingKind {
    type Err = UnknownFindingKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownFindingKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for &kind in FindingKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let error = "nonsense".parse::<FindingKind>().expect_err("no kind");
        assert!(error.to_string().contains("candle_missing, candle_without"));
    }
}
