//! Messages about the orders of an account.

use serde::Serialize;
use tickbook_ledger::domain::AccountId;

use crate::ledger::BookedEvent;
use crate::wire::{OrderBody, OrderStateBody, PositionStateBody, RecordedEventBody};

/// Open orders and positions of an account after the event `sequence`.
#[derive(Debug, Serialize)]
pub(super) struct OrdersMessage {
    pub(super) account_id: i64,
    /// The number of the last event that is included for certain; 0 without events.
    pub(super) sequence: i64,
    pub(super) orders: Vec<OrderBody>,
    pub(super) positions: Vec<PositionStateBody>,
    /// Whether the next message continues this one.
    pub(super) more: bool,
    /// Whether all messages together have all open orders and positions.
    pub(super) complete: bool,
}

/// A booked event, and the state that it led to.
#[derive(Debug, Serialize)]
pub(super) struct OrderEventMessage {
    account_id: i64,
    #[serde(flatten)]
    recorded: RecordedEventBody,
    order: OrderStateBody,
    /// The position that the event changed.
    position: Option<PositionStateBody>,
}

impl OrderEventMessage {
    pub(super) fn new(account_id: AccountId, event: &BookedEvent) -> Self {
        Self {
            account_id: account_id.get(),
            recorded: event.recorded.clone().into(),
            order: (&event.effect).into(),
            position: event.effect.position.as_ref().map(Into::into),
        }
    }
}

/// Missed events, to be read from the REST interface: `from_sequence` is inclusive, `to_sequence` exclusive.
#[derive(Debug, Serialize)]
pub(super) struct OrdersGapMessage {
    channel: &'static str,
    account_id: i64,
    from_sequence: i64,
    to_sequence: i64,
    /// Number of missed events.
    missed: i64,
}

impl OrdersGapMessage {
    pub(super) fn new(account_id: AccountId, from: i64, to: i64) -> Self {
        Self {
            channel: "orders",
            account_id: account_id.get(),
            from_sequence: from,
            to_sequence: to,
            missed: to - from,
        }
    }
}
