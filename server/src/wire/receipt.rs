//! The receipt of `POST /api/v1/ticks`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tickbook::repository::TickConflict;
use utoipa::ToSchema;

use super::rejection::{Rejection, RejectionReason};
use super::tick::TickBody;

/// The results of all elements of a request: `inserted`, `duplicates`, and the lengths of `conflicts` and
/// `rejected` add up to the number of elements sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptBody {
    /// Ticks newly stored.
    #[schema(example = 998)]
    pub inserted: u64,
    /// Ticks that were already stored, or were repeated in the request.
    #[schema(example = 2)]
    pub duplicates: u64,
    /// Ticks refused because other content is stored under their (symbol_id, tick_time, sequence).
    pub conflicts: Vec<ConflictBody>,
    /// Invalid elements, which were not stored, in the order sent.
    pub rejected: Vec<RejectedBody>,
    /// Ticks of the request, without the rejected ones, whose bid is above the ask. They are stored as well.
    #[schema(example = 0)]
    pub crossed: u64,
}

/// Two ticks of the same key with different content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictBody {
    /// The stored tick, which is unchanged.
    pub stored: TickBody,
    /// The tick that was sent, and not stored.
    pub refused: TickBody,
}

/// A rejected element; the other elements of the request are stored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RejectedBody {
    /// Its position in the array, or among the rows of CSV, starting at 0.
    #[schema(example = 17)]
    pub index: usize,
    /// The line of its row, starting at 1; only if the body was CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 19)]
    pub line: Option<u64>,
    /// The invalid field, if it is a single one.
    #[schema(value_type = Option<String>, example = "bid_price")]
    pub field: Option<Cow<'static, str>>,
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The reason and the remedy, for people.
    #[schema(
        example = "bid_price 1.0000000000001 has more than 12 decimal places: send at most 12"
    )]
    pub detail: String,
    /// The tick, if the element could be parsed as one.
    pub tick: Option<Box<TickBody>>,
}

impl RejectedBody {
    /// Rejects the element `index` with `rejection`.
    #[must_use]
    pub fn new(index: usize, rejection: Rejection, tick: Option<TickBody>) -> Self {
        Self {
            index,
            line: None,
            field: rejection.field.map(Cow::Borrowed),
            reason: rejection.reason,
            detail: rejection.detail,
            tick: tick.map(Box::new),
        }
    }
}

impl From<TickConflict> for ConflictBody {
    fn from(conflict: TickConflict) -> Self {
        Self {
            stored: conflict.stored.into(),
            refused: conflict.refused.into(),
        }
    }
}
