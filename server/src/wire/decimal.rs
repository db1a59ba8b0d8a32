//! Exact decimals as JSON strings, and what is read as one.

use std::borrow::Cow;
use std::fmt;

use arrayvec::ArrayString;
use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tickbook::domain::{excerpt, parse_decimal};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A decimal in a string, exact, without exponent and trailing zeros: a JSON number would pass through
/// a binary floating-point number in most programs and lose digits.
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

/// A decimal as a client sends it: in a string, or as a JSON number, whose digits are read as they
/// stand in the message. At most 15 digits before and 12 behind the point are stored, and nothing is
/// rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecimalInput(pub Decimal);

impl Serialize for DecimalInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DecimalText(self.0).serialize(serializer)
    }
}

impl ToSchema for DecimalInput {
    fn name() -> Cow<'static, str> {
        "DecimalInput".into()
    }
}

impl PartialSchema for DecimalInput {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"))
            .description(Some(
                "recommended: most programs lose digits of JSON numbers",
            ));
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("read to the last digit, with or without exponent"));
        OneOfBuilder::new()
            .item(text)
            .item(number)
            .description(Some(
                "A decimal of at most 15 digits before and 12 behind the point. Nothing is rounded.",
            ))
            .examples([serde_json::json!("1.38676")])
            .into()
    }
}

struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = DecimalText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal in a string such as \"1.38676\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
        parse_decimal(text)
            .map(DecimalText)
            .map_err(|error| E::custom(format_args!("{} {error}", excerpt(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn texts_that_are_no_decimals_are_cut_in_errors() {
        let long = serde_json::Value::from("x".repeat(1_000_000));
        let error = serde_json::from_value::<DecimalText>(long).expect_err("no decimal");
        let error = error.to_string();
        assert!(error.contains("is no decimal"), "{error}");
        assert!(error.len() < 200, "{} bytes", error.len());
        let value = serde_json::from_str::<DecimalText>("\"1E-8\"").expect("a decimal");
        assert_eq!(written(value.0).as_str(), "0.00000001");
    }
}
