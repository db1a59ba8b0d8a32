//! Levels and level changes of stored books, as decimals.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::invalid_book::{InvalidBook, MAX_LEVEL_CHANGES, MAX_STORED_LEVELS};
use super::level::BookSide;
use crate::domain::decimal::check_tick_decimal;

/// A price and the quantity offered at it, as exact decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PriceLevel {
    /// The price of one unit, in units of the quote currency. May be negative or zero.
    pub price: Decimal,
    /// The quantity in units of the instrument: above 0 in a snapshot. In an update it replaces the quantity at
    /// this price, and 0 removes the level.
    pub quantity: Decimal,
}

impl PriceLevel {
    /// A level, or the change that replaces the quantity at `price`.
    #[must_use]
    pub fn new(price: Decimal, quantity: Decimal) -> Self {
        Self { price, quantity }
    }
}

impl BookSide {
    /// The order of two prices of this side, the better one first.
    pub(super) fn order(self, one: Decimal, other: Decimal) -> Ordering {
        // the integers of equal scales are compared several times as fast
        let ascending = match one.scale() == other.scale() {
            true => one.mantissa().cmp(&other.mantissa()),
            false => one.cmp(&other),
        };
        match self {
            Self::Bid => ascending.reverse(),
            Self::Ask => ascending,
        }
    }
}

/// Returns the levels of a snapshot in the form in which they are stored.
pub(super) fn stored_levels(
    side: BookSide,
    levels: &[PriceLevel],
) -> Result<Vec<PriceLevel>, InvalidBook> {
    check_count(side, levels.len(), MAX_STORED_LEVELS)?;
    let mut stored: Vec<PriceLevel> = Vec::with_capacity(levels.len());
    let mut before = None;
    for level in levels {
        if level.quantity.is_sign_negative() || level.quantity.is_zero() {
            let PriceLevel { price, quantity } = *level;
            return Err(InvalidBook::QuantityNotPositive {
                side,
                price,
                quantity,
            });
        }
        // as given: the numbers of a venue have one scale, and are compared faster than others
        let order = before.map(|before: Decimal| side.order(before, level.price));
        before = Some(level.price);
        let level = exact(side, level)?;
        match order {
            None | Some(Ordering::Less) => stored.push(level),
            Some(Ordering::Equal) => {
                let price = level.price;
                return Err(InvalidBook::DuplicateLevel { side, price });
            }
            Some(Ordering::Greater) => {
                let price = level.price;
                return Err(InvalidBook::Unsorted { side, price });
            }
        }
    }
    Ok(stored)
}

/// Returns the changes of an update in the form in which they are stored: the best price first.
pub(super) fn stored_changes(
    side: BookSide,
    changes: &[PriceLevel],
) -> Result<Vec<PriceLevel>, InvalidBook> {
    check_count(side, changes.len(), MAX_LEVEL_CHANGES)?;
    let mut stored = Vec::with_capacity(changes.len());
    for change in changes {
        if change.quantity < Decimal::ZERO {
            let PriceLevel { price, quantity } = *change;
            return Err(InvalidBook::QuantityNegative {
                side,
                price,
                quantity,
            });
        }
        stored.push(exact(side, change)?);
    }
    stored.sort_by(|one, other| side.order(one.price, other.price));
    let twice = stored
        .windows(2)
        .find(|pair| pair[0].price == pair[1].price);
    match twice {
        Some(pair) => Err(InvalidBook::DuplicateLevel {
            side,
            price: pair[0].price,
        }),
        None => Ok(stored),
    }
}

/// Checks that the best bid is below the best ask.
pub(super) fn check_uncrossed(bids: &[PriceLevel], asks: &[PriceLevel]) -> Result<(), InvalidBook> {
    match bids.first().zip(asks.first()) {
        Some((bid, ask)) if bid.price >= ask.price => Err(InvalidBook::Crossed {
            bid: bid.price,
            ask: ask.price,
        }),
        _ => Ok(()),
    }
}

fn check_count(side: BookSide, count: usize, limit: usize) -> Result<(), InvalidBook> {
    if count > limit {
        return Err(InvalidBook::TooManyLevels { side, count, limit });
    }
    Ok(())
}

fn exact(side: BookSide, level: &PriceLevel) -> Result<PriceLevel, InvalidBook> {
    let number = |field, value| {
        check_tick_decimal(value).map_err(|source| InvalidBook::Number {
            side,
            field,
            source,
        })
    };
    Ok(PriceLevel {
        price: number("price", level.price)?,
        quantity: number("quantity", level.quantity)?,
    })
}
