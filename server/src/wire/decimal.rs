//! Exact decimals as JSON strings.

use std::fmt;

use arrayvec::ArrayString;
use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A decimal in a string, exact, without exponent: a JSON number would pass through a binary
/// floating-point number in most programs and lose digits. At most 15 digits before and 12 behind
/// the point where it is stored; without trailing zeros where the server writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String, example = "1.38676", pattern = r"^-?[0-9]+(\.[0-9]+)?$")]
pub struct DecimalText(pub Decimal);

impl Serialize for DecimalText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(self.0))
    }
}

/// Room for a sign, a point and the digits of any decimal, of which there are 29 at most.
type Text = ArrayString<31>;

/// `value` without zeros at its end; half of a page's cost when a formatter writes it.
fn written(value: Decimal) -> Text {
    let units = value.mantissa().unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(units);
    let decimals = value.scale() as usize;
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    // what a number below 0.1 has between its point and its digits
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

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DecimalVisitor)
    }
}

struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = DecimalText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a decimal in a string such as \"1.38676\": send strings, JSON numbers lose digits",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
        parse(text).map(DecimalText).map_err(E::custom)
    }
}

fn parse(text: &str) -> Result<Decimal, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        // a text that is no number may be anything, and as long as the body
        let shown: String = text.chars().take(40).collect();
        return Err(format!(
            "{shown:?} is no decimal: write digits and a point, such as \"1.38676\""
        ));
    }
    // zeros at the ends are no digits that have to fit
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let sign = if digits.len() < text.len() { "-" } else { "" };
    Decimal::from_str_exact(&format!("{sign}0{whole}.{fraction}0"))
        .map(|value| value.normalize())
        .map_err(|_| {
            let (whole, fraction) = (whole.len(), fraction.len());
            format!(
                "has {whole} digits before and {fraction} behind the point: \
                 15 and 12 are stored, nothing is rounded"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_and_zeros_at_the_ends_are_not() {
        for (text, written) in [
            ("1.38676", "1.38676"),
            ("001.500", "1.5"),
            ("-37.63", "-37.63"),
            ("0", "0"),
            ("-0.0", "0"),
            (
                "999999999999999.999999999999",
                "999999999999999.999999999999",
            ),
            ("1.50000000000000000000000000000000000000", "1.5"),
        ] {
            assert_eq!(
                parse(text).map(|value| value.to_string()),
                Ok(written.to_owned())
            );
        }
    }

    #[test]
    fn a_decimal_is_written_as_its_own_formatter_writes_it() {
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

    #[test]
    fn candle_prices_of_thirteen_decimals_and_sums_of_28_digits_keep_each_digit() {
        for text in [
            "0.0000000000005",
            "-999999999999999.9999999999995",
            "9999999999999999.999999999999",
            "7922816251426433759354395033.5",
            "-37.63",
        ] {
            let value: Decimal = text.parse().expect("a decimal");
            let json = serde_json::to_string(&DecimalText(value)).expect("text");
            assert_eq!(json, format!("\"{text}\""));
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in [
            "", "-", ".", "1.", ".5", "+1", "1e5", "1_000", "1,5", " 1", "NaN", "Infinity", "0x1",
            "--1", "1.2.3", "١",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn more_digits_than_fit_are_never_rounded() {
        assert!(parse("0.12345678901234567890123456789012345").is_err());
        assert!(parse(&"9".repeat(40)).is_err());
    }
}
