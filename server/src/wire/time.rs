//! Instants as RFC 3339 strings.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tickbook::domain::text::time;
use utoipa::ToSchema;

/// An instant. Written in UTC with six decimals and `Z`; read with any offset. Digits below a microsecond are
/// cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2014-05-01T00:00:00.292000Z")]
pub struct TimeText(pub DateTime<Utc>);

impl Serialize for TimeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        time::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for TimeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        time::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Result<String, serde_json::Error> {
        let time: TimeText = serde_json::from_value(text.into())?;
        serde_json::to_string(&time)
    }

    #[test]
    fn times_are_written_in_utc_with_six_decimals() {
        for (text, written) in [
            (
                "2014-05-01T00:00:00.292Z",
                "\"2014-05-01T00:00:00.292000Z\"",
            ),
            (
                "2014-05-01T02:00:00+02:00",
                "\"2014-05-01T00:00:00.000000Z\"",
            ),
            (
                "2014-05-01T00:00:00.0000019Z",
                "\"2014-05-01T00:00:00.000001Z\"",
            ),
        ] {
            assert_eq!(rewritten(text).expect("a time"), written);
        }
    }

    #[test]
    fn invalid_times_are_refused() {
        for text in [
            "",
            "2014-05-01",
            "1398902400",
            "2014-05-01T00:00:00",
            "2016-12-31T23:59:60Z",
        ] {
            assert!(rewritten(text).is_err(), "{text:?}");
        }
    }
}
