//! What fits the database's NUMERIC columns exactly.

use rust_decimal::Decimal;

/// Digits before the point of a tick's price or volume: `NUMERIC(27,12)`.
pub const TICK_DECIMAL_INTEGER_DIGITS: u32 = 15;

/// Digits after the point of a tick's price or volume: `NUMERIC(27,12)`.
pub const TICK_DECIMAL_SCALE: u32 = 12;

/// Digits after the point of a candle's price: `NUMERIC(28,13)`, one more than a tick's because
/// a mid price is half of a sum.
pub const CANDLE_PRICE_SCALE: u32 = 13;

/// Why a number cannot be stored exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// More digits after the point than the column keeps.
    #[error("{value} has more than {scale} decimals: send it with at most {scale}")]
    TooManyDecimals {
        /// The number.
        value: Decimal,
        /// The decimals the column keeps.
        scale: u32,
    },
    /// More digits before the point than the column keeps.
    #[error("{value} is not smaller than 10^{digits} in magnitude: it cannot be stored")]
    TooLarge {
        /// The number.
        value: Decimal,
        /// The integer digits the column keeps.
        digits: u32,
    },
}

/// Returns `value` without trailing zeros if a `NUMERIC(27,12)` holds it exactly.
///
/// # Errors
/// More than twelve decimals, or a magnitude of 10^15 and more. Nothing is ever rounded.
pub fn check_tick_decimal(value: Decimal) -> Result<Decimal, DecimalError> {
    check(value, TICK_DECIMAL_SCALE)
}

/// Returns `value` without trailing zeros if a `NUMERIC(28,13)` holds it exactly.
///
/// # Errors
/// More than thirteen decimals, or a magnitude of 10^15 and more. Nothing is ever rounded.
pub fn check_candle_decimal(value: Decimal) -> Result<Decimal, DecimalError> {
    check(value, CANDLE_PRICE_SCALE)
}

fn check(value: Decimal, scale: u32) -> Result<Decimal, DecimalError> {
    let value = value.normalize();
    if value.scale() > scale {
        return Err(DecimalError::TooManyDecimals { value, scale });
    }
    let units = value.mantissa().unsigned_abs();
    let bound = |decimals| 10_u128.pow(TICK_DECIMAL_INTEGER_DIGITS + decimals);
    // almost every number is below the lowest bound, which is known before it runs
    if units >= const { 10_u128.pow(TICK_DECIMAL_INTEGER_DIGITS) } && units >= bound(value.scale())
    {
        return Err(DecimalError::TooLarge {
            value,
            digits: TICK_DECIMAL_INTEGER_DIGITS,
        });
    }
    Ok(value)
}

/// A sum of decimals of at most `CANDLE_PRICE_SCALE` digits after the point, exact where
/// `Decimal`'s own addition would start to round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExactSum {
    units: i128,
}

impl ExactSum {
    /// Adds `value`; `None` when it has too many decimals or the sum leaves the representable range.
    #[must_use]
    pub(crate) fn checked_add(self, value: Decimal) -> Option<Self> {
        let missing = CANDLE_PRICE_SCALE.checked_sub(value.scale())?;
        let units = value.mantissa().checked_mul(10_i128.pow(missing))?;
        Some(Self {
            units: self.units.checked_add(units)?,
        })
    }

    /// The sum of both.
    #[must_use]
    pub(crate) fn checked_merge(self, other: Self) -> Option<Self> {
        Some(Self {
            units: self.units.checked_add(other.units)?,
        })
    }

    /// The sum without trailing zeros; `None` when a `Decimal` does not hold it exactly.
    #[must_use]
    pub(crate) fn to_decimal(self) -> Option<Decimal> {
        let mut units = self.units;
        let mut scale = CANDLE_PRICE_SCALE;
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Decimal::try_from_i128_with_scale(units, scale).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().expect("a decimal literal of the test")
    }

    #[test]
    fn twelve_decimals_fit_and_thirteen_do_not() {
        assert!(check_tick_decimal(dec("0.000000000001")).is_ok());
        assert!(matches!(
            check_tick_decimal(dec("0.0000000000001")),
            Err(DecimalError::TooManyDecimals { .. })
        ));
        assert!(check_candle_decimal(dec("0.0000000000005")).is_ok());
    }

    #[test]
    fn trailing_zeros_are_no_decimals() {
        let kept = check_tick_decimal(dec("1.50000000000000000000")).expect("fits");
        assert_eq!(kept.to_string(), "1.5");
    }

    #[test]
    fn ten_to_the_fifteenth_is_too_large() {
        assert!(check_tick_decimal(dec("999999999999999.999999999999")).is_ok());
        assert!(check_tick_decimal(dec("-999999999999999.999999999999")).is_ok());
        for text in ["1000000000000000", "-1000000000000000"] {
            assert!(matches!(
                check_tick_decimal(dec(text)),
                Err(DecimalError::TooLarge { .. })
            ));
        }
    }

    #[test]
    fn a_sum_stays_exact_where_decimal_addition_rounds() {
        let sum = ExactSum::default()
            .checked_add(dec("999999999999999"))
            .and_then(|sum| sum.checked_add(dec("0.000000000001")))
            .and_then(ExactSum::to_decimal);
        assert_eq!(sum, Some(dec("999999999999999.000000000001")));
    }
}
