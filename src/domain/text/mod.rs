//! The serde representation of domain types (feature `serde`), and `serde(with)` modules for your own types.
//!
//! Decimals are strings, instants are RFC 3339 strings in UTC with microseconds, and enums are their names.
//! The modules below are for `serde(with = "…")`.
//!
//! # Examples
//!
//! ```
//! use rust_decimal::Decimal;
//! use serde::{Deserialize, Serialize};
//! use tickbook::domain::Timeframe;
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Alert {
//!     timeframe: Timeframe,
//!     #[serde(with = "tickbook::domain::text::decimal")]
//!     price: Decimal,
//! }
//!
//! let alert = Alert { timeframe: Timeframe::M5, price: Decimal::new(138_676, 5) };
//! let json = serde_json::to_string(&alert)?;
//! assert_eq!(json, r#"{"timeframe":"5m","price":"1.38676"}"#);
//! assert_eq!(serde_json::from_str::<Alert>(&json)?, alert);
//! # Ok::<_, serde_json::Error>(())
//! ```

pub mod decimal;
pub mod optional_decimal;
mod texts;
pub mod time;

pub(super) mod optional_date;
pub(super) mod range;

#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{self, Visitor};

/// Reads a string with `parse`. `expected` describes the valid values.
fn read<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    deserializer.deserialize_str(TextVisitor {
        expected,
        parse,
        of: PhantomData,
    })
}

struct TextVisitor<T, E, F: Fn(&str) -> Result<T, E>> {
    expected: &'static str,
    parse: F,
    of: PhantomData<T>,
}

impl<T, E, F> Visitor<'_> for TextVisitor<T, E, F>
where
    E: fmt::Display,
    F: Fn(&str) -> Result<T, E>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<Error: de::Error>(self, text: &str) -> Result<T, Error> {
        (self.parse)(text).map_err(Error::custom)
    }
}
