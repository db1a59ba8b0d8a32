//! Validation errors of ticks.

use rust_decimal::Decimal;

use super::decimal::DecimalError;
use super::invalid_identity::InvalidIdentity;

/// Why a tick is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTick {
    /// The symbol, a time, the sequence or the occurrence is invalid.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
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
            Self::Identity(invalid) => invalid.field(),
            Self::NoSide => "bid_price",
            Self::VolumeWithoutPrice { field, .. }
            | Self::NegativeVolume { field, .. }
            | Self::Number { field, .. } => field,
        }
    }
}
