//! Events that were not booked, and the comparison of the journal with what is stored.

use chrono::{DateTime, Utc};
use tickbook::domain::PageLimit;

use crate::domain::{AccountId, ContentHash, OrderEvent, Refusal};

/// A query for events that were not booked, in the order of their arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineQuery {
    /// The account.
    pub account_id: AccountId,
    /// Only those after the one with this number.
    pub after: Option<i64>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl QuarantineQuery {
    /// The first 500 events of an account.
    #[must_use]
    pub fn new(account_id: AccountId) -> Self {
        Self {
            account_id,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<i64>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// Why an event was not booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineReason {
    /// Its key or ids were booked with other content.
    #[error("event {first} has the same id and other content")]
    Conflict {
        /// The number of the booked event.
        first: i64,
    },
    /// It could not be booked.
    #[error("{message}")]
    Refused {
        /// The name of the reason, see [`Refusal::as_str`].
        reason: String,
        /// The text of the reason.
        message: String,
    },
}

impl QuarantineReason {
    /// `conflict`, or the name of the reason of a refusal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Refused { reason, .. } => reason,
        }
    }
}

impl From<Refusal> for QuarantineReason {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            reason: refusal.as_str().to_owned(),
            message: refusal.to_string(),
        }
    }
}

/// An event that was not booked. The same event is kept once, however often it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantinedEvent {
    /// The number within the quarantine of the account: 1, 2, 3 and so on.
    pub number: i64,
    /// The event, as given.
    pub event: OrderEvent,
    /// Why it was not booked when it arrived first.
    pub reason: QuarantineReason,
    /// When it arrived first.
    pub quarantined_at: DateTime<Utc>,
    /// How often it arrived.
    pub deliveries: u32,
}

impl QuarantinedEvent {
    /// An event that arrived for the first time.
    #[must_use]
    pub fn new(
        number: i64,
        event: OrderEvent,
        reason: QuarantineReason,
        quarantined_at: DateTime<Utc>,
    ) -> Self {
        Self {
            number,
            event,
            reason,
            quarantined_at,
            deliveries: 1,
        }
    }
}

/// A comparison of stored orders, fills and positions with those that the journal gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The number of the last event.
    pub sequence: i64,
    /// The digest of what is stored.
    pub stored: ContentHash,
    /// The digest of what the journal gives.
    pub rebuilt: ContentHash,
}

impl Verification {
    /// A comparison after the event with the number `sequence`.
    #[must_use]
    pub fn new(sequence: i64, stored: ContentHash, rebuilt: ContentHash) -> Self {
        Self {
            sequence,
            stored,
            rebuilt,
        }
    }

    /// Whether both are equal.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.stored == self.rebuilt
    }
}
