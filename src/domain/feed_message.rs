//! The messages that a feed received.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::excerpt::excerpt;
use super::feed_gap::{InvalidFeedRow, check_feed, time};
use super::invalid_identity::InvalidIdentity;
use super::symbol_id::SymbolId;

/// The kind of a recorded message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// A connection was opened; the payload is its address. `opened`
    Opened,
    /// The client sent a text. `sent`
    Sent,
    /// A text arrived. `received`
    Received,
    /// An HTTP request got a body: the payload is the address, a line feed, and the body. `answer`
    Answer,
}

impl MessageKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[Self::Opened, Self::Sent, Self::Received, Self::Answer];

    /// The name, as in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Answer => "answer",
        }
    }
}

/// The text is not the name of a kind of messages. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid kind {0}: expected opened, sent, received or answer")]
#[non_exhaustive]
pub struct UnknownMessageKind(pub String);

impl FromStr for MessageKind {
    type Err = UnknownMessageKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownMessageKind(excerpt(text)))
    }
}

/// The identity of a message within its source, in the order of receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FeedMessageKey {
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The position.
    pub sequence: i64,
}

impl FeedMessageKey {
    /// A key.
    #[must_use]
    pub fn new(received_at: DateTime<Utc>, sequence: i64) -> Self {
        Self {
            received_at,
            sequence,
        }
    }
}

/// A message of a venue, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FeedMessage {
    /// The name of the feed, 1 to 50 characters.
    pub source: String,
    /// The time of receipt, or of sending.
    pub received_at: DateTime<Utc>,
    /// The position among the messages of one instant, in the order of receipt.
    pub sequence: i64,
    /// The kind.
    pub kind: MessageKind,
    /// The text.
    pub payload: String,
}

impl FeedMessage {
    /// A message.
    #[must_use]
    pub fn new(
        source: impl Into<String>,
        key: FeedMessageKey,
        kind: MessageKind,
        payload: impl Into<String>,
    ) -> Self {
        Self {
            source: source.into(),
            received_at: key.received_at,
            sequence: key.sequence,
            kind,
            payload: payload.into(),
        }
    }

    /// The identity within the source.
    #[must_use]
    pub fn key(&self) -> FeedMessageKey {
        FeedMessageKey::new(self.received_at, self.sequence)
    }

    /// Returns the message with its time in whole microseconds.
    ///
    /// # Errors
    /// A time before 1970 or from 2100 on, a leap second, a negative sequence, a name of another length, or the
    /// character NUL in the payload.
    pub fn normalized(mut self) -> Result<Self, InvalidFeedRow> {
        check_feed(&self.source)?;
        if self.sequence < 0 {
            return Err(InvalidIdentity::NegativeSequence(self.sequence).into());
        }
        if self.payload.contains('\0') {
            return Err(InvalidFeedRow::Nul);
        }
        self.received_at = time(SymbolId::new(1), self.received_at, "received_at")?;
        Ok(self)
    }
}
