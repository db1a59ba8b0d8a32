//! Exact decimals as strings, for `serde(with = "tickbook::domain::text::decimal")`.
//!
//! A decimal is written as a string without exponent and trailing zeros. Most programs would read a JSON
//! number as a binary floating-point number and lose digits.

use arrayvec::ArrayString;
use rust_decimal::Decimal;
use serde::{Deserializer, Serializer};

use super::read;
use crate::domain::decimal_text::parse_decimal;
use crate::domain::excerpt::excerpt;

/// Writes a decimal.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(*value))
}

/// Reads a decimal exactly.
///
/// # Errors
/// A value that is not a decimal in a string, or that has more digits than a decimal holds.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    read(
        deserializer,
        "a decimal in a string such as \"1.38676\"",
        |text| parse_decimal(text).map_err(|error| format!("{} {error}", excerpt(text))),
    )
}

/// Buffer for a sign, a point and the digits of a decimal, at most 29.
type Text = ArrayString<31>;

/// Formats `value` without trailing zeros. The generic formatter would take half of the time of a page.
fn written(value: Decimal) -> Text {
    let units = value.mantissa().unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(units);
    let decimals = value.scale() as usize;
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    // the zeros between the point and the digits of a number below 0.1
    let zeros = &"0000000000000000000000000000"[..decimals - fraction.len()];
    let fraction = fraction.trim_end_matches('0');

    let mut text = Text::new();
    if value.is_sign_negative() && units != 0 {
        text.push('-');
    }
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(zeros);
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_written_as_by_its_own_formatter() {
        let most = (1_i128 << 96) - 1;
        let mut mantissas = vec![0, 1, 5, 9, 10, 99, 100, 138_676, 1_000_000, most, most - 5];
        mantissas.extend([u64::MAX.into(), i128::from(u64::MAX) + 1]);
        mantissas.extend((0..28).map(|power| 10_i128.pow(power)));
        mantissas.extend((1..28).map(|power| 10_i128.pow(power) - 1));
        for mantissa in mantissas {
            for scale in 0..=Decimal::MAX_SCALE {
                for mantissa in [mantissa, -mantissa] {
                    let value = Decimal::from_i128_with_scale(mantissa, scale);
                    let expected = value.normalize().to_string();
                    assert_eq!(written(value).as_str(), expected, "{mantissa} {scale}");
                }
            }
        }
        let mut minus_zero = Decimal::new(0, 3);
        minus_zero.set_sign_negative(true);
        assert_eq!(written(minus_zero).as_str(), "0");
    }
}
