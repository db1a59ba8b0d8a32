//! JSON objects with one text for equal contents.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Number, Value};

/// The largest number of bytes of the text of an object.
pub const MAX_JSON_BYTES: usize = 65_536;
/// The largest depth of an object; `{}` has depth 1.
pub const MAX_JSON_DEPTH: usize = 16;

/// Beyond this magnitude, an `f64` does not hold every integer.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a JSON value cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJson {
    /// The text is not JSON. Holds the reason.
    #[error("invalid JSON: {0}")]
    Syntax(String),
    /// The value is not an object.
    #[error("invalid JSON: expected an object such as {{\"fast_ema\": 9}}")]
    NotAnObject,
    /// The text is too long.
    #[error("invalid JSON: expected at most {MAX_JSON_BYTES} bytes")]
    TooLong,
    /// The values are nested too deeply.
    #[error("invalid JSON: expected at most {MAX_JSON_DEPTH} nested values")]
    TooDeep,
    /// A number does not keep its value when it is stored.
    #[error("invalid JSON: the number {0} is not stored exactly: write it as a string")]
    InexactNumber(Number),
    /// A string has the character NUL, which PostgreSQL does not store.
    #[error("invalid JSON: a string has the character NUL: remove it")]
    Nul,
}

/// A JSON object in canonical form: names are sorted by their bytes, and equal numbers are equal texts.
///
/// A number with a fraction is an `f64`. Write a decimal that has to be exact as a string.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::JsonObject;
///
/// let object: JsonObject = r#"{"slow_ema": 21.0, "fast_ema": 9}"#.parse()?;
/// assert_eq!(object.to_string(), r#"{"fast_ema":9,"slow_ema":21}"#);
/// # Ok::<_, tickbook_ledger::domain::InvalidJson>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Creates an object from a value.
    ///
    /// # Errors
    /// The value is not an object, is too large, or has a number or a string that cannot be stored.
    pub fn new(value: Value) -> Result<Self, InvalidJson> {
        match canonical(value, MAX_JSON_DEPTH)? {
            Value::Object(map) => {
                let object = Self(map);
                match object.to_string().len() <= MAX_JSON_BYTES {
                    true => Ok(object),
                    false => Err(InvalidJson::TooLong),
                }
            }
            _ => Err(InvalidJson::NotAnObject),
        }
    }

    /// Returns the value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns whether the object has no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names and their values.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the object as a value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

fn canonical(value: Value, depth: usize) -> Result<Value, InvalidJson> {
    Ok(match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => return Err(InvalidJson::TooDeep),
        Value::Array(values) => {
            let values = values.into_iter().map(|it| canonical(it, depth - 1));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let pairs = map.into_iter().map(|(name, value)| {
                check_string(&name)?;
                Ok((name, canonical(value, depth - 1)?))
            });
            // a map may keep the order of its insertions
            let sorted = pairs.collect::<Result<BTreeMap<_, _>, InvalidJson>>()?;
            Value::Object(sorted.into_iter().collect())
        }
        Value::Number(number) => Value::Number(canonical_number(number)?),
        Value::String(text) => {
            check_string(&text)?;
            Value::String(text)
        }
        value => value,
    })
}

fn check_string(text: &str) -> Result<(), InvalidJson> {
    match text.contains('\0') {
        true => Err(InvalidJson::Nul),
        false => Ok(()),
    }
}

/// An integer without a fraction, or a number with one.
fn canonical_number(number: Number) -> Result<Number, InvalidJson> {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return Ok(number);
    };
    if float.abs() >= MAX_EXACT {
        return Err(InvalidJson::InexactNumber(number));
    }
    match float.fract() == 0.0 {
        // below 2^53
        true => Ok(Number::from(float as i64)),
        false => Ok(number),
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl FromStr for JsonObject {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, InvalidJson> {
        let value = serde_json::from_str(text);
        Self::new(value.map_err(|error| InvalidJson::Syntax(error.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<String, InvalidJson> {
        text.parse::<JsonObject>().map(|it| it.to_string())
    }

    #[test]
    fn equal_objects_have_one_text() {
        let expected = r#"{"a":{"b":[1,2.5,"x"],"c":null},"d":-0.001}"#;
        for equal in [
            expected,
            r#"{"d": -1e-3, "a": {"c": null, "b": [1.0, 2.50, "\u0078"]}}"#,
        ] {
            assert_eq!(text(equal).as_deref(), Ok(expected));
        }
        assert_eq!(text("{\"a\": -0.0}").as_deref(), Ok("{\"a\":0}"));
        let large = r#"{"a":18446744073709551615}"#;
        assert_eq!(text(large).as_deref(), Ok(large));
    }

    #[test]
    fn values_that_cannot_be_stored_are_refused() {
        assert_eq!(text("[]"), Err(InvalidJson::NotAnObject));
        assert_eq!(text(r#"{"a":["\u0000"]}"#), Err(InvalidJson::Nul));
        assert_eq!(text(r#"{"\u0000":1}"#), Err(InvalidJson::Nul));
        for inexact in ["{\"a\":1e16}", "{\"a\":123456789012345678901234}"] {
            let error = text(inexact).expect_err("inexact").to_string();
            assert!(error.contains("write it as a string"), "{error}");
        }
        let deep = |depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(text(&deep(MAX_JSON_DEPTH)).is_ok());
        assert_eq!(text(&deep(MAX_JSON_DEPTH + 1)), Err(InvalidJson::TooDeep));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_JSON_BYTES));
        assert_eq!(text(&long), Err(InvalidJson::TooLong));
        assert!(matches!(text("{"), Err(InvalidJson::Syntax(_))));
    }
}
