//! Exact decimals as JSON strings.

use std::fmt;

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
        serializer.collect_str(&self.0.normalize())
    }
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
