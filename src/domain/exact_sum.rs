//! Sums of volumes, exact however many there are, and the one way in which they are rounded.

use rust_decimal::Decimal;

use super::decimal::SUM_DIGITS;

/// Decimals a [`Decimal`] has at most.
const MOST_DECIMALS: u32 = 28;

/// Decimals a sum is kept with: one more than a [`Decimal`] has, which decides how the others round.
pub(crate) const FRACTION_SCALE: u32 = MOST_DECIMALS + 1;

/// 1, in units of the fraction.
pub(crate) const ONE: u128 = 10_u128.pow(FRACTION_SCALE);

/// An exact sum of decimals.
///
/// Whole numbers and decimals are counted apart. The whole numbers do not overflow: 10^9 ticks with
/// the largest volume on both sides are 2 * 10^24, and 10^9 of the largest decimals are 8 * 10^37,
/// where an `i128` ends at 1.7 * 10^38.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExactSum {
    /// The largest integer that is not greater than the sum.
    whole: i128,
    /// What the sum has more, in units of 10^-29; less than 1.
    fraction: u128,
}

impl ExactSum {
    /// `whole` and `fraction` units of 10^-29, which are less than 1; `None` where `whole` is out of
    /// range.
    #[cfg(any(feature = "postgres", test))]
    pub(crate) fn of_parts(negative: bool, whole: u128, fraction: u128) -> Option<Self> {
        let sum = Self {
            whole: i128::try_from(whole).ok()?,
            fraction,
        };
        Some(if negative { sum.negated() } else { sum })
    }

    /// Minus a sum that is not negative.
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

    /// The whole numbers and the fraction of its magnitude.
    fn magnitude(self) -> (u128, u128) {
        if self.whole < 0 && self.fraction > 0 {
            ((self.whole + 1).unsigned_abs(), ONE - self.fraction)
        } else {
            (self.whole.unsigned_abs(), self.fraction)
        }
    }

    /// Adds `value`; `None` when the sum leaves the range.
    #[must_use]
    pub(crate) fn checked_add(self, value: Decimal) -> Option<Self> {
        if value.is_zero() {
            return Some(self);
        }
        self.checked_merge(value.into())
    }

    /// The sum of both; `None` when it leaves the range.
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

    /// The sum without trailing zeros: exact with up to 28 significant digits and up to 28 decimals,
    /// else rounded to as many, half away from zero, as PostgreSQL's `round()` does.
    ///
    /// Never more than 28 digits are kept, also where a `Decimal` holds 29. `None` when the sum is
    /// larger than a `Decimal`, which ends at 7.9 * 10^28.
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
        // division of 64 bits is several times as fast, and most numbers need no other
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

/// A number below 10^15 with up to twelve decimals, as almost all are, without trailing zeros.
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

/// `whole` and `fraction`, rounded half away from zero: units, and how many decimals they have.
///
/// Whether half or more was cut off, the first digit that goes says alone.
fn rounded(whole: u128, fraction: u128) -> (u128, u32) {
    let half_up = |value: u128, unit: u128| value / unit + u128::from(value % unit >= unit / 2);
    match digits(whole) {
        // what begins behind the point has 28 digits or fewer where it has 28 decimals
        0 => (half_up(fraction, 10), MOST_DECIMALS),
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

/// How many digits `value` has; 0 has none.
fn digits(value: u128) -> u32 {
    value.checked_ilog10().map_or(0, |power| power + 1)
}

#[cfg(test)]
mod tests;
