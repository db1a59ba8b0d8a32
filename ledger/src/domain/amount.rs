//! Exact amounts with 24 decimal places.

use std::fmt;
use std::ops::Neg;
use std::str::FromStr;

use ethnum::I256;
use rust_decimal::Decimal;
use tickbook::domain::{AMOUNT_SCALE, TICK_DECIMAL_SCALE, excerpt};

/// Digits before the point of an [`Amount`]: `NUMERIC(54,24)`.
pub const AMOUNT_INTEGER_DIGITS: u32 = 30;

/// A sum of products of prices and quantities, in units of the currency of the price.
///
/// It has 24 decimal places and is less than 10^30 in magnitude. It is exact: only [`share`](Self::share),
/// [`quotient`](Self::quotient) and [`per_unit`](Self::per_unit) round, half to even.
///
/// The amounts of trade candles ([`tickbook::domain::Amount`]) can only be added. Amounts of a ledger are also
/// subtracted, multiplied and divided.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::Amount;
///
/// // quantity 12.5, price 1.5
/// let cost = Amount::of(Decimal::new(15, 1), Decimal::new(125, 1))?;
/// assert_eq!(cost.to_string(), "18.75");
/// // a third of it leaves with a third of the quantity
/// let removed = cost.share(Decimal::ONE, Decimal::new(3, 0))?;
/// assert_eq!(removed.to_string(), "6.25");
/// # Ok::<_, tickbook_ledger::domain::AmountError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(I256);

/// Why an amount cannot be computed exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The magnitude is 10^30 or more.
    #[error("an amount is not smaller than 10^{AMOUNT_INTEGER_DIGITS} in magnitude")]
    OutOfRange,
    /// A product has more than 24 decimal places.
    #[error("an amount has more than {AMOUNT_SCALE} decimal places")]
    TooManyDecimals,
}

/// 10^exponent. The exponent is at most 76.
fn power(exponent: u32) -> I256 {
    // an i128 holds 10^38
    let first = exponent.min(38);
    I256::new(10_i128.pow(first)) * I256::new(10_i128.pow(exponent - first))
}

/// Whether a quotient is rounded away from zero: half to even.
///
/// `rest` and `divisor` are not negative, and `odd` tells whether the quotient is odd.
fn rounds_up(rest: I256, divisor: I256, odd: bool) -> bool {
    // `rest` is below `divisor`, so this does not overflow
    let missing = divisor - rest;
    rest > missing || (rest == missing && odd)
}

/// 1 or, for a negative number, -1.
fn sign(value: I256) -> I256 {
    match value.is_negative() {
        true => -I256::ONE,
        false => I256::ONE,
    }
}

fn is_odd(value: I256) -> bool {
    value % I256::new(2) != I256::ZERO
}

/// `numerator / divisor`, rounded half to even. The divisor is positive.
fn divided(numerator: I256, divisor: I256) -> I256 {
    let (quotient, rest) = (numerator / divisor, numerator % divisor);
    match rounds_up(rest.abs(), divisor, is_odd(quotient)) {
        true => quotient + sign(numerator),
        false => quotient,
    }
}

impl Amount {
    /// The amount of nothing.
    pub const ZERO: Self = Self(I256::ZERO);

    fn checked(units: Option<I256>) -> Result<Self, AmountError> {
        let units = units.ok_or(AmountError::OutOfRange)?;
        if units.abs() >= power(AMOUNT_INTEGER_DIGITS + AMOUNT_SCALE) {
            return Err(AmountError::OutOfRange);
        }
        Ok(Self(units))
    }

    /// The amount of `units` of 10^-24; `None` if it is out of range.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_units(units: I256) -> Option<Self> {
        Self::checked(Some(units)).ok()
    }

    /// The amount in units of 10^-24.
    #[cfg(feature = "postgres")]
    pub(crate) fn units(self) -> I256 {
        self.0
    }

    /// The amount of `units` with `scale` decimal places.
    fn scaled(units: I256, scale: u32) -> Result<Self, AmountError> {
        if let Some(missing) = AMOUNT_SCALE.checked_sub(scale) {
            return Self::checked(units.checked_mul(power(missing)));
        }
        let surplus = power(scale - AMOUNT_SCALE);
        if units % surplus != I256::ZERO {
            return Err(AmountError::TooManyDecimals);
        }
        Self::checked(Some(units / surplus))
    }

    /// Returns `price * quantity`.
    ///
    /// # Errors
    /// The product is out of range or has more than 24 decimal places. Neither happens with numbers that fit
    /// `NUMERIC(27,12)`.
    pub fn of(price: Decimal, quantity: Decimal) -> Result<Self, AmountError> {
        let units = I256::new(price.mantissa()).checked_mul(I256::new(quantity.mantissa()));
        let units = units.ok_or(AmountError::OutOfRange)?;
        Self::scaled(units, price.scale() + quantity.scale())
    }

    /// Returns `self * factor`.
    ///
    /// # Errors
    /// The product is out of range or has more than 24 decimal places.
    pub fn times(self, factor: Decimal) -> Result<Self, AmountError> {
        let factor = factor.normalize();
        let units = self.0.checked_mul(I256::new(factor.mantissa()));
        let units = units.ok_or(AmountError::OutOfRange)?;
        Self::scaled(units, AMOUNT_SCALE + factor.scale())
    }

    /// Returns `self + other`.
    ///
    /// # Errors
    /// The sum is out of range.
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        Self::checked(self.0.checked_add(other.0))
    }

    /// Returns `self - other`.
    ///
    /// # Errors
    /// The difference is out of range.
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        Self::checked(self.0.checked_sub(other.0))
    }

    /// Returns `self * part / whole`, rounded half to even at 24 decimal places. The intermediate product does not
    /// overflow.
    ///
    /// `whole` is positive, and `part` is from 0 to `whole`; both fit `NUMERIC(27,12)`.
    ///
    /// # Errors
    /// An argument is out of its range.
    pub fn share(self, part: Decimal, whole: Decimal) -> Result<Self, AmountError> {
        let (part, whole) = (part.normalize(), whole.normalize());
        if part < Decimal::ZERO || part > whole || whole <= Decimal::ZERO {
            return Err(AmountError::OutOfRange);
        }
        let scale = part.scale().max(whole.scale());
        let units = |value: Decimal| I256::new(value.mantissa()) * power(scale - value.scale());
        let (part, whole) = (units(part), units(whole));
        // self = quotient * whole + rest
        let (quotient, rest) = (self.0 / whole, self.0 % whole);
        let product = rest.checked_mul(part).ok_or(AmountError::OutOfRange)?;
        let share = quotient * part + product / whole;
        let up = rounds_up((product % whole).abs(), whole, is_odd(share));
        let share = if up { share + sign(self.0) } else { share };
        Self::checked(Some(share))
    }

    /// Returns `numerator / divisor`, rounded half to even at 24 decimal places.
    ///
    /// # Errors
    /// `divisor` is zero, or a number has too many digits.
    pub fn quotient(numerator: Self, divisor: Decimal) -> Result<Self, AmountError> {
        let divisor = divisor.normalize();
        if divisor.is_zero() {
            return Err(AmountError::OutOfRange);
        }
        let units = numerator.0.checked_mul(power(divisor.scale()));
        let units = units.ok_or(AmountError::OutOfRange)?;
        let magnitude = divided(units, I256::new(divisor.mantissa()).abs());
        let negative = divisor.is_sign_negative();
        Self::checked(Some(if negative { -magnitude } else { magnitude }))
    }

    /// Returns the average price of `quantity`: `self / quantity`, rounded half to even at 12 decimal places.
    ///
    /// Returns `None` if `quantity` is zero or the price has more than 15 digits before the point.
    #[must_use]
    pub fn per_unit(self, quantity: Decimal) -> Option<Decimal> {
        let quantity = quantity.normalize();
        if quantity.is_zero() {
            return None;
        }
        // the units of the quotient have 12 decimal places
        let divisor = I256::new(quantity.mantissa()).abs();
        let divisor = divisor * power(AMOUNT_SCALE - TICK_DECIMAL_SCALE);
        let units = divided(self.0.checked_mul(power(quantity.scale()))?, divisor);
        let units = i128::try_from(units).ok()?;
        let price = Decimal::try_from_i128_with_scale(units, TICK_DECIMAL_SCALE).ok()?;
        let price = price.normalize();
        let negative = quantity.is_sign_negative() && !price.is_zero();
        Some(if negative { -price } else { price })
    }

    /// The nearest `f64`, for ratios that have no exact value.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // digits with a point are always a number
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Returns `self / whole`; `None` if `whole` is zero.
    #[must_use]
    pub fn ratio(self, whole: Self) -> Option<f64> {
        (!whole.is_zero()).then(|| self.to_f64() / whole.to_f64())
    }

    /// Whether the amount is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == I256::ZERO
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = AmountError;

    fn try_from(value: Decimal) -> Result<Self, AmountError> {
        Self::of(value, Decimal::ONE)
    }
}

/// Writes the amount without exponent and trailing zeros.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (places, one) = (AMOUNT_SCALE as usize, power(AMOUNT_SCALE));
        let sign = if self.0.is_negative() { "-" } else { "" };
        let (whole, fraction) = ((self.0 / one).abs(), (self.0 % one).abs());
        if fraction == I256::ZERO {
            return f.pad(&format!("{sign}{whole}"));
        }
        // below 10^24
        let decimals = format!("{:0>places$}", fraction.to_string());
        f.pad(&format!("{sign}{whole}.{}", decimals.trim_end_matches('0')))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an amount. Holds the text, quoted and cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid amount {0}: expected a number like 67820.625 with at most {AMOUNT_SCALE} decimal places and less \
     than 10^{AMOUNT_INTEGER_DIGITS}"
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
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(decimals) || whole.len() + decimals.len() == 0 {
        return None;
    }
    let (whole, decimals) = (
        whole.trim_start_matches('0'),
        decimals.trim_end_matches('0'),
    );
    if whole.len() > AMOUNT_INTEGER_DIGITS as usize || decimals.len() > AMOUNT_SCALE as usize {
        return None;
    }
    let places = AMOUNT_SCALE as usize;
    let units: I256 = format!("0{whole}{decimals:0<places$}").parse().ok()?;
    Some(Amount(if negative { -units } else { units }))
}

#[cfg(test)]
mod tests;
