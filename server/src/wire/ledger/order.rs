//! Orders as JSON.

use serde::Serialize;
use tickbook_ledger::domain::{Amount, EventEffect, Order, PendingRequest};
use utoipa::ToSchema;

use super::terms::OrderTermsBody;
use crate::wire::{DecimalText, TimeText};

/// An order: its terms at present, and the facts that its events state. The status follows from the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "order_id": "a-1", "symbol_id": 1, "side": "buy", "order_type": "limit", "time_in_force": "gtc", "quantity": "10",
    "limit_price": "100", "stop_price": null, "arrival_price": null, "expires_at": null, "is_post_only": false,
    "is_reduce_only": false, "strategy_id": null, "position_id": null, "parent_order_id": null,
    "status": "partially_filled", "executed": "4", "leaves": "6", "overfill": "0", "average_price": "99",
    "notional": "396", "is_open": true, "client_order_id": null, "venue_order_id": null, "is_external": false,
    "is_submitted": false, "is_acknowledged": false, "is_triggered": false, "is_stopped": false, "is_suspended": false,
    "closed_by": null, "pending": [], "first_sequence": 1, "last_sequence": 2,
    "created_at": "2024-05-01T12:00:00.100000Z", "updated_at": "2024-05-01T12:00:00.100000Z"
}))]
pub struct OrderBody {
    /// The id, unique within the account.
    #[schema(example = "a-1")]
    pub order_id: String,
    /// The terms; quantity and prices change when they are replaced.
    #[serde(flatten)]
    pub terms: OrderTermsBody,
    /// pending_new, new, rejected, denied, partially_filled, canceled, expired, suspended, stopped, filled, done_for_day,
    /// pending_replace or pending_cancel.
    #[schema(value_type = String, example = "partially_filled")]
    pub status: &'static str,
    /// The executed quantity; FIX CumQty.
    pub executed: DecimalText,
    /// The quantity that may still be executed, 0 for a closed order; FIX LeavesQty.
    pub leaves: DecimalText,
    /// The quantity executed beyond the ordered one.
    pub overfill: DecimalText,
    /// The average price of the executed quantity, rounded half to even at 12 decimal places; null if nothing was
    /// executed.
    pub average_price: Option<DecimalText>,
    /// The sum of executed quantity times price.
    #[schema(value_type = String, example = "396")]
    pub notional: Amount,
    /// Whether the order may still be executed.
    pub is_open: bool,
    /// The id of the last request that the venue accepted.
    pub client_order_id: Option<String>,
    /// The id at the venue.
    pub venue_order_id: Option<String>,
    /// Whether the order was placed elsewhere and is known from reports only.
    pub is_external: bool,
    /// Whether the owner sent the order.
    pub is_submitted: bool,
    /// Whether the venue accepted the order.
    pub is_acknowledged: bool,
    /// Whether the stop price was reached.
    pub is_triggered: bool,
    /// Whether the venue guarantees an execution.
    pub is_stopped: bool,
    /// Whether the order is suspended.
    pub is_suspended: bool,
    /// Why the order is closed: rejected, denied, canceled, expired or done_for_day; null if it is not.
    #[schema(value_type = Option<String>, example = "canceled")]
    pub closed_by: Option<&'static str>,
    /// The requests that the venue considers.
    pub pending: Vec<PendingRequestBody>,
    /// The number of its first event.
    #[schema(example = 1)]
    pub first_sequence: i64,
    /// The number of its last event.
    #[schema(example = 2)]
    pub last_sequence: i64,
    /// When its first event was booked.
    pub created_at: TimeText,
    /// When its last event was booked.
    pub updated_at: TimeText,
}

/// A request that the venue considers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PendingRequestBody {
    /// cancel or replace.
    #[schema(value_type = String, example = "cancel")]
    pub kind: &'static str,
    /// The id of the request; null if the venue did not state it.
    pub client_order_id: Option<String>,
}

/// The state of an order after an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderStateBody {
    /// The status, as in OrderBody.
    #[schema(value_type = String, example = "partially_filled")]
    pub status: &'static str,
    /// The executed quantity.
    pub executed: DecimalText,
    /// The quantity that may still be executed.
    pub leaves: DecimalText,
}

/// A page of orders, by ascending `first_sequence` unless `order=desc`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderList {
    /// The orders.
    pub data: Vec<OrderBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<PendingRequest> for PendingRequestBody {
    fn from(request: PendingRequest) -> Self {
        Self {
            kind: request.kind.as_str(),
            client_order_id: request.client_order_id.map(|id| id.as_str().to_owned()),
        }
    }
}

impl From<&EventEffect> for OrderStateBody {
    fn from(effect: &EventEffect) -> Self {
        Self {
            status: effect.status.as_str(),
            executed: DecimalText(effect.executed),
            leaves: DecimalText(effect.leaves),
        }
    }
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        Self {
            status: order.status().as_str(),
            executed: DecimalText(order.executed()),
            leaves: DecimalText(order.leaves()),
            overfill: DecimalText(order.overfill()),
            average_price: order.average_price().map(DecimalText),
            notional: order.notional(),
            is_open: order.is_open(),
            closed_by: order.closing().map(|closing| closing.as_str()),
            order_id: order.order_id.as_str().to_owned(),
            client_order_id: order.client_order_id.map(|id| id.as_str().to_owned()),
            venue_order_id: order.venue_order_id.map(|id| id.as_str().to_owned()),
            is_external: order.is_external,
            is_submitted: order.is_submitted,
            is_acknowledged: order.is_acknowledged,
            is_triggered: order.is_triggered,
            is_stopped: order.is_stopped,
            is_suspended: order.is_suspended,
            pending: order.pending.into_iter().map(Into::into).collect(),
            first_sequence: order.first_sequence,
            last_sequence: order.last_sequence,
            created_at: TimeText(order.created_at),
            updated_at: TimeText(order.updated_at),
            terms: order.terms.into(),
        }
    }
}
