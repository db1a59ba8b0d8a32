//! Why a book refuses a message.

use rust_decimal::Decimal;

use super::level::BookSide;
use super::number::BookNumber;
use super::state::StaleReason;

/// Why a book refuses a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// An update arrived before a snapshot.
    #[error("update before the first snapshot: load a snapshot first")]
    NoSnapshot,
    /// The book is stale.
    #[error("update of a stale book ({0}): load a snapshot first")]
    Stale(StaleReason),
    /// The best bid is not below the best ask after the whole message.
    #[error("crossed book: bid {bid} is not below ask {ask}")]
    Crossed {
        /// The best bid.
        bid: Decimal,
        /// The best ask.
        ask: Decimal,
    },
    /// A snapshot has one price twice.
    #[error("snapshot with two {side} levels at {price}: expected one per price")]
    DuplicateLevel {
        /// The side.
        side: BookSide,
        /// The price.
        price: Decimal,
    },
    /// A side has more levels than a book holds.
    #[error("more than {limit} {side} levels: subscribe to a smaller depth")]
    TooManyLevels {
        /// The side.
        side: BookSide,
        /// The largest number of levels.
        limit: usize,
    },
    /// A number does not fit 64 bits at the precision of the book.
    #[error("{number} does not fit a book with {decimals} decimal places")]
    Overflow {
        /// The number.
        number: BookNumber,
        /// The digits after the point that the book needs.
        decimals: u8,
    },
    /// The quantities of several entries at one price do not fit 64 bits in sum.
    #[error("sum of the quantities at {price} is too large")]
    SumTooLarge {
        /// The price.
        price: Decimal,
    },
}

impl BookError {
    /// The reason with which the book became stale. `None` if the message did not change its state.
    #[must_use]
    pub fn stale_reason(&self) -> Option<StaleReason> {
        match self {
            Self::NoSnapshot | Self::Stale(_) => None,
            Self::Crossed { .. } => Some(StaleReason::Crossed),
            Self::DuplicateLevel { .. } | Self::TooManyLevels { .. } => {
                Some(StaleReason::Malformed)
            }
            Self::Overflow { .. } | Self::SumTooLarge { .. } => Some(StaleReason::Overflow),
        }
    }
}
