//! Receipts of appended events.

use crate::domain::{EventEffect, Outcome, Overfill, PositionAdjustment, Refusal};

/// An event that was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendedEvent {
    /// Its place in the given events; the first has 0.
    pub index: usize,
    /// Its number in the account.
    pub sequence: i64,
}

/// An event that is booked already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuplicateEvent {
    /// Its place in the given events.
    pub index: usize,
    /// The number of the booked event.
    pub first: i64,
    /// The number of the event that closed the order, if the repeated report of a fill did so.
    pub closing: Option<i64>,
}

/// An event whose key or ids are booked with other content. It is in the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictingEvent {
    /// Its place in the given events.
    pub index: usize,
    /// The number of the booked event.
    pub first: i64,
}

/// An event that cannot be booked. It is in the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedEvent {
    /// Its place in the given events.
    pub index: usize,
    /// The reason.
    pub reason: Refusal,
}

/// The state of an order after an event that the call booked, and the position that the event changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookedEffect {
    /// The number of the event.
    pub sequence: i64,
    /// The state.
    pub effect: EventEffect,
}

/// The effect of a call on each of the given events: each is in exactly one of the four lists, in the given order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendReceipt {
    /// The number of the last event of the account after the call; 0 without events.
    pub sequence: i64,
    /// Events that were booked.
    pub appended: Vec<AppendedEvent>,
    /// Events that are booked already.
    pub duplicates: Vec<DuplicateEvent>,
    /// Events that contradict a booked one.
    pub conflicts: Vec<ConflictingEvent>,
    /// Events that cannot be booked.
    pub quarantined: Vec<RefusedEvent>,
    /// The state after each event that was booked, by ascending number. The closings of
    /// [`duplicates`](Self::duplicates) are included.
    pub effects: Vec<BookedEffect>,
    /// Positions that were computed again, in the order of the events that caused it.
    pub adjusted: Vec<PositionAdjustment>,
    /// Overfills that the events caused or increased.
    pub overfills: Vec<Overfill>,
}

impl AppendReceipt {
    /// The total number of events.
    #[must_use]
    pub fn total(&self) -> usize {
        self.appended.len() + self.duplicates.len() + self.conflicts.len() + self.quarantined.len()
    }

    /// Adds what the event at `index` did.
    pub fn add(&mut self, index: usize, outcome: &Outcome) {
        if let (Some(recorded), Some(effect)) = (outcome.recorded(), outcome.effect()) {
            self.effects.push(BookedEffect {
                sequence: recorded.sequence,
                effect: effect.clone(),
            });
        }
        match outcome {
            Outcome::Appended {
                recorded,
                adjusted,
                overfill,
                ..
            } => {
                let sequence = recorded.sequence;
                self.appended.push(AppendedEvent { index, sequence });
                self.adjusted.extend(adjusted.as_deref().cloned());
                self.overfills.extend(overfill.clone());
            }
            Outcome::Duplicate { first, closing, .. } => self.duplicates.push(DuplicateEvent {
                index,
                first: *first,
                closing: closing.as_ref().map(|recorded| recorded.sequence),
            }),
            Outcome::Conflict { first } => self.conflicts.push(ConflictingEvent {
                index,
                first: *first,
            }),
            Outcome::Quarantined(reason) => self.quarantined.push(RefusedEvent {
                index,
                reason: reason.clone(),
            }),
        }
    }
}
