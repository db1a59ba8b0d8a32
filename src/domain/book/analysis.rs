//! Cumulative depth, imbalance and the price to fill a quantity.

use rust_decimal::Decimal;

use super::level::{BookLevel, BookPrecision, BookSide};
use super::view::BookView;

/// Digits after the point of an imbalance, and further digits of an average price.
const ROUNDED_DECIMALS: u32 = 9;
const ROUNDED_UNITS: i128 = 1_000_000_000;

impl<'a> BookView<'a> {
    /// The levels of a side, each with the sum of the quantities from the best level to this one, the best one
    /// first.
    pub fn cumulative(self, side: BookSide) -> impl Iterator<Item = (BookLevel, i128)> + 'a {
        self.side(side).scan(0_i128, |sum, level| {
            *sum += i128::from(level.quantity);
            Some((level, *sum))
        })
    }

    /// The quantity of the best `levels` levels of a side, in units of the book.
    #[must_use]
    pub fn depth(self, side: BookSide, levels: usize) -> i128 {
        let best = self.side(side).take(levels);
        best.map(|level| i128::from(level.quantity)).sum()
    }

    /// The imbalance of the best `levels` levels of each side: (bids - asks) / (bids + asks), from -1 (only
    /// asks) to 1 (only bids), rounded to 9 decimal places, half to even. `None` if there is no quantity.
    #[must_use]
    pub fn imbalance(self, levels: usize) -> Option<Decimal> {
        let bids = self.depth(BookSide::Bid, levels);
        let asks = self.depth(BookSide::Ask, levels);
        let (difference, sum) = (bids - asks, bids + asks);
        let units = rounded_quotient(difference.unsigned_abs(), sum.unsigned_abs())?;
        let value = Decimal::from_i128_with_scale(units, ROUNDED_DECIMALS).normalize();
        Some(if difference < 0 { -value } else { value })
    }

    /// Takes `quantity` units from a side, the best level first. Take from the asks to buy.
    ///
    /// The fill has less than `quantity` if the side has less. `None` if the sum of the products does not fit
    /// 127 bits.
    #[must_use]
    pub fn fill(self, side: BookSide, quantity: i128) -> Option<Fill> {
        let mut fill = Fill {
            quantity: 0,
            notional: 0,
            worst_price: None,
            precision: self.precision(),
        };
        for level in self.side(side) {
            let taken = i128::from(level.quantity).min(quantity - fill.quantity);
            if taken <= 0 {
                break;
            }
            let product = i128::from(level.price).checked_mul(taken)?;
            fill.notional = fill.notional.checked_add(product)?;
            fill.quantity += taken;
            fill.worst_price = Some(level.price);
        }
        Some(fill)
    }
}

/// The result of [`BookView::fill`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fill {
    /// The quantity that was filled, in units of the book.
    pub quantity: i128,
    /// The sum of price times quantity, in units of price times units of quantity; exact.
    pub notional: i128,
    /// The price of the last level that was used. `None` if nothing was filled.
    pub worst_price: Option<i64>,
    /// The precision of the units.
    pub precision: BookPrecision,
}

impl Fill {
    /// The volume-weighted average price, with 9 decimal places more than the prices, rounded half to even.
    /// `None` if nothing was filled.
    #[must_use]
    pub fn average_price(&self) -> Option<Decimal> {
        let (notional, quantity) = (self.notional.unsigned_abs(), self.quantity.unsigned_abs());
        let units = rounded_quotient(notional, quantity)?;
        let scale = ROUNDED_DECIMALS + u32::from(self.precision.price_decimals);
        Decimal::try_from_i128_with_scale(units, scale)
            .map(|price| price.normalize())
            .ok()
    }
}

/// The quotient in units of 10^-9, rounded half to even. `None` if the divisor is 0 or the result does not fit.
fn rounded_quotient(dividend: u128, divisor: u128) -> Option<i128> {
    let whole = dividend.checked_div(divisor)?;
    // the divisor is a sum of at most 200,000 numbers of 63 bits, so the product has at most 111 bits
    let rest = (dividend % divisor).checked_mul(ROUNDED_UNITS.unsigned_abs())?;
    let (fraction, rest) = (rest / divisor, rest % divisor);
    let units = whole.checked_mul(ROUNDED_UNITS.unsigned_abs())? + fraction;
    let is_up = match rest.checked_mul(2)?.cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => units % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    i128::try_from(units + u128::from(is_up)).ok()
}

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
