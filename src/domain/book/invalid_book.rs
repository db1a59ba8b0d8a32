//! Why a snapshot, an update or an interval of a book is invalid.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::level::BookSide;
use crate::domain::decimal::DecimalError;
use crate::domain::invalid_identity::InvalidIdentity;

/// The largest number of levels of a side of a stored snapshot.
pub const MAX_STORED_LEVELS: usize = 1_000;

/// The largest number of changes of a side of a stored update: each of the largest number of levels replaced by
/// another one.
pub const MAX_LEVEL_CHANGES: usize = 2 * MAX_STORED_LEVELS;

/// The largest number of characters of a source.
pub const MAX_SOURCE_CHARS: usize = 50;

/// Why a snapshot, an update or an interval of a book is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBook {
    /// The symbol, a time or the sequence is invalid.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// The best bid is not below the best ask.
    #[error("crossed book: bid {bid} is not below ask {ask}")]
    Crossed {
        /// The best bid.
        bid: Decimal,
        /// The best ask.
        ask: Decimal,
    },
    /// A level is better than the one before it.
    #[error(
        "{side} level at {price} is better than the level before it: send the best level first"
    )]
    Unsorted {
        /// The side.
        side: BookSide,
        /// The price.
        price: Decimal,
    },
    /// A price occurs twice.
    #[error("two {side} levels at {price}: expected one per price")]
    DuplicateLevel {
        /// The side.
        side: BookSide,
        /// The price.
        price: Decimal,
    },
    /// A side has too many levels, or an update too many changes.
    #[error("{count} {side} levels: expected at most {limit}")]
    TooManyLevels {
        /// The side.
        side: BookSide,
        /// The number of levels.
        count: usize,
        /// The largest number.
        limit: usize,
    },
    /// A level of a snapshot has no quantity.
    #[error("{side} level at {price} has the quantity {quantity}: expected more than 0")]
    QuantityNotPositive {
        /// The side.
        side: BookSide,
        /// The price.
        price: Decimal,
        /// The quantity.
        quantity: Decimal,
    },
    /// A change has a negative quantity.
    #[error("{side} change at {price} has the quantity {quantity}: expected 0 or more")]
    QuantityNegative {
        /// The side.
        side: BookSide,
        /// The price.
        price: Decimal,
        /// The quantity.
        quantity: Decimal,
    },
    /// A number cannot be stored exactly.
    #[error("{side} {field} {source}")]
    Number {
        /// The side.
        side: BookSide,
        /// `price` or `quantity`.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// The depth is 0 or too large.
    #[error("invalid depth {0}: expected 1 to {MAX_STORED_LEVELS}")]
    Depth(usize),
    /// A side has more levels than the depth of the snapshot.
    #[error("{count} {side} levels are more than the depth {depth} of the snapshot")]
    BeyondDepth {
        /// The side.
        side: BookSide,
        /// The number of levels.
        count: usize,
        /// The depth.
        depth: usize,
    },
    /// The source is empty, too long, or not printable. Holds the source, cut to 40 characters.
    #[error("invalid source {0}: expected 1 to {MAX_SOURCE_CHARS} printable characters")]
    Source(String),
    /// The book was not valid yet at the time of the snapshot.
    #[error("valid_since {valid_since} is after the snapshot_time {snapshot_time}")]
    ValidSince {
        /// The time since which the book is valid.
        valid_since: DateTime<Utc>,
        /// The time of the snapshot.
        snapshot_time: DateTime<Utc>,
    },
    /// An interval ends before it begins.
    #[error("valid_to {to} is before valid_from {from}")]
    Ends {
        /// The start.
        from: DateTime<Utc>,
        /// The end.
        to: DateTime<Utc>,
    },
    /// An update is not the next one of the snapshot to which it was to be applied.
    #[error(
        "update at {update_time} with sequence {sequence} is not after the book: apply updates of one \
             symbol in order"
    )]
    NotAfter {
        /// The time of the update.
        update_time: DateTime<Utc>,
        /// The sequence of the update.
        sequence: i64,
    },
}

impl InvalidBook {
    /// The invalid field: the name of a side, or of another field.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Identity(invalid) => invalid.field(),
            Self::Crossed { .. } => "bids",
            Self::Unsorted { side, .. }
            | Self::DuplicateLevel { side, .. }
            | Self::TooManyLevels { side, .. }
            | Self::QuantityNotPositive { side, .. }
            | Self::QuantityNegative { side, .. }
            | Self::Number { side, .. }
            | Self::BeyondDepth { side, .. } => match side {
                BookSide::Bid => "bids",
                BookSide::Ask => "asks",
            },
            Self::Depth(_) => "depth",
            Self::Source(_) => "source",
            Self::ValidSince { .. } => "valid_since",
            Self::Ends { .. } => "valid_to",
            Self::NotAfter { .. } => "update_time",
        }
    }
}
