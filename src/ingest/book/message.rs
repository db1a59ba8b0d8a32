//! The message that a recorder records a book after.

use chrono::{DateTime, Utc};

/// The message of a venue after which a [`BookRecorder`](super::BookRecorder) records a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookMessage {
    /// Whether the message replaced the book.
    pub is_snapshot: bool,
    /// The time of the message at the venue, or of its receipt if it states none.
    pub time: DateTime<Utc>,
    /// The number of the message, if the venue numbers them.
    pub sequence: Option<i64>,
    /// The venue's checksum of the book after the message, if the message has one. Snapshots are stored with it.
    pub checksum: Option<i64>,
}

impl BookMessage {
    /// A message that replaced the book, without number and checksum.
    #[must_use]
    pub fn snapshot(time: DateTime<Utc>) -> Self {
        Self {
            is_snapshot: true,
            ..Self::update(time)
        }
    }

    /// A message that changed levels, without number and checksum.
    #[must_use]
    pub fn update(time: DateTime<Utc>) -> Self {
        Self {
            is_snapshot: false,
            time,
            sequence: None,
            checksum: None,
        }
    }

    /// Returns this message with its number.
    #[must_use]
    pub fn with_sequence(mut self, sequence: impl Into<Option<i64>>) -> Self {
        self.sequence = sequence.into();
        self
    }

    /// Returns this message with its checksum.
    #[must_use]
    pub fn with_checksum(mut self, checksum: impl Into<Option<i64>>) -> Self {
        self.checksum = checksum.into();
        self
    }
}
