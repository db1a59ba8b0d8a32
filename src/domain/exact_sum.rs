//! Exact sums of any number of volumes, and their rounding.

use rust_decimal::Decimal;

use super::decimal::SUM_DIGITS;

/// The largest number of decimal places of a [`Decimal`].
const MAX_DECIMALS: u32 = 28;

/// The decimal places of a sum: one more than a [`Decimal`] has, for correct rounding of the others.
pub(crate) const FRACTION_SCALE: u32 = MAX_DECIMALS + 1;

/// 1, in units of the fraction.
pub(crate) const ONE: u128 = 10_u128.pow(FRACTION_SCALE);

/// An exact sum of decimals.
///
/// The integer part and the fraction are stored separately. The integer part does not overflow: 10^9 ticks
/// with the largest volume on both sides sum to 2 * 10^24, and 10^9 of the largest decimals to 8 * 10^37,
/// while an `i128` holds up to 1.7 * 10^38.
///
/// Sums are ordered by value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExactSum {
    /// The largest integer that is not greater than the sum.
    whole: i128,
    /// The rest of the sum in units of 10^-29; less than 1.
    fraction: u128,
}

impl ExactSum {
    /// The sum of nothing.
    pub(crate) const ZERO: Self = Self {
        whole: 0,
        fraction: 0,
    };

    /// Creates a sum of `whole` and `fraction`, which is in units of 10^-29 and less than 1. Returns `None`
    /// if `whole` is out of range.
    pub(crate) fn of_parts(negative: bool, whole: u128, fraction: u128) -> Option<Self> {
        let sum = Self {
            whole: i128::try_from(whole).ok()?,
            fraction,
        };
        Some(if negative { sum.negated() } else { sum })
    }

    /// Negates a sum that is not negative.
    fn negated(self) -> Self {
        match self.fraction {
            0 => Self {
                whole: -self.whole,
                fraction: 0,
            },
            fraction => Self {
                whole: -self.whole - 1,
                fraction: ONE - fraction,
            },
        }
    }

    /// Whether the sum is negative, and the integer part and the fraction of its absolute value.
    pub(crate) fn parts(self) -> (bool, u128, u128) {
        let (whole, fraction) = self.magnitude();
        (self.whole < 0, whole, fraction)
    }

    /// The integer part and the fraction of the absolute value.
    fn magnitude(self) -> (u128, u128) {
        if self.whole < 0 && self.fraction > 0 {
            ((self.whole + 1).unsigned_abs(), ONE - self.fraction)
        } else {
            (self.whole.unsigned_abs(), self.fraction)
        }
    }

    /// Adds `value`. Returns `None` on overflow.
    #[must_use]
    pub(crate) fn checked_add(self, value: Decimal) -> Option<Self> {
        if value.is_zero() {
            return Some(self);
        }
        self.checked_merge(value.into())
    }

    /// Adds both sums. Returns `None` on overflow.
    #[must_use]
    pub(crate) fn checked_merge(self, other: Self) -> Option<Self> {
        let mut fraction = self.fraction + other.fraction;
        let mut whole = self.whole.checked_add(other.whole)?;
        if fraction >= ONE {
            fraction -= ONE;
            whole = whole.checked_add(1)?;
        }
        Some(Self { whole, fraction })
    }

    /// Returns the sum without trailing zeros. It is exact with up to 28 significant digits and up to 28
    /// decimal places, otherwise rounded to 28, half away from zero, as by PostgreSQL's `round()`.
    ///
    /// The result never has more than 28 digits, even though some `Decimal`s hold 29. Returns `None` if the
    /// sum exceeds the largest `Decimal`, 7.9 * 10^28.
    #[must_use]
    pub(crate) fn to_decimal(self) -> Option<Decimal> {
        let negative = self.whole < 0;
        let (whole, fraction) = self.magnitude();
        if let Some(short) = short(whole, fraction) {
            return Some(with_sign(short, negative));
        }
        let (units, scale) = rounded(whole, fraction);
        let decimal = Decimal::try_from_i128_with_scale(i128::try_from(units).ok()?, scale).ok()?;
        Some(with_sign(decimal.normalize(), negative))
    }
}

impl From<Decimal> for ExactSum {
    fn from(value: Decimal) -> Self {
        let (units, scale) = (value.mantissa().unsigned_abs(), value.scale());
        // 64-bit division is several times as fast and suffices for most numbers
        let (whole, rest) = match (u64::try_from(units), 10_u64.checked_pow(scale)) {
            (Ok(units), Some(one)) => (u128::from(units / one), u128::from(units % one)),
            _ => (units / 10_u128.pow(scale), units % 10_u128.pow(scale)),
        };
        let sum = Self {
            // less than 2^96
            whole: whole as i128,
            fraction: rest * 10_u128.pow(FRACTION_SCALE - scale),
        };
        if value.is_sign_negative() {
            sum.negated()
        } else {
            sum
        }
    }
}

fn with_sign(mut decimal: Decimal, negative: bool) -> Decimal {
    decimal.set_sign_negative(negative && !decimal.is_zero());
    decimal
}

/// The fast path: a number below 10^15 with up to twelve decimal places, without trailing zeros.
fn short(whole: u128, fraction: u128) -> Option<Decimal> {
    const SCALE: u32 = 12;
    const UNIT: u128 = 10_u128.pow(FRACTION_SCALE - SCALE);
    if whole >= 10_u128.pow(15) || !fraction.is_multiple_of(UNIT) {
        return None;
    }
    // below 10^12
    let mut decimals = (fraction / UNIT) as u64;
    let mut scale = if decimals == 0 { 0 } else { SCALE };
    while scale > 0 && decimals.is_multiple_of(10) {
        decimals /= 10;
        scale -= 1;
    }
    // below 10^27
    let units = whole * 10_u128.pow(scale) + u128::from(decimals);
    Decimal::try_from_i128_with_scale(units as i128, scale).ok()
}

/// Rounds `whole` and `fraction` half away from zero. Returns the units and their number of decimal places.
///
/// The first digit that is cut off decides alone whether the rest is half or more.
fn rounded(whole: u128, fraction: u128) -> (u128, u32) {
    let half_up = |value: u128, unit: u128| value / unit + u128::from(value % unit >= unit / 2);
    match digits(whole) {
        // a fraction without an integer part has 28 digits or fewer at 28 decimal places
        0 => (half_up(fraction, 10), MAX_DECIMALS),
        count if count <= SUM_DIGITS => {
            let decimals = SUM_DIGITS - count;
            let unit = 10_u128.pow(FRACTION_SCALE - decimals);
            (
                whole * 10_u128.pow(decimals) + half_up(fraction, unit),
                decimals,
            )
        }
        count => {
            let unit = 10_u128.pow(count - SUM_DIGITS);
            (half_up(whole, unit) * unit, 0)
        }
    }
}

/// The number of digits of `value`; 0 has none.
fn digits(value: u128) -> u32 {
    value.checked_ilog10().map_or(0, |power| power + 1)
}

#[cfg(test)]
mod tests;
