//! Price levels and the precision of their integers.

use std::fmt;

use rust_decimal::Decimal;

use super::number::BookNumber;

/// A side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookSide {
    /// The offers to buy, best (highest) first.
    Bid,
    /// The offers to sell, best (lowest) first.
    Ask,
}

impl BookSide {
    /// The name: `bid` or `ask`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }
}

impl fmt::Display for BookSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A price and the quantity offered at it, in units of the book's [`BookPrecision`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BookLevel {
    /// The price, 0 or more.
    pub price: i64,
    /// The quantity, above 0.
    pub quantity: i64,
}

/// The digits after the point of the prices and quantities of a book, each at most
/// [`MAX_BOOK_DECIMALS`](super::MAX_BOOK_DECIMALS).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct BookPrecision {
    /// Digits after the point of a price.
    pub price_decimals: u8,
    /// Digits after the point of a quantity.
    pub quantity_decimals: u8,
}

impl BookPrecision {
    /// A price of this precision as a decimal, with all digits after the point.
    #[must_use]
    pub fn price(self, units: i64) -> Decimal {
        Decimal::from_i128_with_scale(units.into(), self.price_decimals.into())
    }

    /// A quantity of this precision as a decimal, with all digits after the point.
    #[must_use]
    pub fn quantity(self, units: i64) -> Decimal {
        Decimal::from_i128_with_scale(units.into(), self.quantity_decimals.into())
    }

    /// The larger number of digits of both.
    pub(super) fn max(self, change: &LevelChange) -> Self {
        Self {
            price_decimals: self.price_decimals.max(change.price.decimals()),
            quantity_decimals: self.quantity_decimals.max(change.quantity.decimals()),
        }
    }
}

/// The new quantity at a price. Quantity 0 removes the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LevelChange {
    /// The price.
    pub price: BookNumber,
    /// The quantity that replaces the quantity at this price.
    pub quantity: BookNumber,
}

impl LevelChange {
    /// The change that replaces the quantity at `price` by `quantity`.
    #[must_use]
    pub fn new(price: BookNumber, quantity: BookNumber) -> Self {
        Self { price, quantity }
    }
}
