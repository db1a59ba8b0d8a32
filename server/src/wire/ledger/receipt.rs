//! The receipt of appended events.

use serde::Serialize;
use tickbook_ledger::domain::{Overfill, PositionAdjustment};
use tickbook_ledger::repository::AppendReceipt;
use utoipa::ToSchema;

use super::position::PositionStateBody;
use crate::wire::{DecimalText, Rejection, RejectionReason};

/// The results of all elements of a request: the lengths of `appended`, `duplicates`, `conflicts`, `quarantined` and
/// `rejected` add up to the number of elements sent.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "sequence": 2, "appended": [{"index": 0, "sequence": 1}, {"index": 1, "sequence": 2}],
    "duplicates": [{"index": 2, "first": 2, "closing": null}], "conflicts": [],
    "quarantined": [{
        "index": 3, "reason": "unknown_order",
        "detail": "unknown order: create it first, or send its terms with the event"
    }],
    "rejected": [], "overfills": [], "adjusted": []
}))]
pub struct AppendReceiptBody {
    /// The number of the last event of the account; 0 without events.
    #[schema(example = 2)]
    pub sequence: i64,
    /// Events that were booked.
    pub appended: Vec<AppendedEventBody>,
    /// Events that are booked already, with the same content.
    pub duplicates: Vec<DuplicateEventBody>,
    /// Events whose id is booked with other content. They are in the quarantine.
    pub conflicts: Vec<ConflictingEventBody>,
    /// Events that cannot be booked. They are in the quarantine.
    pub quarantined: Vec<RefusedEventBody>,
    /// Elements that are not events. They are not stored.
    pub rejected: Vec<RejectedEventBody>,
    /// Orders of which more was executed than ordered, through these events.
    pub overfills: Vec<OverfillBody>,
    /// Positions that were computed again, since a fill arrived late or was busted or corrected.
    pub adjusted: Vec<AdjustedPositionBody>,
}

/// An event that was booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppendedEventBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 0)]
    pub index: usize,
    /// Its number in the account.
    #[schema(example = 1)]
    pub sequence: i64,
}

/// An event that is booked already.
#[derive(Debug, Serialize, ToSchema)]
pub struct DuplicateEventBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 2)]
    pub index: usize,
    /// The number of the booked event.
    #[schema(example = 2)]
    pub first: i64,
    /// The number of the event that closed the order, if the repeated report of a fill did so.
    pub closing: Option<i64>,
}

/// An event whose id is booked with other content.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictingEventBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 4)]
    pub index: usize,
    /// The number of the booked event.
    #[schema(example = 2)]
    pub first: i64,
}

/// An event that cannot be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedEventBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 3)]
    pub index: usize,
    /// The reason, for programs.
    #[schema(value_type = String, example = "unknown_order")]
    pub reason: &'static str,
    /// The reason and the remedy, for people.
    #[schema(example = "unknown order: create it first, or send its terms with the event")]
    pub detail: String,
}

/// A rejected element; the other elements of the request are appended.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedEventBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 5)]
    pub index: usize,
    /// The invalid field, if it is a single one.
    #[schema(value_type = Option<String>, example = "symbol_id")]
    pub field: Option<&'static str>,
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The reason and the remedy, for people.
    #[schema(example = "is not an order event: missing field `kind`")]
    pub detail: String,
}

/// An order of which more was executed than ordered.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverfillBody {
    /// The order.
    #[schema(example = "a-1")]
    pub order_id: String,
    /// The quantity executed beyond the ordered one.
    pub quantity: DecimalText,
}

/// A position that was computed again.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdjustedPositionBody {
    /// As it was before the event.
    pub before: PositionStateBody,
    /// As it is after the event.
    pub after: PositionStateBody,
}

impl RejectedEventBody {
    pub(crate) fn new(index: usize, rejection: Rejection) -> Self {
        Self {
            index,
            field: rejection.field,
            reason: rejection.reason,
            detail: rejection.detail,
        }
    }
}

impl From<Overfill> for OverfillBody {
    fn from(overfill: Overfill) -> Self {
        Self {
            order_id: overfill.order_id.as_str().to_owned(),
            quantity: DecimalText(overfill.quantity),
        }
    }
}

impl From<PositionAdjustment> for AdjustedPositionBody {
    fn from(adjusted: PositionAdjustment) -> Self {
        Self {
            before: PositionStateBody::new(adjusted.key.clone(), &adjusted.before),
            after: PositionStateBody::new(adjusted.key, &adjusted.after),
        }
    }
}

impl AppendReceiptBody {
    /// The receipt of a request. `indexes` has the position of each appended event in the request.
    pub(crate) fn new(
        receipt: AppendReceipt,
        indexes: &[usize],
        rejected: Vec<RejectedEventBody>,
    ) -> Self {
        let place = |index: usize| indexes.get(index).copied().unwrap_or(index);
        let appended = receipt.appended.iter().map(|it| AppendedEventBody {
            index: place(it.index),
            sequence: it.sequence,
        });
        let duplicates = receipt.duplicates.iter().map(|it| DuplicateEventBody {
            index: place(it.index),
            first: it.first,
            closing: it.closing,
        });
        let conflicts = receipt.conflicts.iter().map(|it| ConflictingEventBody {
            index: place(it.index),
            first: it.first,
        });
        let quarantined = receipt.quarantined.iter().map(|it| RefusedEventBody {
            index: place(it.index),
            reason: it.reason.as_str(),
            detail: it.reason.to_string(),
        });
        Self {
            sequence: receipt.sequence,
            appended: appended.collect(),
            duplicates: duplicates.collect(),
            conflicts: conflicts.collect(),
            quarantined: quarantined.collect(),
            rejected,
            overfills: receipt.overfills.into_iter().map(Into::into).collect(),
            adjusted: receipt.adjusted.into_iter().map(Into::into).collect(),
        }
    }
}
