//! Validation errors of ticks.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::DecimalError;
use super::symbol_id::SymbolId;
use super::time::LEAP_SECOND;

/// The largest number of equal unsequenced ticks of one symbol and instant.
pub(super) const MAX_EQUAL_TICKS: u32 = 1_000_000;

/// Why a tick is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTick {
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
    /// The source sent too many equal ticks of one instant.
    #[error(
        "occurrence {0} is too large: at most {MAX_EQUAL_TICKS} equal ticks of one instant are stored, \
         unless they are numbered by a sequence"
    )]
    Occurrence(u32),
    /// Neither side has a price.
    #[error("bid_price and ask_price are both absent: send at least one")]
    NoSide,
    /// A volume is given without its price.
    #[error("{field} {value} has no price: send the price or omit the volume")]
    VolumeWithoutPrice {
        /// The field.
        field: &'static str,
        /// The volume.
        value: Decimal,
    },
    /// A volume is negative.
    #[error("{field} {value} is negative: omit it if it is unknown")]
    NegativeVolume {
        /// The field.
        field: &'static str,
        /// The volume.
        value: Decimal,
    },
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
}

impl InvalidTick {
    /// The invalid field of [`Tick`](super::Tick).
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::SymbolId(_) => "symbol_id",
            Self::NegativeSequence(_) => "sequence",
            Self::Occurrence(_) => "occurrence",
            Self::NoSide => "bid_price",
            Self::TimeOutOfRange { field, .. }
            | Self::LeapSecond { field, .. }
            | Self::VolumeWithoutPrice { field, .. }
            | Self::NegativeVolume { field, .. }
            | Self::Number { field, .. } => field,
        }
    }
}
