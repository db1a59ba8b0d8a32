//! The order book of one symbol, from snapshots and updates of aggregated levels.

use super::error::BookError;
use super::level::{BookLevel, BookPrecision, BookSide, LevelChange};
use super::level_counts::{EffectCounts, LevelCounts};
use super::levels::{Levels, Place};
use super::number::BookNumber;
use super::state::{BookState, StaleReason};
use super::view::BookView;

/// The largest number of levels of a side.
pub const MAX_BOOK_LEVELS: usize = 200_000;

/// The order book of one symbol.
///
/// The book takes the precision of its numbers from its snapshot, and widens it if an update has more digits
/// after the point. A message is applied as a whole: the state of the book is decided after its last level, so
/// that a price may move from one side to the other within a message.
#[derive(Debug, Clone)]
pub struct OrderBook {
    state: BookState,
    precision: BookPrecision,
    /// The bids, and the asks.
    sides: [Levels; 2],
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
            sides: [BookSide::Bid, BookSide::Ask].map(Levels::new),
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
        is_valid.then(|| {
            BookView::new(
                self.side(BookSide::Bid),
                self.side(BookSide::Ask),
                self.precision,
            )
        })
    }

    /// The quantity at a price, in any state; 0 without a level.
    pub(super) fn quantity(&self, side: BookSide, price: BookNumber) -> BookNumber {
        let levels = self.side(side);
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
        for (levels, changes) in self.sides.iter_mut().zip([bids, asks]) {
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
        let mut counts = EffectCounts::default();
        let fitting = self.set_fitting(bids, asks, &mut counts);
        let is_usual = fitting == bids.len() + asks.len()
            && self.sides.iter().all(|levels| levels.len() <= self.limit())
            && !self.is_crossed();
        match is_usual {
            true => Ok(counts.of_levels(0)),
            false => self.finish([bids, asks], fitting, counts),
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

    /// The largest number of levels of a side after a message.
    #[inline]
    fn limit(&self) -> usize {
        self.depth.min(MAX_BOOK_LEVELS)
    }

    /// Applies the changes after the first `fitting` ones of both sides, and decides the state of the book.
    #[cold]
    fn finish(
        &mut self,
        sides: [&[LevelChange]; 2],
        fitting: usize,
        mut counts: EffectCounts,
    ) -> Result<LevelCounts, BookError> {
        let finished = self.finish_levels(sides, fitting, &mut counts);
        let cut = self.settle(finished)?;
        Ok(counts.of_levels(cut))
    }

    fn finish_levels(
        &mut self,
        [bids, asks]: [&[LevelChange]; 2],
        fitting: usize,
        counts: &mut EffectCounts,
    ) -> Result<u64, BookError> {
        let of_bids = fitting.min(bids.len());
        self.widen_and_set(BookSide::Bid, &bids[of_bids..], counts)?;
        self.widen_and_set(BookSide::Ask, &asks[fitting - of_bids..], counts)?;
        let mut cut = 0;
        for levels in &mut self.sides {
            if levels.len() > MAX_BOOK_LEVELS {
                return Err(too_many(levels.side()));
            }
            cut += levels.cut(self.depth);
        }
        self.check_uncrossed()?;
        Ok(cut as u64)
    }

    /// Applies changes up to the first one that does not fit the precision. Returns the number of applied ones.
    #[inline]
    fn set_fitting(
        &mut self,
        bids: &[LevelChange],
        asks: &[LevelChange],
        counts: &mut EffectCounts,
    ) -> usize {
        let precision = self.precision;
        let mut fitting = 0;
        // most messages change one level, and a processor cannot predict of which side: one loop serves both
        let mut side = usize::from(bids.is_empty());
        let mut changes = if bids.is_empty() { asks } else { bids };
        loop {
            let levels = &mut self.sides[side];
            let mut last = Place::default();
            for change in changes {
                let price = change.price.units_at(precision.price_decimals);
                let quantity = change.quantity.units_at(precision.quantity_decimals);
                let (Some(price), Some(quantity)) = (price, quantity) else {
                    return fitting;
                };
                counts.count(levels.set(price, quantity, &mut last));
                fitting += 1;
            }
            if side == 1 || asks.is_empty() {
                return fitting;
            }
            (side, changes) = (1, asks);
        }
    }

    /// Applies changes of one side, and widens the precision where one does not fit.
    #[cold]
    fn widen_and_set(
        &mut self,
        side: BookSide,
        changes: &[LevelChange],
        counts: &mut EffectCounts,
    ) -> Result<(), BookError> {
        for change in changes {
            let level = match units(change, self.precision) {
                Ok(level) => level,
                Err(_) => self.widen_to(change)?,
            };
            let levels = &mut self.sides[side as usize];
            let changed = levels.set(level.price, level.quantity, &mut Place::default());
            counts.count(changed);
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
        for levels in &mut self.sides {
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
    fn side(&self, side: BookSide) -> &Levels {
        &self.sides[side as usize]
    }

    #[inline]
    fn is_crossed(&self) -> bool {
        match self.sides.each_ref().map(Levels::best) {
            [Some(bid), Some(ask)] => bid.price >= ask.price,
            _ => false,
        }
    }

    fn check_uncrossed(&self) -> Result<(), BookError> {
        match self.sides.each_ref().map(Levels::best) {
            [Some(bid), Some(ask)] if bid.price >= ask.price => Err(self.crossed(bid, ask)),
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
        self.sides.iter_mut().for_each(Levels::clear);
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
