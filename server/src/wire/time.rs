//! Instants as RFC 3339 texts.

use std::fmt;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use serde::de::{self, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tickbook::domain::parse_time;
use utoipa::ToSchema;

/// An instant. Written in UTC with six decimals and `Z`; read with any offset, and what is finer
/// than a microsecond is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2014-05-01T00:00:00.292000Z")]
pub struct TimeText(pub DateTime<Utc>);

impl Serialize for TimeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match written(self.0) {
            Some(text) => {
                serializer.serialize_str(std::str::from_utf8(&text).map_err(S::Error::custom)?)
            }
            None => serializer.collect_str(&self.0.format(FORMAT)),
        }
    }
}

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// `time` as [`FORMAT`] writes it, which takes several times as long; `None` for a leap second and
/// for years that have no four digits.
fn written(time: DateTime<Utc>) -> Option<[u8; 27]> {
    let year = u32::try_from(time.year())
        .ok()
        .filter(|year| *year < 10_000)?;
    if time.nanosecond() >= 1_000_000_000 {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (place, mut number) in [
        (0..4, year),
        (5..7, time.month()),
        (8..10, time.day()),
        (11..13, time.hour()),
        (14..16, time.minute()),
        (17..19, time.second()),
        (20..26, time.nanosecond() / 1_000),
    ] {
        for digit in text[place].iter_mut().rev() {
            // a remainder of ten
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
    Some(text)
}

impl<'de> Deserialize<'de> for TimeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = TimeText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in a string such as \"2014-05-01T00:00:00.292Z\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TimeText, E> {
        parse_time(text).map(TimeText).map_err(E::custom)
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
    fn a_time_is_written_as_its_own_formatter_writes_it() {
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).expect("a time");
        let mut times = vec![
            // the ends of what ticks may have, of the years with four digits, of all there is
            at(0, 0),
            at(4_102_444_799, 999_999_999),
            at(-62_167_219_200, 0),
            at(-62_167_219_201, 999_999_000),
            at(253_402_300_799, 999_999_999),
            at(253_402_300_800, 0),
            DateTime::<Utc>::MIN_UTC,
            DateTime::<Utc>::MAX_UTC,
            // a leap second
            at(1_483_228_799, 1_500_000_000),
        ];
        for year in [1972, 1999, 2000, 2014, 2024, 2099] {
            let midnight = chrono::NaiveDate::from_ymd_opt(year, 1, 1).expect("a day");
            for day in (0..366).step_by(5).chain([58, 59, 60, 364, 365]) {
                let day = midnight + chrono::TimeDelta::days(day);
                let seconds = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
                times.extend([at(seconds, 0), at(seconds - 1, 999_999_000)]);
                times.extend([at(seconds + 45_296, 1_000), at(seconds + 59, 100_000_000)]);
            }
        }
        for time in times {
            let json = serde_json::to_string(&TimeText(time)).expect("text");
            assert_eq!(json, format!("\"{}\"", time.format(FORMAT)));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
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
