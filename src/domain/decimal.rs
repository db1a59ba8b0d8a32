//! The limits of the database's NUMERIC columns, and checks that a decimal fits them exactly.

use rust_decimal::Decimal;

/// Digits before the point of a tick's price or volume: `NUMERIC(27,12)`.
pub const TICK_DECIMAL_INTEGER_DIGITS: u32 = 15;

/// Digits after the point of a tick's price or volume: `NUMERIC(27,12)`.
pub const TICK_DECIMAL_SCALE: u32 = 12;

/// Digits after the point of a candle's price: `NUMERIC(28,13)`, one more than for a tick because a mid price
/// is half of a sum.
pub const CANDLE_PRICE_SCALE: u32 = 13;

/// Significant digits of a candle's volume. A `Decimal` holds that many for any position of the point.
pub const SUM_DIGITS: u32 = 28;

/// Digits before the point of a stored candle's volume. Enough for the sum of more than 10^9 of the largest
/// ticks, and few enough that the sum of 1,440 stored minutes fits a `Decimal`.
pub const CANDLE_VOLUME_INTEGER_DIGITS: u32 = 25;

/// Why a number cannot be stored exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// More digits after the point than the column has.
    #[error("{value} has more than {scale} decimal places: send at most {scale}")]
    TooManyDecimals {
        /// The number.
        value: Decimal,
        /// The number of decimal places of the column.
        scale: u32,
    },
    /// More digits before the point than the column has.
    #[error("{value} is not smaller than 10^{digits} in magnitude: it cannot be stored")]
    TooLarge {
        /// The number.
        value: Decimal,
        /// The number of integer digits of the column.
        digits: u32,
    },
    /// More significant digits than can be stored.
    #[error("{value} has more than {digits} digits: send at most {digits}")]
    TooManyDigits {
        /// The number.
        value: Decimal,
        /// The largest number of digits.
        digits: u32,
    },
}

/// Returns `value` without trailing zeros if a `NUMERIC(27,12)` holds it exactly.
///
/// # Errors
/// More than twelve decimal places, or a magnitude of 10^15 or more. The value is never rounded.
pub fn check_tick_decimal(value: Decimal) -> Result<Decimal, DecimalError> {
    check(value, TICK_DECIMAL_SCALE)
}

/// Returns `value` without trailing zeros if a `NUMERIC(28,13)` holds it exactly.
///
/// # Errors
/// More than thirteen decimal places, or a magnitude of 10^15 or more. The value is never rounded.
pub fn check_candle_decimal(value: Decimal) -> Result<Decimal, DecimalError> {
    check(value, CANDLE_PRICE_SCALE)
}

/// Returns `value` without trailing zeros if it can be the volume of a stored candle.
///
/// # Errors
/// More than 28 significant digits, or a magnitude of 10^25 or more. The value is never rounded.
pub fn check_candle_volume(value: Decimal) -> Result<Decimal, DecimalError> {
    let value = value.normalize();
    let units = value.mantissa().unsigned_abs();
    let digits = CANDLE_VOLUME_INTEGER_DIGITS;
    if units / 10_u128.pow(value.scale()) >= 10_u128.pow(digits) {
        return Err(DecimalError::TooLarge { value, digits });
    }
    if units >= 10_u128.pow(SUM_DIGITS) {
        let digits = SUM_DIGITS;
        return Err(DecimalError::TooManyDigits { value, digits });
    }
    Ok(value)
}

/// A number of fewer units than these has few enough digits before the point for every column.
const BOUND: u64 = 10_u64.pow(TICK_DECIMAL_INTEGER_DIGITS);

/// Whether a number fits without a change, as almost all do: it ends with another digit than zero after the point,
/// and it has fewer digits than any bound.
#[inline]
fn is_usual(value: Decimal, scale: u32) -> bool {
    match u64::try_from(value.mantissa().unsigned_abs()) {
        Ok(units @ 1..BOUND) => {
            value.scale() <= scale && (value.scale() == 0 || !units.is_multiple_of(10))
        }
        _ => false,
    }
}

/// `value` without trailing zeros after the point, if it has fewer digits than any bound. This is several
/// times as fast as [`Decimal::normalize`], which matters for venues that always send eight decimals.
fn without_zeros(value: Decimal) -> Option<Decimal> {
    let units = i64::try_from(value.mantissa()).ok();
    let mut units = units.filter(|units| (1..BOUND).contains(&units.unsigned_abs()))?;
    let mut scale = value.scale();
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    Some(Decimal::new(units, scale))
}

fn check(value: Decimal, scale: u32) -> Result<Decimal, DecimalError> {
    if is_usual(value, scale) {
        return Ok(value);
    }
    if let Some(short) = without_zeros(value).filter(|short| short.scale() <= scale) {
        return Ok(short);
    }
    let value = value.normalize();
    if value.scale() > scale {
        return Err(DecimalError::TooManyDecimals { value, scale });
    }
    let units = value.mantissa().unsigned_abs();
    let bound = |decimals| 10_u128.pow(TICK_DECIMAL_INTEGER_DIGITS + decimals);
    if units >= bound(value.scale()) {
        return Err(DecimalError::TooLarge {
            value,
            digits: TICK_DECIMAL_INTEGER_DIGITS,
        });
    }
    Ok(value)
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
    fn trailing_zeros_do_not_count_as_decimals() {
        let kept = check_tick_decimal(dec("1.50000000000000000000")).expect("fits");
        assert_eq!(kept.to_string(), "1.5");
    }

    #[test]
    fn stored_numbers_are_normalized() {
        for scale in 0..=TICK_DECIMAL_SCALE + 8 {
            for units in [
                1,
                10,
                70_001_000,
                123_456_789_000_000,
                999_999_999_999_999,
                1_000_000_000_000_000,
            ] {
                for value in [Decimal::new(units, scale), Decimal::new(-units, scale)] {
                    let normal = value.normalize();
                    match check_tick_decimal(value) {
                        Ok(stored) => {
                            let both = [stored, normal].map(|it| (it.mantissa(), it.scale()));
                            assert_eq!(both[0], both[1], "{value}");
                        }
                        Err(DecimalError::TooManyDecimals { value: refused, .. }) => {
                            assert!(normal.scale() > TICK_DECIMAL_SCALE && refused == normal);
                        }
                        Err(error) => assert!(normal.abs() >= dec("1000000000000000"), "{error}"),
                    }
                }
            }
        }
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
    fn stored_volume_has_28_digits_and_is_bounded() {
        for text in [
            "0",
            "9999999999999999999999999.999",
            "0.0000000000000000000000000001",
            "1.500000000000000000000000000",
        ] {
            assert_eq!(check_candle_volume(dec(text)), Ok(dec(text)), "{text}");
        }
        assert!(matches!(
            check_candle_volume(dec("7000000000000000000000000.0001")),
            Err(DecimalError::TooManyDigits { digits: 28, .. })
        ));
        assert!(matches!(
            check_candle_volume(dec("10000000000000000000000000")),
            Err(DecimalError::TooLarge { digits: 25, .. })
        ));
    }
}
