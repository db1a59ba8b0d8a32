//! Ticks that no store keeps.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::DecimalError;
use super::symbol_id::SymbolId;
use super::time::LEAP_SECOND;

/// So many equal unsequenced ticks of one symbol and one instant are stored.
pub(super) const MAX_EQUAL_TICKS: u32 = 1_000_000;

/// Why a tick can be stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTick {
    /// The symbol's number is below 1.
    #[error("symbol_id {0} is not positive: use that of a symbol")]
    SymbolId(SymbolId),
    /// An instant outside of what is kept.
    #[error(
        "{field} {time} is outside of 1970-01-01 to 2100-01-01: \
         check the unit and the epoch of the feed's clock"
    )]
    TimeOutOfRange {
        /// Which of the two times.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// A leap second, which stores would move into the second after it.
    #[error("{field} {time} is a {LEAP_SECOND}")]
    LeapSecond {
        /// Which of the two times.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// The sequence is below zero.
    #[error("sequence {0} is negative: count from 0 within one instant")]
    NegativeSequence(i64),
    /// Its source brought too many equal ticks of one instant.
    #[error(
        "occurrence {0} is too large: at most {MAX_EQUAL_TICKS} equal ticks of one instant are stored, \
         unless they are numbered by a sequence"
    )]
    Occurrence(u32),
    /// Neither side has a price.
    #[error("bid_price and ask_price are both absent: send at least one")]
    NoSide,
    /// A quantity is known and its price is absent.
    #[error("{field} {value} has no price: send the price or leave the volume out")]
    VolumeWithoutPrice {
        /// Which of the two volumes.
        field: &'static str,
        /// The quantity.
        value: Decimal,
    },
    /// A quantity is below zero.
    #[error("{field} {value} is negative: leave it out when the feed does not say")]
    NegativeVolume {
        /// Which of the two volumes.
        field: &'static str,
        /// The quantity.
        value: Decimal,
    },
    /// A number cannot be kept exactly.
    #[error("{field} {source}")]
    Number {
        /// Which of the four numbers.
        field: &'static str,
        /// Why.
        source: DecimalError,
    },
}

impl InvalidTick {
    /// The field of [`Tick`](super::Tick) that is wrong.
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
