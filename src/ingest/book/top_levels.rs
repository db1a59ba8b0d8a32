//! The best levels of a book as integers. Decimals are made only for what is stored.

use std::cmp::Ordering;

use crate::domain::book::{
    BookLevel, BookNumber, BookPrecision, BookSide, BookView, PriceLevel, level_changes,
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

/// The levels of a view that differ from earlier levels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Difference {
    /// Levels of one precision.
    Spans([Span; 2]),
    /// Levels of different precisions, with other prices or quantities or not.
    Precision { is_none: bool },
}

/// The places at which the levels of a side differ. Those before and behind them are equal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: usize,
    old_end: usize,
    new_end: usize,
}

impl Difference {
    /// Whether no price and no quantity differs.
    pub(super) fn is_none(self) -> bool {
        match self {
            Self::Spans(spans) => spans.iter().all(|span| span.is_empty()),
            Self::Precision { is_none } => is_none,
        }
    }
}

impl Span {
    /// The place where the levels of a side differ from the levels of a view.
    #[inline]
    fn of(
        old: &[BookLevel],
        new: impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone,
    ) -> Self {
        let before = old.iter().zip(new.clone());
        let start = before.take_while(|(old, new)| *old == new).count();
        let (old_end, new_end) = (old.len(), new.len());
        let rest = old_end.min(new_end) - start;
        let behind = old.iter().rev().zip(new.rev()).take(rest);
        let behind = behind.take_while(|(old, new)| *old == new).count();
        Self {
            start,
            old_end: old_end - behind,
            new_end: new_end - behind,
        }
    }

    fn is_empty(self) -> bool {
        self.start == self.old_end && self.start == self.new_end
    }
}

impl TopLevels {
    pub(super) fn of(view: BookView<'_>, depth: usize) -> Self {
        Self {
            precision: view.precision(),
            sides: SIDES.map(|side| view.top(side, depth).collect()),
        }
    }

    /// The bids and asks as they are stored.
    pub(super) fn decimals(&self) -> [Vec<PriceLevel>; 2] {
        let level = |level: &BookLevel| stored(self.precision, *level);
        let side = |levels: &Vec<BookLevel>| levels.iter().map(level).collect();
        [side(&self.sides[0]), side(&self.sides[1])]
    }

    /// How the levels of a view differ from these.
    pub(super) fn difference(&self, view: BookView<'_>, depth: usize) -> Difference {
        if self.precision != view.precision() {
            let is_none = self.decimals() == Self::of(view, depth).decimals();
            return Difference::Precision { is_none };
        }
        let span = |at: usize| Span::of(&self.sides[at], view.top(SIDES[at], depth));
        Difference::Spans([span(0), span(1)])
    }

    /// The changes of bids and asks that turn these levels into the levels of a view, as they are stored.
    pub(super) fn changes(
        &self,
        difference: Difference,
        view: BookView<'_>,
        depth: usize,
    ) -> [Vec<PriceLevel>; 2] {
        let Difference::Spans(spans) = difference else {
            let [old, new] = [self.decimals(), Self::of(view, depth).decimals()];
            let changes = |at: usize| level_changes(SIDES[at], &old[at], &new[at]);
            return [changes(0), changes(1)];
        };
        let changes = |at: usize| {
            let span = spans[at];
            if span.is_empty() {
                return Vec::new();
            }
            let old = &self.sides[at][span.start..span.old_end];
            let new = view.top(SIDES[at], depth).skip(span.start);
            let new = new.take(span.new_end - span.start);
            changes(self.precision, SIDES[at], old, new)
        };
        [changes(0), changes(1)]
    }

    /// Takes the levels of a view.
    pub(super) fn set(&mut self, difference: Difference, view: BookView<'_>, depth: usize) {
        self.precision = view.precision();
        for (at, levels) in self.sides.iter_mut().enumerate() {
            let start = match difference {
                Difference::Spans(spans) if spans[at].is_empty() => continue,
                Difference::Spans(spans) => spans[at].start,
                Difference::Precision { .. } => 0,
            };
            levels.truncate(start);
            levels.extend(view.top(SIDES[at], depth).skip(start));
        }
    }
}

/// Whether the best levels of a book surely fit the columns of the database and do not cross, if the levels before
/// `difference` did. Without a difference all levels are compared. Other levels may fit, too: their decimals decide.
pub(super) fn surely_fit(view: BookView<'_>, depth: usize, difference: Option<Difference>) -> bool {
    let precision = view.precision();
    let levels = |at: usize| {
        let all = view.top(SIDES[at], depth);
        let (start, count) = match difference {
            Some(Difference::Spans(spans)) => {
                (spans[at].start, spans[at].new_end - spans[at].start)
            }
            Some(Difference::Precision { .. }) | None => (0, depth),
        };
        all.skip(start).take(count)
    };
    let all = |decimals: u8, units: fn(BookLevel) -> i64| match decimals {
        0..UNBOUNDED_DECIMALS => {
            let bound = 10_u64.pow(TICK_DECIMAL_INTEGER_DIGITS + u32::from(decimals));
            let mut levels = levels(0).chain(levels(1));
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
    // integers are normalized several times as fast as decimals; the units of a book are not negative
    let number = |units: i64, decimals: u8| {
        let number = BookNumber::new(units, decimals).unwrap_or_default();
        number.normalized().into()
    };
    PriceLevel::new(
        number(level.price, precision.price_decimals),
        number(level.quantity, precision.quantity_decimals),
    )
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
