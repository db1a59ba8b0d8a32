//! Exact amounts of money.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::decimal::{TICK_DECIMAL_INTEGER_DIGITS, TICK_DECIMAL_SCALE};
use super::exact_sum::{ExactSum, FRACTION_SCALE};
use super::excerpt::excerpt;

/// The number of decimal places of a product of a price and a quantity, twelve of each.
pub const AMOUNT_SCALE: u32 = 2 * TICK_DECIMAL_SCALE;

/// Digits before the point of a stored amount. The sum of 1,440 stored minutes fits an [`Amount`].
pub const STORED_AMOUNT_INTEGER_DIGITS: u32 = 34;

/// 1, in units of a price or a quantity.
const UNIT: u128 = 10_u128.pow(TICK_DECIMAL_SCALE);

/// An amount in units of the quote currency: a price multiplied by a quantity, or a sum of such products.
///
/// It is exact and never rounded: up to 24 decimal places, and less than 1.7 * 10^38 in magnitude. A [`Decimal`] is
/// smaller and has fewer digits.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook::domain::Amount;
///
/// let price = Decimal::new(4_521_375, 2);
/// let amount = Amount::of(price, Decimal::new(150_000_001, 8)).expect("both can be stored");
/// assert_eq!(amount.to_string(), "67820.6254521375");
/// assert_eq!("67820.6254521375".parse(), Ok(amount));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(ExactSum);

impl Amount {
    /// The amount of nothing.
    pub const ZERO: Self = Self(ExactSum::ZERO);

    /// Returns `price * quantity`. Returns `None` if one of them does not fit `NUMERIC(27,12)`.
    #[must_use]
    pub fn of(price: Decimal, quantity: Decimal) -> Option<Self> {
        let (price_units, quantity_units) = (units(price)?, units(quantity)?);
        let ((p1, p0), (q1, q0)) = (
            (price_units / UNIT, price_units % UNIT),
            (quantity_units / UNIT, quantity_units % UNIT),
        );
        // each factor is below 10^15 before and below 10^12 after the point
        let middle = p1 * q0 + p0 * q1;
        let shift = 10_u128.pow(FRACTION_SCALE - TICK_DECIMAL_SCALE);
        let shift_of_last = 10_u128.pow(FRACTION_SCALE - AMOUNT_SCALE);
        let fraction = (middle % UNIT) * shift + p0 * q0 * shift_of_last;
        let one = 10_u128.pow(FRACTION_SCALE);
        let whole = p1 * q1 + middle / UNIT + fraction / one;
        let negative = price.is_sign_negative() != quantity.is_sign_negative();
        ExactSum::of_parts(negative, whole, fraction % one).map(Self)
    }

    /// Returns the sum. Returns `None` if it is 1.7 * 10^38 or more in magnitude.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_merge(other.0).map(Self)
    }

    /// Returns the amount as a decimal: exact with up to 28 significant digits, otherwise rounded to 28, half
    /// away from zero. Returns `None` above 7.9 * 10^28.
    #[must_use]
    pub fn to_decimal(self) -> Option<Decimal> {
        self.0.to_decimal()
    }

    /// Whether a stored candle can have this amount: 24 decimal places, and less than 10^34 in magnitude.
    pub(crate) fn is_storable(self) -> bool {
        let (_, whole, fraction) = self.0.parts();
        whole < 10_u128.pow(STORED_AMOUNT_INTEGER_DIGITS)
            && fraction.is_multiple_of(10_u128.pow(FRACTION_SCALE - AMOUNT_SCALE))
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn of_sum(sum: ExactSum) -> Self {
        Self(sum)
    }

    pub(crate) fn sum(self) -> ExactSum {
        self.0
    }
}

impl From<Decimal> for Amount {
    fn from(value: Decimal) -> Self {
        Self(value.into())
    }
}

/// The magnitude in units of 10^-12; `None` if `NUMERIC(27,12)` does not hold `value`.
fn units(value: Decimal) -> Option<u128> {
    let value = value.normalize();
    let missing = TICK_DECIMAL_SCALE.checked_sub(value.scale())?;
    let units = value
        .mantissa()
        .unsigned_abs()
        .checked_mul(10_u128.pow(missing))?;
    let limit = const { 10_u128.pow(TICK_DECIMAL_INTEGER_DIGITS + TICK_DECIMAL_SCALE) };
    (units < limit).then_some(units)
}

/// Writes the amount without exponent and trailing zeros.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, whole, fraction) = self.0.parts();
        let sign = if negative { "-" } else { "" };
        if fraction == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        let places = FRACTION_SCALE as usize;
        let decimals = format!("{fraction:0places$}");
        f.pad(&format!("{sign}{whole}.{}", decimals.trim_end_matches('0')))
    }
}

/// The text is not an amount. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid amount {0}: expected a number like 67820.625 with at most {AMOUNT_SCALE} decimal places"
)]
#[non_exhaustive]
pub struct InvalidAmount(pub String);

/// Reads an optional sign, digits, and optionally a point and up to 24 digits.
impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        parsed(text).ok_or_else(|| InvalidAmount(excerpt(text)))
    }
}

fn parsed(text: &str) -> Option<Amount> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals = decimals.trim_end_matches('0');
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole)
        || !is_digits(decimals)
        || number.bytes().all(|byte| byte == b'.')
        || decimals.len() > AMOUNT_SCALE as usize
    {
        return None;
    }
    let of = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u128>().ok(),
    };
    // at most 24 digits
    let missing = FRACTION_SCALE - decimals.len() as u32;
    let fraction = of(decimals)? * 10_u128.pow(missing);
    ExactSum::of_parts(negative, of(whole)?, fraction).map(Amount)
}

#[cfg(test)]
mod tests;
