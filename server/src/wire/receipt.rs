//! What became of the ticks of a request.

use serde::{Deserialize, Serialize};
use tickbook::repository::TickConflict;
use utoipa::ToSchema;

use super::rejection::{Rejection, RejectionReason};
use super::tick::TickBody;

/// What became of each element of a request: `inserted`, `duplicates`, and the lengths of `conflicts`
/// and `rejected` add up to the number of elements sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptBody {
    /// Ticks that are stored now and were not before.
    #[schema(example = 998)]
    pub inserted: u64,
    /// Ticks that were stored already, or came twice in the request.
    #[schema(example = 2)]
    pub duplicates: u64,
    /// Ticks whose (symbol_id, tick_time, sequence) is taken by other content.
    pub conflicts: Vec<ConflictBody>,
    /// Elements that are not stored, since each of them can never be, in the order sent.
    pub rejected: Vec<RejectedBody>,
    /// Ticks of the request, the rejected ones excluded, whose bid is above the ask. They are stored
    /// all the same.
    #[schema(example = 0)]
    pub crossed: u64,
}

/// Two ticks of one key and different content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictBody {
    /// What is stored, and stays.
    pub stored: TickBody,
    /// What came, and was not stored.
    pub refused: TickBody,
}

/// An element that is not stored, while the others are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RejectedBody {
    /// Its place in the array, counted from 0.
    #[schema(example = 17)]
    pub index: usize,
    /// Which field is to blame, where it is one.
    #[schema(example = "bid_price")]
    pub field: Option<String>,
    /// Why, for programs.
    pub reason: RejectionReason,
    /// Why, and what to send instead, for people.
    #[schema(
        example = "bid_price 1.0000000000001 has more than 12 decimal places: send at most 12"
    )]
    pub detail: String,
    /// The tick, where the element could be read as one.
    pub tick: Option<TickBody>,
}

impl RejectedBody {
    /// The element `index` was rejected for `rejection`.
    #[must_use]
    pub fn new(index: usize, rejection: Rejection, tick: Option<TickBody>) -> Self {
        Self {
            index,
            field: rejection.field.map(str::to_owned),
            reason: rejection.reason,
            detail: rejection.detail,
            tick,
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
