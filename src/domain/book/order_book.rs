//! The order book of one symbol, from snapshots and updates of aggregated levels.

use super::error::BookError;
use super::level::{BookLevel, BookPrecision, BookSide, LevelChange};
use super::levels::{Changed, Levels, Place};
use super::number::BookNumber;
use super::state::{BookState, StaleReason};
use super::view::BookView;

/// The largest number of levels of a side.
pub const MAX_BOOK_LEVELS: usize = 200_000;

/// The numbers of levels that an update changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LevelCounts {
    /// New prices.
    pub inserted: u64,
    /// Prices whose quantity was replaced, also by an equal one.
    pub replaced: u64,
    /// Prices removed by quantity 0.
    pub removed: u64,
    /// Removals of prices that the book did not have. Venues send them when the price is beyond the depth of
    /// the book.
    pub unknown: u64,
    /// Levels beyond the depth of the book, removed after the update.
    pub cut: u64,
}

/// The order book of one symbol.
///
/// The book takes the precision of its numbers from its snapshot, and widens it if an update has more digits
/// after the point. A message is applied as a whole: the state of the book is decided after its last level, so
/// that a price may move from one side to the other within a message.
#[derive(Debug, Clone)]
pub struct OrderBook {
    state: BookState,
    precision: BookPrecision,
    bids: Levels,
    asks: Levels,
    depth: usize,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderBook {
    /// A book without levels, in state [`BookState::Syncing`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: BookState::Syncing,
            precision: BookPrecision::default(),
            bids: Levels::new(BookSide::Bid),
            asks: Levels::new(BookSide::Ask),
            depth: usize::MAX,
        }
    }

    /// Returns this book with another depth: the number of levels of each side that it keeps after a message.
    /// A venue that sends the best `depth` levels reports no removal of the levels beyond them.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> BookState {
        self.state
    }

    /// The precision of the integers.
    #[must_use]
    pub fn precision(&self) -> BookPrecision {
        self.precision
    }

    /// The levels; `None` unless the book is valid.
    #[must_use]
    #[inline]
    pub fn view(&self) -> Option<BookView<'_>> {
        let is_valid = self.state.is_valid();
        is_valid.then(|| BookView::new(&self.bids, &self.asks, self.precision))
    }

    /// The quantity at a price, in any state; 0 without a level.
    pub(super) fn quantity(&self, side: BookSide, price: BookNumber) -> BookNumber {
        let levels = match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        };
        let quantity = price.units_at(self.precision.price_decimals);
        let quantity = quantity.map_or(0, |price| levels.quantity(price));
        BookNumber::new(quantity, self.precision.quantity_decimals).unwrap_or_default()
    }

    /// Replaces the book by a snapshot, in any state and with levels in any order. Levels with quantity 0 are
    /// left out. The book is valid afterwards.
    ///
    /// # Errors
    /// A price that occurs twice, a crossed book, more levels than [`MAX_BOOK_LEVELS`] and numbers that do not
    /// fit one precision. The book is stale and empty then.
    pub fn load(&mut self, bids: &[LevelChange], asks: &[LevelChange]) -> Result<(), BookError> {
        let loaded = self.replace(bids, asks);
        if loaded.is_err() {
            self.clear();
        }
        self.settle(loaded)
    }

    fn replace(&mut self, bids: &[LevelChange], asks: &[LevelChange]) -> Result<(), BookError> {
        let all = bids.iter().chain(asks);
        let precision = all.fold(BookPrecision::default(), BookPrecision::max);
        self.precision = precision;
        for (levels, changes) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            if changes.len() > MAX_BOOK_LEVELS {
                return Err(too_many(levels.side()));
            }
            for change in changes {
                units(change, precision)?;
            }
            let fitting = changes
                .iter()
                .filter_map(|change| units(change, precision).ok());
            levels
                .load(fitting)
                .map_err(|price| BookError::DuplicateLevel {
                    side: levels.side(),
                    price: precision.price(price),
                })?;
            levels.cut(self.depth);
        }
        self.check_uncrossed()
    }

    /// Applies an update: sets the quantity of each price, and removes the prices with quantity 0. If a price
    /// occurs more than once, the last quantity counts. Levels beyond the depth are removed afterwards.
    ///
    /// # Errors
    /// A book that is not valid does not change. An update that crosses the book, that makes a side longer than
    /// [`MAX_BOOK_LEVELS`], or that has numbers that do not fit makes the book stale.
    pub fn update(
        &mut self,
        bids: &[LevelChange],
        asks: &[LevelChange],
    ) -> Result<LevelCounts, BookError> {
        if !self.state.is_valid() {
            return Err(self.not_valid());
        }
        match self.apply(bids, asks) {
            Ok(counts) => Ok(counts),
            Err(error) => self.settle(Err(error)),
        }
    }

    /// The error of an update of a book that is not valid.
    #[cold]
    fn not_valid(&self) -> BookError {
        match self.state {
            BookState::Stale(reason) => BookError::Stale(reason),
            _ => BookError::NoSnapshot,
        }
    }

    #[inline]
    fn apply(
        &mut self,
        bids: &[LevelChange],
        asks: &[LevelChange],
    ) -> Result<LevelCounts, BookError> {
        let before = self.bids.len() + self.asks.len();
        let mut zeros = Zeros::default();
        let fitting = self.set_fitting(bids, asks, &mut zeros);
        if fitting < bids.len() + asks.len() {
            let asks = &asks[fitting.saturating_sub(bids.len())..];
            let bids = bids.get(fitting..).unwrap_or_default();
            self.widen_and_set(BookSide::Bid, bids, &mut zeros)?;
            self.widen_and_set(BookSide::Ask, asks, &mut zeros)?;
        }
        let Zeros { removed, unknown } = zeros;
        let after = self.bids.len() + self.asks.len();
        let inserted = (after + removed).saturating_sub(before);
        let set = (bids.len() + asks.len()).saturating_sub(removed + unknown);
        let mut cut = 0;
        for levels in [&mut self.bids, &mut self.asks] {
            if levels.len() > MAX_BOOK_LEVELS {
                return Err(too_many(levels.side()));
            }
            cut += levels.cut(self.depth);
        }
        self.check_uncrossed()?;
        Ok(LevelCounts {
            inserted: inserted as u64,
            replaced: set.saturating_sub(inserted) as u64,
            removed: removed as u64,
            unknown: unknown as u64,
            cut: cut as u64,
        })
    }

    /// Applies changes up to the first one that does not fit the precision. Returns the number of applied ones.
    ///
    /// One loop serves both sides: most messages change one level, and a processor cannot predict of which side.
    #[inline]
    fn set_fitting(
        &mut self,
        bids: &[LevelChange],
        asks: &[LevelChange],
        zeros: &mut Zeros,
    ) -> usize {
        let precision = self.precision;
        let sides = [&mut self.bids, &mut self.asks];
        let mut places = [Place::default(); 2];
        let count = bids.len() + asks.len();
        for at in 0..count {
            let side = usize::from(at >= bids.len());
            let Some(change) = [bids, asks][side].get(at - side * bids.len()) else {
                return at;
            };
            let price = change.price.units_at(precision.price_decimals);
            let quantity = change.quantity.units_at(precision.quantity_decimals);
            let (Some(price), Some(quantity)) = (price, quantity) else {
                return at;
            };
            zeros.count(sides[side].set(price, quantity, &mut places[side]));
        }
        count
    }

    /// Applies changes of one side, and widens the precision where one does not fit.
    #[cold]
    fn widen_and_set(
        &mut self,
        side: BookSide,
        changes: &[LevelChange],
        zeros: &mut Zeros,
    ) -> Result<(), BookError> {
        for change in changes {
            let level = match units(change, self.precision) {
                Ok(level) => level,
                Err(_) => self.widen_to(change)?,
            };
            let changed = self.side_mut(side);
            let changed = changed.set(level.price, level.quantity, &mut Place::default());
            zeros.count(changed);
        }
        Ok(())
    }

    /// Makes the precision fit the change.
    #[cold]
    fn widen_to(&mut self, change: &LevelChange) -> Result<BookLevel, BookError> {
        let change = LevelChange::new(change.price.normalized(), change.quantity.normalized());
        let old = self.precision;
        let new = old.max(&change);
        // first the number of the message, which is the likelier one to be wrong
        let level = units(&change, new)?;
        let power = |new: u8, old: u8| {
            let one = BookNumber::new(1, 0).and_then(|one| one.units_at(new - old));
            one.ok_or(BookError::Overflow {
                number: change.price,
                decimals: new,
            })
        };
        let price = power(new.price_decimals, old.price_decimals)?;
        let quantity = power(new.quantity_decimals, old.quantity_decimals)?;
        for levels in [&mut self.bids, &mut self.asks] {
            levels.scale(price, quantity).map_err(|(rank, amount)| {
                let by_price = BookError::Overflow {
                    number: BookNumber::new(rank, old.price_decimals).unwrap_or_default(),
                    decimals: new.price_decimals,
                };
                let by_quantity = BookError::Overflow {
                    number: BookNumber::new(amount, old.quantity_decimals).unwrap_or_default(),
                    decimals: new.quantity_decimals,
                };
                match rank.checked_mul(price) {
                    None => by_price,
                    Some(_) => by_quantity,
                }
            })?;
        }
        self.precision = new;
        Ok(level)
    }

    #[inline]
    fn side_mut(&mut self, side: BookSide) -> &mut Levels {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }

    #[inline]
    fn check_uncrossed(&self) -> Result<(), BookError> {
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => Err(self.crossed(bid, ask)),
            _ => Ok(()),
        }
    }

    #[cold]
    fn crossed(&self, bid: BookLevel, ask: BookLevel) -> BookError {
        BookError::Crossed {
            bid: self.precision.price(bid.price),
            ask: self.precision.price(ask.price),
        }
    }

    fn settle<T>(&mut self, result: Result<T, BookError>) -> Result<T, BookError> {
        let reason = result.as_ref().err().and_then(BookError::stale_reason);
        self.state = reason.map_or(BookState::Valid, BookState::Stale);
        result
    }

    /// Makes a valid book stale, for a reason outside of its levels. Returns whether the book was valid; any
    /// other book keeps its state.
    pub fn invalidate(&mut self, reason: StaleReason) -> bool {
        let was_valid = self.state.is_valid();
        if was_valid {
            self.state = BookState::Stale(reason);
        }
        was_valid
    }

    /// Makes the book stale in any state, because a message of it could not be read or failed a check.
    pub fn refuse(&mut self, reason: StaleReason) {
        self.state = BookState::Stale(reason);
    }

    /// Discards the levels. The book is [`BookState::Syncing`] afterwards.
    pub fn reset(&mut self) {
        self.clear();
        self.state = BookState::Syncing;
    }

    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// The changes with quantity 0. The numbers of the others follow from the lengths of the sides.
#[derive(Clone, Copy, Default)]
struct Zeros {
    removed: usize,
    unknown: usize,
}

impl Zeros {
    #[inline]
    fn count(&mut self, changed: Changed) {
        match changed {
            Changed::Removed => self.removed += 1,
            Changed::Unknown => self.unknown += 1,
            Changed::Inserted | Changed::Replaced => {}
        }
    }
}

/// The integers of a change.
fn units(change: &LevelChange, precision: BookPrecision) -> Result<BookLevel, BookError> {
    let fitted = |number: BookNumber, decimals: u8| {
        let units = number.units_at(decimals);
        units.ok_or(BookError::Overflow { number, decimals })
    };
    Ok(BookLevel {
        price: fitted(change.price, precision.price_decimals)?,
        quantity: fitted(change.quantity, precision.quantity_decimals)?,
    })
}

fn too_many(side: BookSide) -> BookError {
    BookError::TooManyLevels {
        side,
        limit: MAX_BOOK_LEVELS,
    }
}

#[cfg(test)]
#[path = "order_book_tests.rs"]
mod tests;
