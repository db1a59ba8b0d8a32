//! The receipt of `POST /api/v1/trades`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tickbook::domain::Trade;
use tickbook::repository::InsertConflict;
use utoipa::ToSchema;

use super::rejection::{Rejection, RejectionReason};
use super::trade::TradeBody;

/// The results of all elements of a request: `inserted`, `duplicates`, and the lengths of `conflicts` and
/// `rejected` add up to the number of elements sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TradeReceiptBody {
    /// Trades newly stored.
    #[schema(example = 998)]
    pub inserted: u64,
    /// Trades that were already stored, or were repeated in the request.
    #[schema(example = 2)]
    pub duplicates: u64,
    /// Trades refused because other content is stored under their (symbol_id, trade_time, sequence).
    pub conflicts: Vec<TradeConflictBody>,
    /// Invalid elements, which were not stored, in the order sent.
    pub rejected: Vec<RejectedTradeBody>,
}

/// Two trades of the same key with different content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TradeConflictBody {
    /// The stored trade, which is unchanged.
    pub stored: TradeBody,
    /// The trade that was sent, and not stored.
    pub refused: TradeBody,
}

/// A rejected element; the other elements of the request are stored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RejectedTradeBody {
    /// Its position in the array, or among the rows of CSV, starting at 0.
    #[schema(example = 17)]
    pub index: usize,
    /// The line of its row, starting at 1; only if the body was CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 19)]
    pub line: Option<u64>,
    /// The invalid field, if it is a single one.
    #[schema(value_type = Option<String>, example = "quantity")]
    pub field: Option<Cow<'static, str>>,
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The reason and the remedy, for people.
    #[schema(example = "quantity 0 is not positive: a trade exchanges more than nothing")]
    pub detail: String,
    /// The trade, if the element could be parsed as one.
    pub trade: Option<Box<TradeBody>>,
}

impl RejectedTradeBody {
    /// Rejects the element `index` with `rejection`.
    #[must_use]
    pub fn new(index: usize, rejection: Rejection, trade: Option<TradeBody>) -> Self {
        Self {
            index,
            line: None,
            field: rejection.field.map(Cow::Borrowed),
            reason: rejection.reason,
            detail: rejection.detail,
            trade: trade.map(Box::new),
        }
    }
}

impl From<InsertConflict<Trade>> for TradeConflictBody {
    fn from(conflict: InsertConflict<Trade>) -> Self {
        Self {
            stored: conflict.stored.into(),
            refused: conflict.refused.into(),
        }
    }
}
