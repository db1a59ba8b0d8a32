//! Time ranges as their two bounds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::time::{InvalidTimeRange, TimeRange};

/// The serialized form of a range.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::domain) struct Bounds {
    #[serde(with = "super::time")]
    from: DateTime<Utc>,
    #[serde(with = "super::time")]
    to: DateTime<Utc>,
}

impl From<TimeRange> for Bounds {
    fn from(range: TimeRange) -> Self {
        Self {
            from: range.start(),
            to: range.end(),
        }
    }
}

impl TryFrom<Bounds> for TimeRange {
    type Error = InvalidTimeRange;

    fn try_from(bounds: Bounds) -> Result<Self, Self::Error> {
        Self::new(bounds.from, bounds.to)
    }
}
