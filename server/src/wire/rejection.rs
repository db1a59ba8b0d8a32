//! Why one element of a request is rejected.

use serde::{Deserialize, Serialize};
use tickbook::domain::InvalidTick;
use utoipa::ToSchema;

/// Why an element is rejected: a name for programs that does not change between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "too_many_digits")]
#[non_exhaustive]
pub enum RejectionReason {
    /// It is no JSON object.
    NotAnObject,
    /// It has a field that is not known.
    UnknownField,
    /// It has a field twice.
    DuplicateField,
    /// A field is missing that has no default, or both prices are.
    MissingField,
    /// A field has another JSON type than it should: null, a boolean, a text for a number …
    WrongType,
    /// A text is no decimal, or an integer is written with a point or an exponent.
    InvalidNumber,
    /// A number has more digits before or behind the point than are stored.
    TooManyDigits,
    /// A text is no RFC 3339 time, or a leap second.
    InvalidTime,
    /// A volume is given for a side that has no price.
    VolumeWithoutPrice,
    /// An id, a time, a sequence or a volume is below or above what is stored.
    OutOfRange,
    /// Its time is further ahead of the server's clock than the server takes.
    TickInFuture,
    /// There is no symbol of that id.
    UnknownSymbol,
    /// The store refuses it: it is older than what is kept, or breaks a rule of the table.
    RefusedByStore,
}

/// Why an element is no tick that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For programs.
    pub reason: RejectionReason,
    /// Which field is to blame, where it is one.
    pub field: Option<&'static str>,
    /// For people: what is wrong and what to do, with 40 characters of the input at most.
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
            InvalidTick::LeapSecond { .. } => RejectionReason::InvalidTime,
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
