//! Events that were not booked, as JSON.

use serde::Serialize;
use tickbook_ledger::domain::OrderEvent;
use tickbook_ledger::repository::{QuarantineReason, QuarantinedEvent};
use utoipa::ToSchema;

use super::order_event::OrderEventBody;
use crate::wire::TimeText;

/// An event that was not booked. The same event is listed once, however often it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuarantinedEventBody {
    /// The number within the quarantine of the account: 1, 2, 3 and so on.
    #[schema(example = 1)]
    pub number: i64,
    /// The event, as given.
    #[schema(value_type = OrderEventBody)]
    pub event: OrderEvent,
    /// Why it was not booked when it arrived first: conflict, or the reason of a refused event, such as unknown_order.
    #[schema(value_type = String, example = "unknown_order")]
    pub reason: &'static str,
    /// The reason, for people.
    #[schema(example = "unknown order: create it first, or send its terms with the event")]
    pub detail: String,
    /// The number of the booked event of a conflict; otherwise null.
    pub first: Option<i64>,
    /// When it arrived first.
    pub quarantined_at: TimeText,
    /// How often it arrived.
    #[schema(example = 1)]
    pub deliveries: u32,
}

/// A page of events that were not booked, by ascending `number`.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantinedEventList {
    /// The events.
    pub data: Vec<QuarantinedEventBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<QuarantinedEvent> for QuarantinedEventBody {
    fn from(kept: QuarantinedEvent) -> Self {
        let (reason, first) = match &kept.reason {
            QuarantineReason::Conflict { first } => ("conflict", Some(*first)),
            QuarantineReason::Refused(refusal) => (refusal.as_str(), None),
            // a reason that a later version of the ledger adds
            _ => ("other", None),
        };
        Self {
            number: kept.number,
            detail: kept.reason.to_string(),
            event: kept.event,
            reason,
            first,
            quarantined_at: TimeText(kept.quarantined_at),
            deliveries: kept.deliveries,
        }
    }
}
