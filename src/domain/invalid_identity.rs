//! Checks of the symbol, the times and the numbers of an event.

use chrono::{DateTime, Utc};

use super::symbol_id::SymbolId;
use super::time::{LEAP_SECOND, earliest_time, is_leap_second, latest_time, truncate_to_micros};

/// The largest number of equal unsequenced events of one symbol and instant.
const MAX_EQUAL: u32 = 1_000_000;

/// Why the symbol, a time, the sequence or the occurrence of a tick or trade is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdentity {
    /// The symbol id is below 1.
    #[error("invalid symbol_id {0}: expected the positive id of a symbol")]
    SymbolId(SymbolId),
    /// A time is outside of the supported range.
    #[error(
        "{field} {time} is outside of 1970-01-01 to 2100-01-01: \
         check the unit and the epoch of the feed's clock"
    )]
    TimeOutOfRange {
        /// The field.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// A time is a leap second, which stores would move into the next second.
    #[error("{field} {time} is a {LEAP_SECOND}")]
    LeapSecond {
        /// The field.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// The sequence is negative.
    #[error("sequence {0} is negative: count from 0 within one instant")]
    NegativeSequence(i64),
    /// The source sent too many equal ticks or trades of one instant.
    #[error(
        "occurrence {occurrence} is too large: at most {MAX_EQUAL} equal {names} of one instant are \
         stored, unless they are numbered by a sequence"
    )]
    Occurrence {
        /// The occurrence.
        occurrence: u32,
        /// `ticks` or `trades`.
        names: &'static str,
    },
}

impl InvalidIdentity {
    /// The invalid field.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::SymbolId(_) => "symbol_id",
            Self::NegativeSequence(_) => "sequence",
            Self::Occurrence { .. } => "occurrence",
            Self::TimeOutOfRange { field, .. } | Self::LeapSecond { field, .. } => field,
        }
    }

    /// Returns the error of a time as that of another field.
    pub(super) fn of_field(self, field: &'static str) -> Self {
        match self {
            Self::TimeOutOfRange { time, .. } => Self::TimeOutOfRange { field, time },
            Self::LeapSecond { time, .. } => Self::LeapSecond { field, time },
            other => other,
        }
    }
}

/// The symbol, the times and the numbers of an event before they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) symbol_id: SymbolId,
    pub(super) time: DateTime<Utc>,
    pub(super) received_at: Option<DateTime<Utc>>,
    pub(super) sequence: i64,
    pub(super) occurrence: Option<u32>,
}

impl Identity {
    /// Returns the identity with times in whole microseconds. `time_field` is the name of its time, and
    /// `names` the name of several events, for errors.
    pub(super) fn normalized(
        self,
        time_field: &'static str,
        names: &'static str,
    ) -> Result<Self, InvalidIdentity> {
        if self.symbol_id.get() < 1 {
            return Err(InvalidIdentity::SymbolId(self.symbol_id));
        }
        let time = checked(time_field, self.time)?;
        let received_at = self.received_at;
        let received_at = received_at.map(|time| checked("received_at", time));
        let received_at = received_at.transpose()?;
        if self.sequence < 0 {
            return Err(InvalidIdentity::NegativeSequence(self.sequence));
        }
        if let Some(occurrence) = self.occurrence.filter(|number| *number >= MAX_EQUAL) {
            return Err(InvalidIdentity::Occurrence { occurrence, names });
        }
        Ok(Self {
            time,
            received_at,
            ..self
        })
    }
}

/// Returns a time in whole microseconds.
fn checked(field: &'static str, time: DateTime<Utc>) -> Result<DateTime<Utc>, InvalidIdentity> {
    let time = truncate_to_micros(time);
    if time < earliest_time() || time >= latest_time() {
        return Err(InvalidIdentity::TimeOutOfRange { field, time });
    }
    if is_leap_second(time) {
        return Err(InvalidIdentity::LeapSecond { field, time });
    }
    Ok(time)
}
