//! The difference of two books.

use std::cmp::Ordering;

use super::level::BookSide;
use super::price_level::PriceLevel;

/// The changes that turn the levels `old` of a side into `new`, the best price first; quantity 0 removes a level.
/// Both have the best level first and one level per price.
///
/// # Examples
/// ```
/// use tickbook::domain::book::{BookSide, PriceLevel, level_changes};
///
/// let level = |price: i64, quantity: i64| PriceLevel::new(price.into(), quantity.into());
/// let old = [level(99, 5), level(98, 2)];
/// let new = [level(100, 1), level(99, 4)];
/// let changes = level_changes(BookSide::Bid, &old, &new);
/// assert_eq!(changes, [level(100, 1), level(99, 4), level(98, 0)]);
/// ```
#[must_use]
pub fn level_changes(side: BookSide, old: &[PriceLevel], new: &[PriceLevel]) -> Vec<PriceLevel> {
    let removed = |level: &PriceLevel| PriceLevel::new(level.price, 0.into());
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut changes = Vec::new();
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(before), None) => {
                changes.push(removed(before));
                old.next();
            }
            (None, Some(after)) => {
                changes.push(**after);
                new.next();
            }
            (Some(before), Some(after)) => match side.order(before.price, after.price) {
                Ordering::Less => {
                    changes.push(removed(before));
                    old.next();
                }
                Ordering::Greater => {
                    changes.push(**after);
                    new.next();
                }
                Ordering::Equal => {
                    if before.quantity != after.quantity {
                        changes.push(**after);
                    }
                    old.next();
                    new.next();
                }
            },
        }
    }
}
