//! Optional decimals, for `serde(with = "tickbook::domain::text::optional_decimal")`.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal;

#[derive(Serialize, Deserialize)]
struct Text(#[serde(with = "decimal")] Decimal);

/// Writes a decimal, or null.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Text).serialize(serializer)
}

/// Reads a decimal, or null.
///
/// # Errors
/// The errors of [`decimal::deserialize`].
pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Decimal>, D::Error> {
    let text = Option::<Text>::deserialize(deserializer)?;
    Ok(text.map(|Text(value)| value))
}
