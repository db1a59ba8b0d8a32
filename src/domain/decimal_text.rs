//! Exact parser for decimals as people and feeds write them.

use rust_decimal::Decimal;

/// The largest number of digits after the point of a `Decimal`.
const MAX_SCALE: i64 = 28;

/// The largest value of a `Decimal` without its point.
const MAX_UNITS: u128 = (1 << 96) - 1;

/// Why a text cannot be parsed as a decimal. The caller puts the name of the field and its text before
/// the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalTextError {
    /// The text is empty.
    #[error("is empty: expected a number like 1.38676")]
    Empty,
    /// The text is not a number, or has an unknown form.
    #[error("is not a decimal: expected a number like 1.38676")]
    NotADecimal,
    /// The number would have to be rounded, or is too large.
    #[error("has more digits than can be stored exactly: send at most 28")]
    TooManyDigits,
}

/// Parses a decimal such as `-1.5`, `.5`, `+5.` or `1E-8` without rounding.
///
/// Leading and trailing zeros do not count as digits. The result has no trailing zeros, and zero has no sign.
/// The cost depends on the length of the text only, not on the size of the exponent.
///
/// # Errors
/// A text that is not a number, or a number that a [`Decimal`] cannot hold exactly: 28 digits, up to 28 of
/// them after the point.
pub fn parse_decimal(text: impl AsRef<[u8]>) -> Result<Decimal, DecimalTextError> {
    let text = text.as_ref();
    if text.is_empty() {
        return Err(DecimalTextError::Empty);
    }
    let (negative, number) = sign(text);
    let e = number.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (digits, exponent) = match e {
        Some(at) => (&number[..at], exponent(&number[at + 1..])?),
        None => (number, 0),
    };
    let (units, power) = significant(digits)?;
    let value = scaled(units, power.saturating_add(exponent))?;
    Ok(if negative && units != 0 {
        -value
    } else {
        value
    })
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// An exponent that exceeds an `i64` saturates: no decimal has it, and zero is zero with any exponent.
fn exponent(text: &[u8]) -> Result<i64, DecimalTextError> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalTextError::NotADecimal);
    }
    let add = |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
    let size = digits.iter().fold(0, add);
    Ok(if negative { -size } else { size })
}

/// Returns the digits up to the last nonzero one, and the power of ten that they are multiplied by.
fn significant(digits: &[u8]) -> Result<(u128, i64), DecimalTextError> {
    let (mut units, mut power) = (0_u128, 0_i64);
    let (mut any, mut fits) = (false, true);
    // these zeros count only if another digit follows
    let mut zeros = 0_u32;
    let mut decimals: Option<i64> = None;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                any = true;
                decimals = decimals.map(|decimals| decimals + 1);
                if byte == b'0' {
                    zeros = zeros.saturating_add(u32::from(units != 0));
                    power += i64::from(units != 0 && decimals.is_none());
                    continue;
                }
                let shifted = 10_u128.checked_pow(zeros.saturating_add(1));
                let shifted = shifted.and_then(|shift| units.checked_mul(shift));
                let next = shifted.and_then(|units| units.checked_add((byte - b'0').into()));
                // read on after an overflow: the rest may show that the text is not a number
                fits &= next.is_some_and(|units| units <= MAX_UNITS);
                units = next.filter(|_| fits).unwrap_or(1);
                zeros = 0;
                power = decimals.map_or(0, |decimals| -decimals);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return Err(DecimalTextError::NotADecimal),
        }
    }
    match (any, fits) {
        (false, _) => Err(DecimalTextError::NotADecimal),
        (true, false) => Err(DecimalTextError::TooManyDigits),
        (true, true) => Ok((units, power)),
    }
}

fn scaled(units: u128, power: i64) -> Result<Decimal, DecimalTextError> {
    if units == 0 {
        return Ok(Decimal::ZERO);
    }
    // all larger powers are too large as well
    let power = power.clamp(-MAX_SCALE - 1, MAX_SCALE + 1);
    let (factor, scale) = (power.max(0).unsigned_abs(), power.min(0).unsigned_abs());
    let decimal = u32::try_from(factor)
        .ok()
        .and_then(|factor| units.checked_mul(10_u128.pow(factor)))
        .and_then(|units| i128::try_from(units).ok())
        .zip(u32::try_from(scale).ok())
        .and_then(|(units, scale)| Decimal::try_from_i128_with_scale(units, scale).ok());
    decimal.ok_or(DecimalTextError::TooManyDigits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, DecimalTextError> {
        parse_decimal(text).map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_read_to_the_last_digit() {
        for (text, value) in [
            ("1.38676", "1.38676"),
            ("-37.63", "-37.63"),
            ("+.5", "0.5"),
            ("5.", "5"),
            ("0", "0"),
            ("001.500", "1.5"),
            ("100", "100"),
            ("100.001", "100.001"),
            ("0.00100", "0.001"),
            ("1.50000000000000000000000000000000000000", "1.5"),
            ("0000000000000000000000000000000000000000000.5", "0.5"),
            (
                "999999999999999.999999999999",
                "999999999999999.999999999999",
            ),
            (
                "9999999999999999999999999999",
                "9999999999999999999999999999",
            ),
            (
                "-79228162514264337593543950335",
                "-79228162514264337593543950335",
            ),
            (
                "0.0000000000000000000000000001",
                "0.0000000000000000000000000001",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn exponents_are_read_exactly() {
        for (text, value) in [
            ("1E-8", "0.00000001"),
            ("1e-8", "0.00000001"),
            ("5e-05", "0.00005"),
            ("2.5E+2", "250"),
            ("-1.5e1", "-15"),
            ("100e-30", "0.0000000000000000000000000001"),
            ("0.0000000000000000000000000000001e31", "1"),
            ("1e28", "10000000000000000000000000000"),
            (
                "7.9228162514264337593543950335e28",
                "79228162514264337593543950335",
            ),
            ("1e-28", "0.0000000000000000000000000001"),
            ("1e00000000000000000000000000000000000", "1"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn zero_has_no_sign_and_any_exponent() {
        for text in [
            "-0",
            "-0.000",
            "+0",
            "0e5",
            "-0e-99",
            "0e999999999999999999999",
            "0.0e-999999999999999999999",
        ] {
            let zero = parse_decimal(text).expect("zero");
            assert!(zero.is_zero() && zero.is_sign_positive(), "{text}");
            assert_eq!(zero.scale(), 0, "{text}");
        }
    }

    #[test]
    fn invalid_numbers_are_refused() {
        for text in [
            "-", "+", ".", "-.", "e5", ".e5", "1e", "1e+", "1e1.5", "1e5e5", "1_000", "1,5", " 1",
            "1 ", "NaN", "inf", "Infinity", "0x1", "--1", "+-1", "1e--1", "1.2.3", "١", "1\0",
        ] {
            assert_eq!(read(text), Err(DecimalTextError::NotADecimal), "{text:?}");
        }
        assert_eq!(read(""), Err(DecimalTextError::Empty));
        let long = format!("{}x", "9".repeat(100));
        assert_eq!(read(&long), Err(DecimalTextError::NotADecimal));
    }

    #[test]
    fn numbers_that_would_be_rounded_are_refused() {
        let long = "1".repeat(4_000);
        let apart = format!("1{}1", "0".repeat(4_000));
        for text in [
            "0.12345678901234567890123456789",
            "99999999999999999999999999999999",
            "79228162514264337593543950336",
            "1e29",
            "1e-29",
            "7.9228162514264337593543950336e28",
            "1e999999999",
            "-1e-999999999",
            "1e99999999999999999999999999",
            "0.1e-9223372036854775808",
            "1e-9223372036854775807",
            &long,
            &apart,
        ] {
            assert_eq!(read(text), Err(DecimalTextError::TooManyDigits), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_of_decimals_are_read_as_the_decimals(
            units in -((1_i128 << 96) - 1)..(1_i128 << 96), scale in 0_u32..=28,
            zeros in 0_usize..40, moved in -40_i64..40,
        ) {
            let value = Decimal::from_i128_with_scale(units, scale);
            let plain = value.to_string();
            let point = if plain.contains('.') { "" } else { "." };
            let padded = format!("{plain}{point}{}", "0".repeat(zeros));
            prop_assert_eq!(parse_decimal(&padded), Ok(value), "{}", padded);
            // the same number with the point at another position
            let at = i64::from(scale) + moved;
            let sign = if units < 0 { "-" } else { "" };
            let digits = format!("{:0>80}", units.unsigned_abs());
            let split = digits.len() - usize::try_from(at.clamp(0, 80)).unwrap_or(0);
            let (whole, fraction) = digits.split_at(split);
            let power = at.clamp(0, 80) - i64::from(scale);
            let text = format!("{sign}{whole}.{fraction}e{power}");
            prop_assert_eq!(parse_decimal(&text), Ok(value), "{}", text);
        }
    }
}
