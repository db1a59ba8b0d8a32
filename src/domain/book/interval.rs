//! Intervals in which a book was valid.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::invalid_book::InvalidBook;
use super::state::StaleReason;
use crate::domain::excerpt::excerpt;
use crate::domain::invalid_identity::Identity;
use crate::domain::symbol_id::SymbolId;

/// Why an interval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The book became stale.
    Stale(StaleReason),
    /// The program that recorded the book ended.
    Stopped,
    /// Stored rows of the book were deleted.
    Deleted,
}

impl EndReason {
    /// The name, as in tables: `stopped`, `deleted`, or the name of a [`StaleReason`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale(reason) => reason.as_str(),
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a reason. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid reason {0}: expected stopped, deleted, gap, checksum, crossed, …")]
#[non_exhaustive]
pub struct UnknownEndReason(pub String);

impl FromStr for EndReason {
    type Err = UnknownEndReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stale = StaleReason::ALL.iter().copied().map(Self::Stale);
        let mut all = stale.chain([Self::Stopped, Self::Deleted]);
        all.find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownEndReason(excerpt(text)))
    }
}

/// The end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IntervalEnd {
    /// The time, exclusive: at this time the book is not known to be valid.
    pub at: DateTime<Utc>,
    /// The reason.
    pub reason: EndReason,
}

impl IntervalEnd {
    /// The end at a time.
    #[must_use]
    pub fn new(at: DateTime<Utc>, reason: EndReason) -> Self {
        Self { at, reason }
    }
}

/// An interval in which the book of a symbol was valid without interruption.
///
/// A book without levels within an interval has no liquidity. Outside of all intervals its levels are not known.
/// An interval is identified by its symbol and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BookInterval {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The start, inclusive: the time of the snapshot that made the book valid.
    pub valid_from: DateTime<Utc>,
    /// The end; `None` while the book is valid.
    pub end: Option<IntervalEnd>,
}

impl BookInterval {
    /// An open interval.
    #[must_use]
    pub fn open(symbol_id: SymbolId, valid_from: DateTime<Utc>) -> Self {
        Self {
            symbol_id,
            valid_from,
            end: None,
        }
    }

    /// Returns this interval with an end.
    #[must_use]
    pub fn closed(mut self, at: DateTime<Utc>, reason: EndReason) -> Self {
        self.end = Some(IntervalEnd::new(at, reason));
        self
    }

    /// The identity: the symbol and the start.
    #[must_use]
    pub fn key(&self) -> (SymbolId, DateTime<Utc>) {
        (self.symbol_id, self.valid_from)
    }

    /// Whether the book was valid at `time`.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.valid_from <= time && self.end.is_none_or(|end| time < end.at)
    }

    /// Returns the interval with times in whole microseconds.
    ///
    /// # Errors
    /// A symbol id below 1, a time before 1970 or from 2100 on, a leap second, or an end before the start.
    pub fn normalized(&self) -> Result<Self, InvalidBook> {
        let identity = Identity {
            symbol_id: self.symbol_id,
            time: self.valid_from,
            received_at: None,
            sequence: 0,
            occurrence: None,
        };
        let from = identity.normalized("valid_from", "intervals")?.time;
        let end = match self.end {
            Some(IntervalEnd { at, reason }) => {
                let end = Identity {
                    time: at,
                    ..identity
                };
                let to = end.normalized("valid_to", "intervals")?.time;
                if to < from {
                    return Err(InvalidBook::Ends { from, to });
                }
                Some(IntervalEnd::new(to, reason))
            }
            None => None,
        };
        Ok(Self {
            symbol_id: self.symbol_id,
            valid_from: from,
            end,
        })
    }
}
