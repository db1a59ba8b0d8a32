//! Why one element of a request is rejected.

use serde::{Deserialize, Serialize};
use tickbook::domain::{InvalidIdentity, InvalidTick, InvalidTrade};
use utoipa::ToSchema;

/// The reason of a rejection, for programs; stable between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "too_many_digits")]
#[non_exhaustive]
pub enum RejectionReason {
    /// The element is not a JSON object.
    NotAnObject,
    /// A field is unknown.
    UnknownField,
    /// A field is repeated.
    DuplicateField,
    /// A required field is missing, or both prices are.
    MissingField,
    /// A field has the wrong JSON type: null, a boolean, a string for a number …
    WrongType,
    /// A text is not a decimal, or an integer has a decimal point or an exponent.
    InvalidNumber,
    /// A number has more digits before or after the decimal point than can be stored.
    TooManyDigits,
    /// A text is not an RFC 3339 time, or is a leap second.
    InvalidTime,
    /// A volume is given for a side that has no price.
    VolumeWithoutPrice,
    /// An aggressor side is neither `buy` nor `sell`.
    UnknownSide,
    /// An id, a time, a sequence, a volume or a quantity is out of range.
    OutOfRange,
    /// The time of a tick is further ahead of the server's clock than allowed.
    TickInFuture,
    /// The time of a trade is further ahead of the server's clock than allowed.
    TradeInFuture,
    /// A row of CSV has another number of columns than the header row.
    WrongColumns,
    /// The element is not an order event.
    InvalidEvent,
    /// No symbol has this id.
    UnknownSymbol,
    /// The store refuses it: it is older than the retention floor, or violates a constraint of the table.
    RefusedByStore,
}

/// Why an element is not a valid tick or trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The invalid field, if it is a single one.
    pub field: Option<&'static str>,
    /// The problem and the remedy, for people, with at most 40 characters of the input.
    pub detail: String,
}

impl Rejection {
    pub(crate) fn of_field(
        field: &'static str,
        reason: RejectionReason,
        problem: impl std::fmt::Display,
    ) -> Self {
        Self {
            reason,
            field: Some(field),
            detail: format!("{field} {problem}"),
        }
    }
}

impl From<InvalidTick> for Rejection {
    fn from(error: InvalidTick) -> Self {
        let reason = match error {
            InvalidTick::NoSide => RejectionReason::MissingField,
            InvalidTick::VolumeWithoutPrice { .. } => RejectionReason::VolumeWithoutPrice,
            InvalidTick::Identity(InvalidIdentity::LeapSecond { .. }) => {
                RejectionReason::InvalidTime
            }
            InvalidTick::Number { .. } => RejectionReason::TooManyDigits,
            // a symbol, time, occurrence, sequence or volume
            _ => RejectionReason::OutOfRange,
        };
        Self {
            reason,
            field: Some(error.field()),
            detail: error.to_string(),
        }
    }
}

impl From<InvalidTrade> for Rejection {
    fn from(error: InvalidTrade) -> Self {
        let reason = match error {
            InvalidTrade::Identity(InvalidIdentity::LeapSecond { .. }) => {
                RejectionReason::InvalidTime
            }
            InvalidTrade::Number { .. } => RejectionReason::TooManyDigits,
            // a symbol, time, occurrence, sequence, quantity or trade id
            _ => RejectionReason::OutOfRange,
        };
        Self {
            reason,
            field: Some(error.field()),
            detail: error.to_string(),
        }
    }
}
