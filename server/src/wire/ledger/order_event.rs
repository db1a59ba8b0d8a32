//! Order events as JSON.
//!
//! Events are read and written in the serde form of the ledger. The types of this file describe that form for
//! `/openapi.json`.

use serde::Serialize;
use tickbook_ledger::domain::{OrderEvent, RecordedEvent};
use utoipa::ToSchema;

use super::fill::{ContractBody, FeeBody};
use super::terms::OrderTermsBody;
use crate::wire::{DecimalText, Rejection, RejectionReason, TimeText};

/// Maximum number of characters of an error of the JSON parser in a response.
const MAX_ERROR_CHARS: usize = 300;

/// Whether a JSON text has an array. An event has none, but the derived implementation of `Deserialize` would read the
/// fields of an object from an array, by their position.
fn has_array(json: &str) -> bool {
    let (mut in_text, mut is_escaped) = (false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            _ => {}
        }
        byte == b'[' && !in_text
    })
}

/// Parses an element of a request.
///
/// # Errors
/// The element is not an event.
pub(crate) fn read_event(json: &str) -> Result<OrderEvent, Rejection> {
    let refused = |reason, detail| Rejection {
        reason,
        field: None,
        detail,
    };
    if !json.starts_with('{') {
        let detail = "is not an object: expected an event such as {\"order_id\": …, \"kind\": …}";
        return Err(refused(RejectionReason::NotAnObject, detail.to_owned()));
    }
    if has_array(json) {
        let detail = "is not an order event: it has an array, expected objects";
        return Err(refused(RejectionReason::InvalidEvent, detail.to_owned()));
    }
    serde_json::from_str(json).map_err(|error| {
        // an error quotes an unknown field or a value, which may be long
        let error: String = error.to_string().chars().take(MAX_ERROR_CHARS).collect();
        let detail = format!("is not an order event: {error}");
        refused(RejectionReason::InvalidEvent, detail)
    })
}

/// An event of an order: what its owner did, or what a venue reported. Fields without a value are left out. The order is
/// found by order_id, otherwise by client_order_id, orig_client_order_id or venue_order_id.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "order_id": "a-1", "exec_id": "8812345", "venue_time": "2024-05-01T12:00:00.000000Z",
    "kind": {"filled": {"quantity": "4", "price": "99", "fee": {"amount": "0.2", "currency": "USD"}}}
}))]
pub struct OrderEventBody {
    /// The account that the report names.
    pub account_id: Option<i64>,
    /// The order.
    #[schema(example = "a-1")]
    pub order_id: Option<String>,
    /// The id of the request that the event is about.
    pub client_order_id: Option<String>,
    /// The id of the request that this request follows.
    pub orig_client_order_id: Option<String>,
    /// The id of the order at the venue.
    pub venue_order_id: Option<String>,
    /// The instrument, if the report names it. It has to be that of the order.
    pub symbol_id: Option<i64>,
    /// The side, if the report names it: buy or sell.
    pub side: Option<String>,
    /// The venue; that of the account if omitted.
    pub venue: Option<String>,
    /// The id of the report.
    #[schema(example = "8812345")]
    pub exec_id: Option<String>,
    /// The time of the event at the venue. Fills require it.
    pub venue_time: Option<TimeText>,
    /// The order among the fills of one instant; 0 if omitted.
    #[schema(required = false)]
    pub venue_sequence: i64,
    /// The trading day at the venue.
    #[schema(example = "2024-05-01")]
    pub trading_day: Option<String>,
    /// When this system received the report.
    pub received_at: Option<TimeText>,
    /// The reason that the venue or the owner gave, up to 500 characters.
    pub reason: Option<String>,
    /// The terms of an order that was placed elsewhere, which creates it.
    pub external: Option<OrderTermsBody>,
    /// What happened.
    pub kind: OrderEventKindBody,
}

/// What happened to an order: a name, or an object with the name and its content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "canceled")]
pub enum OrderEventKindBody {
    /// The owner decided to send the order.
    Created(OrderTermsBody),
    /// The owner sent the order.
    Submitted,
    /// A risk check of the owner refused the order.
    Denied,
    /// The venue accepted the order, or resumed a suspended one. The content is the quantity, or null.
    #[schema(value_type = Option<String>)]
    Acknowledged(Option<DecimalText>),
    /// The venue refused the order.
    Rejected,
    /// The stop price was reached.
    Triggered,
    /// The owner sent a request to cancel the order.
    CancelRequested,
    /// The venue received the request to cancel.
    CancelPending,
    /// The owner sent a request to replace values.
    ReplaceRequested(ReplacementBody),
    /// The venue received the request to replace.
    ReplacePending,
    /// The venue refused the request that has the client order id of the event.
    RequestRejected,
    /// The venue replaced values of the order.
    Replaced(ReplacementBody),
    /// The order was canceled.
    Canceled,
    /// The time in force has ended.
    Expired,
    /// No further executions on this trading day.
    DoneForDay,
    /// The venue restated the order.
    Restated(RestatementBody),
    /// The venue suspended the order.
    Suspended,
    /// The venue guarantees an execution.
    Stopped,
    /// A part or all of the order was executed.
    Filled(ExecutionBody),
    /// An execution was withdrawn.
    FillBusted(FillReferenceBody),
    /// An execution was corrected.
    FillCorrected(FillCorrectionBody),
}

/// New values of an order. Omitted values stay.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplacementBody {
    /// The new total quantity.
    pub quantity: Option<DecimalText>,
    /// The new limit price.
    pub limit_price: Option<DecimalText>,
    /// The new stop price.
    pub stop_price: Option<DecimalText>,
}

/// Values that a venue states without a request. Omitted values stay.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestatementBody {
    /// The total quantity.
    pub quantity: Option<DecimalText>,
    /// The executed quantity.
    pub executed: Option<DecimalText>,
    /// The sum of executed quantity times price.
    pub notional: Option<DecimalText>,
}

/// A fill as a venue reports it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionBody {
    /// The executed quantity, greater than zero.
    pub quantity: DecimalText,
    /// The price of one unit.
    pub price: DecimalText,
    /// The fee.
    pub fee: Option<FeeBody>,
    /// maker, taker or auction.
    pub liquidity: Option<String>,
    /// The terms of the instrument; a multiplier of 1 if omitted.
    #[schema(required = false)]
    pub contract: ContractBody,
    /// The executed quantity of the order including this fill, as the venue states it.
    pub cumulative: Option<DecimalText>,
    /// open or close, for one part of an execution that the venue reports in two parts.
    pub effect: Option<String>,
    /// Why the same report closes the order: canceled, expired, done_for_day, rejected or denied.
    pub closes: Option<String>,
}

/// Names an earlier report of a fill.
#[derive(Debug, Serialize, ToSchema)]
pub struct FillReferenceBody {
    /// The id of the latest report of the fill.
    #[schema(example = "8812345")]
    pub exec_id: String,
    /// open or close, for one part of an execution that was reported in two parts.
    pub effect: Option<String>,
}

/// A correction of a fill.
#[derive(Debug, Serialize, ToSchema)]
pub struct FillCorrectionBody {
    /// The corrected fill.
    pub reference: FillReferenceBody,
    /// The quantity that was executed, greater than zero.
    pub quantity: DecimalText,
    /// The price.
    pub price: DecimalText,
}

/// An event of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "sequence": 1, "recorded_at": "2024-05-01T12:00:00.100000Z", "order_id": "a-1",
    "event": {"order_id": "a-1", "kind": {"created": {
        "symbol_id": 1, "side": "buy", "order_type": "limit", "time_in_force": "gtc", "quantity": "10",
        "limit_price": "100"
    }}}
}))]
pub struct RecordedEventBody {
    /// The number within the account: 1, 2, 3 and so on, without gaps.
    #[schema(example = 1)]
    pub sequence: i64,
    /// When it was booked.
    pub recorded_at: TimeText,
    /// The order.
    #[schema(example = "a-1")]
    pub order_id: String,
    /// The event in its stored form.
    #[schema(value_type = OrderEventBody)]
    pub event: OrderEvent,
}

/// A page of events, by ascending `sequence`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedEventList {
    /// The events.
    pub data: Vec<RecordedEventBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<RecordedEvent> for RecordedEventBody {
    fn from(recorded: RecordedEvent) -> Self {
        Self {
            sequence: recorded.sequence,
            recorded_at: TimeText(recorded.recorded_at),
            order_id: recorded.order_id.as_str().to_owned(),
            event: recorded.event,
        }
    }
}
