//! Exact decimals: written as JSON strings, read from strings or numbers.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tickbook::domain::text::decimal;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A decimal in a string, exact, without exponent and trailing zeros. Most programs would convert a JSON
/// number to a binary floating-point number and lose digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String, example = "1.38676", pattern = r"^-?[0-9]+(\.[0-9]+)?$")]
pub struct DecimalText(pub Decimal);

impl Serialize for DecimalText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal::deserialize(deserializer).map(Self)
    }
}

/// A decimal from a client: a string, or a JSON number whose digits are read exactly as written. At most 15
/// digits before and 12 after the decimal point are stored, and nothing is rounded.
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
            .description(Some("read exactly, with or without exponent"));
        OneOfBuilder::new()
            .item(text)
            .item(number)
            .description(Some(
                "A decimal of at most 15 digits before and 12 after the decimal point. Nothing is rounded.",
            ))
            .examples([serde_json::json!("1.38676")])
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candle_prices_and_sums_keep_every_digit() {
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
    fn invalid_decimals_are_shortened_in_errors() {
        let long = serde_json::Value::from("x".repeat(1_000_000));
        let error = serde_json::from_value::<DecimalText>(long).expect_err("no decimal");
        let error = error.to_string();
        assert!(error.contains("is not a decimal"), "{error}");
        assert!(error.len() < 200, "{} bytes", error.len());
        let value = serde_json::from_str::<DecimalText>("\"1E-8\"").expect("a decimal");
        assert_eq!(value.0, Decimal::new(1, 8));
    }
}
