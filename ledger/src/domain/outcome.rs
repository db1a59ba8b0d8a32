//! The effect of an event on an account.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ids::OrderId;
use super::order::Order;
use super::order_event::OrderEvent;
use super::order_status::OrderStatus;
use super::position::Position;
use super::position_key::PositionKey;
use super::refusal::Refusal;

/// An event of the journal of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// The number within the account: 1, 2, 3 and so on, without gaps.
    pub sequence: i64,
    /// When it was booked, in whole microseconds.
    pub recorded_at: DateTime<Utc>,
    /// The order.
    pub order_id: OrderId,
    /// The event in its stored form.
    pub event: OrderEvent,
}

/// A position that was computed again from all its fills, since a fill arrived late or was busted or corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionAdjustment {
    /// The position.
    pub key: PositionKey,
    /// As it was before the event.
    pub before: Position,
    /// As it is after the event.
    pub after: Position,
}

/// An order of which more was executed than it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overfill {
    /// The order.
    pub order_id: OrderId,
    /// The quantity executed beyond the ordered one.
    pub quantity: Decimal,
}

/// A position after an event that changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedPosition {
    /// The position.
    pub key: PositionKey,
    /// As it is after the event, without its lots.
    pub position: Position,
}

impl ChangedPosition {
    /// A position after an event. Its lots are left out.
    #[must_use]
    pub fn new(key: PositionKey, position: &Position) -> Self {
        let position = Position {
            quantity: position.quantity,
            open_cost: position.open_cost,
            realized: position.realized,
            fees: position.fees.clone(),
            lots: Vec::new(),
            opened_at: position.opened_at,
        };
        Self { key, position }
    }
}

/// The state of an order after one of its events, and the position that the event changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventEffect {
    /// The status of the order.
    pub status: OrderStatus,
    /// The executed quantity; FIX `CumQty`.
    pub executed: Decimal,
    /// The quantity that may still be executed; FIX `LeavesQty`.
    pub leaves: Decimal,
    /// The position that the event changed; `None` for an event that is not about a fill.
    pub position: Option<ChangedPosition>,
}

impl EventEffect {
    /// The state of an order after an event that changed `position`.
    #[must_use]
    pub fn new(order: &Order, position: Option<ChangedPosition>) -> Self {
        Self {
            status: order.status(),
            executed: order.executed(),
            leaves: order.leaves(),
            position,
        }
    }
}

/// The effect of an event on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The event is booked.
    Appended {
        /// The event as it is in the journal.
        recorded: RecordedEvent,
        /// The state of the order and the position after the event.
        effect: Box<EventEffect>,
        /// The position that was computed again.
        adjusted: Option<Box<PositionAdjustment>>,
        /// The overfill that the event caused or increased. It is booked.
        overfill: Option<Overfill>,
    },
    /// The event is booked already, with the same content.
    Duplicate {
        /// The number of the booked event.
        first: i64,
        /// A repeated fill whose report closes the order: the closing, as a further event of the journal.
        closing: Option<RecordedEvent>,
        /// The state of the order after the closing.
        effect: Option<Box<EventEffect>>,
    },
    /// Another event with this key, order id or client order id is booked. The event is kept, but not booked.
    Conflict {
        /// The number of the booked event.
        first: i64,
    },
    /// The event is kept, but not booked.
    Quarantined(Refusal),
}

impl Outcome {
    /// `appended`, `duplicate`, `conflict` or `quarantined`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Appended { .. } => "appended",
            Self::Duplicate { .. } => "duplicate",
            Self::Conflict { .. } => "conflict",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// The event that the journal got.
    #[must_use]
    pub fn recorded(&self) -> Option<&RecordedEvent> {
        match self {
            Self::Appended { recorded, .. } => Some(recorded),
            Self::Duplicate { closing, .. } => closing.as_ref(),
            Self::Conflict { .. } | Self::Quarantined(_) => None,
        }
    }

    /// The state of the order and the position after the event that the journal got.
    #[must_use]
    pub fn effect(&self) -> Option<&EventEffect> {
        match self {
            Self::Appended { effect, .. } => Some(effect),
            Self::Duplicate { effect, .. } => effect.as_deref(),
            Self::Conflict { .. } | Self::Quarantined(_) => None,
        }
    }
}
