//! The effect of an event on an account.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ids::OrderId;
use super::order_event::OrderEvent;
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

/// The effect of an event on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The event is booked.
    Appended {
        /// The event as it is in the journal.
        recorded: RecordedEvent,
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
}
