//! Names of what an audit finds.

use std::fmt;
use std::str::FromStr;

/// What is wrong, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Ticks, but no candle of them.
    CandleMissing,
    /// A candle, but none of its ticks, although these are kept.
    CandleWithoutTicks,
    /// A candle that knows more ticks than are stored, in a time of which ticks went as a whole.
    CandleTicksGone,
    /// A candle with other values than its ticks have.
    CandleDiffers,
    /// The same of a stored candle, which is read instead of the ticks on purpose.
    StoredCandleDiffers,
    /// A row whose values cannot be read: the candles of its day are not compared.
    Unreadable,
    /// A row of made candles with other values than its ticks have, although what is read is right.
    MaterializedDiffers,
    /// A listing that is not in the order of its keys, or has one twice.
    KeyOrder,
    /// Ticks of one instant that came in another order than their sequence says.
    SequenceOrder,
    /// A bid above its ask.
    CrossedQuotes,
    /// The same content again and again for longer than allowed.
    StaleQuotes,
    /// A price that is zero or below.
    NonPositivePrices,
    /// A tick that was received before it happened, by more than the tolerance.
    ReceivedEarly,
    /// No tick for longer than allowed.
    Gap,
    /// A primary key that is missing, invalid or another one.
    PrimaryKey,
    /// A constraint that is missing or was never validated.
    Constraint,
    /// A hypertable whose next chunk has another length than declared.
    ChunkInterval,
    /// A chunk that should have been dropped.
    ChunkNotDropped,
    /// A chunk that should have been compressed.
    ChunkNotCompressed,
    /// A candle relation that is missing among the others, or none of the edition's kind.
    AggregateMissing,
    /// A continuous aggregate that hides what its last refresh did not see.
    AggregateNotRealTime,
    /// A continuous aggregate with the index that misleads the planner.
    AggregateBucketIndex,
    /// A continuous aggregate of which a refresh may miss an insert that commits beside it.
    AggregateThresholdNear,
    /// A job of the database that failed the last time.
    JobFailed,
    /// More changes wait for a refresh than reads should have to look through.
    InvalidationBacklog,
    /// Days whose ticks came late and that wait for a refresh for longer than it should take.
    DirtyWindowStale,
}

impl FindingKind {
    /// All of them.
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
        Self::StaleQuotes,
        Self::NonPositivePrices,
        Self::ReceivedEarly,
        Self::Gap,
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
        Self::DirtyWindowStale,
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
            Self::StaleQuotes => "stale_quotes",
            Self::NonPositivePrices => "non_positive_prices",
            Self::ReceivedEarly => "received_early",
            Self::Gap => "gap",
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
            Self::DirtyWindowStale => "dirty_window_stale",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind of finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of finding: use one of {kinds}", kinds = names())]
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
