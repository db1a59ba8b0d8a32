//! The best levels of a book as integers. Decimals are made only for what is stored.

use std::cmp::Ordering;

use crate::domain::book::{
    BookLevel, BookPrecision, BookSide, BookView, PriceLevel, level_changes,
};
use crate::domain::{TICK_DECIMAL_INTEGER_DIGITS, TICK_DECIMAL_SCALE};

const SIDES: [BookSide; 2] = [BookSide::Bid, BookSide::Ask];

/// The digits after the point from which on every integer of 64 bits is smaller than any bound of the database.
const UNBOUNDED_DECIMALS: u8 = 4;

/// The best levels of both sides, the best one of each first.
#[derive(Debug, Clone)]
pub(super) struct TopLevels {
    precision: BookPrecision,
    sides: [Vec<BookLevel>; 2],
}

impl TopLevels {
    pub(super) fn of(view: BookView<'_>, depth: usize) -> Self {
        Self {
            precision: view.precision(),
            sides: SIDES.map(|side| view.side(side).take(depth).collect()),
        }
    }

    /// Takes the levels of a view.
    pub(super) fn set(&mut self, view: BookView<'_>, depth: usize) {
        self.precision = view.precision();
        for (side, levels) in SIDES.into_iter().zip(&mut self.sides) {
            levels.clear();
            levels.extend(view.side(side).take(depth));
        }
    }

    /// The bids and asks as they are stored.
    pub(super) fn decimals(&self) -> [Vec<PriceLevel>; 2] {
        let level = |level: &BookLevel| stored(self.precision, *level);
        let side = |levels: &Vec<BookLevel>| levels.iter().map(level).collect();
        [side(&self.sides[0]), side(&self.sides[1])]
    }

    /// Whether the levels have other prices or quantities than a view.
    pub(super) fn differ(&self, view: BookView<'_>, depth: usize) -> bool {
        if self.precision != view.precision() {
            return self.decimals() != Self::of(view, depth).decimals();
        }
        let mut sides = SIDES.into_iter().zip(&self.sides);
        sides.any(|(side, levels)| !view.side(side).take(depth).eq(levels.iter().copied()))
    }

    /// The changes of bids and asks that turn these levels into the levels of a view, as they are stored.
    pub(super) fn changes(&self, view: BookView<'_>, depth: usize) -> [Vec<PriceLevel>; 2] {
        if self.precision != view.precision() {
            let [old, new] = [self.decimals(), Self::of(view, depth).decimals()];
            let changes = |at: usize| level_changes(SIDES[at], &old[at], &new[at]);
            return [changes(0), changes(1)];
        }
        let changes = |at: usize| {
            let new = view.side(SIDES[at]).take(depth);
            changes(self.precision, SIDES[at], &self.sides[at], new)
        };
        [changes(0), changes(1)]
    }
}

/// Whether the best levels of a book surely fit the columns of the database and do not cross. Other levels may do so,
/// too: their decimals decide.
pub(super) fn surely_fit(view: BookView<'_>, depth: usize) -> bool {
    let precision = view.precision();
    let all = |decimals: u8, units: fn(BookLevel) -> i64| match decimals {
        0..UNBOUNDED_DECIMALS => {
            let bound = 10_u64.pow(TICK_DECIMAL_INTEGER_DIGITS + u32::from(decimals));
            let mut levels = SIDES
                .into_iter()
                .flat_map(|side| view.side(side).take(depth));
            levels.all(|level| units(level).unsigned_abs() < bound)
        }
        _ => u32::from(decimals) <= TICK_DECIMAL_SCALE,
    };
    let best = view.best_bid().zip(view.best_ask());
    best.is_none_or(|(bid, ask)| bid.price < ask.price)
        && all(precision.price_decimals, |level| level.price)
        && all(precision.quantity_decimals, |level| level.quantity)
}

fn stored(precision: BookPrecision, level: BookLevel) -> PriceLevel {
    let quantity = precision.quantity(level.quantity).normalize();
    PriceLevel::new(precision.price(level.price).normalize(), quantity)
}

/// The order of two prices of a side, the better one first.
fn order(side: BookSide, one: i64, other: i64) -> Ordering {
    match side {
        BookSide::Bid => other.cmp(&one),
        BookSide::Ask => one.cmp(&other),
    }
}

/// As [`level_changes`] for levels of one precision.
fn changes(
    precision: BookPrecision,
    side: BookSide,
    old: &[BookLevel],
    new: impl Iterator<Item = BookLevel>,
) -> Vec<PriceLevel> {
    let change = |level: BookLevel| stored(precision, level);
    let removed = |level: &BookLevel| PriceLevel::new(change(*level).price, 0.into());
    let (mut old, mut new) = (old.iter().peekable(), new.peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => order(side, before.price, after.price),
        };
        match order {
            Ordering::Less => changes.extend(old.next().map(removed)),
            Ordering::Greater => changes.extend(new.next().map(change)),
            Ordering::Equal => {
                let before = old.next().map(|level| level.quantity);
                let after = new.next();
                changes.extend(after.filter(|it| Some(it.quantity) != before).map(change));
            }
        }
    }
}

#[cfg(test)]
#[path = "top_levels_tests.rs"]
mod tests;
