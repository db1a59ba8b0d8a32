//! The levels of a valid book.

use rust_decimal::Decimal;

use super::level::{BookLevel, BookPrecision, BookSide};
use super::levels::Levels;

/// The levels of a valid book.
#[derive(Debug, Clone, Copy)]
pub struct BookView<'a> {
    bids: &'a Levels,
    asks: &'a Levels,
    precision: BookPrecision,
}

impl<'a> BookView<'a> {
    pub(super) fn new(bids: &'a Levels, asks: &'a Levels, precision: BookPrecision) -> Self {
        Self {
            bids,
            asks,
            precision,
        }
    }

    /// The precision of the integers.
    #[must_use]
    pub fn precision(self) -> BookPrecision {
        self.precision
    }

    fn levels(self, side: BookSide) -> &'a Levels {
        match side {
            BookSide::Bid => self.bids,
            BookSide::Ask => self.asks,
        }
    }

    /// The levels of a side, the best one first.
    pub fn side(
        self,
        side: BookSide,
    ) -> impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone + 'a {
        self.levels(side).iter()
    }

    /// The best `depth` levels of a side, the best one first.
    #[cfg(feature = "ingest")]
    #[inline]
    pub(crate) fn top(
        self,
        side: BookSide,
        depth: usize,
    ) -> impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone + 'a {
        self.levels(side).top(depth)
    }

    /// The levels of a side as decimals, price and quantity, the best one first.
    pub fn decimals(
        self,
        side: BookSide,
    ) -> impl DoubleEndedIterator<Item = (Decimal, Decimal)> + ExactSizeIterator + 'a {
        let precision = self.precision;
        self.levels(side).iter().map(move |level| {
            let quantity = precision.quantity(level.quantity);
            (precision.price(level.price), quantity)
        })
    }

    /// The highest bid.
    #[must_use]
    #[inline]
    pub fn best_bid(self) -> Option<BookLevel> {
        self.bids.best()
    }

    /// The lowest ask.
    #[must_use]
    #[inline]
    pub fn best_ask(self) -> Option<BookLevel> {
        self.asks.best()
    }
}
