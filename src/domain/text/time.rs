//! Instants as RFC 3339 strings, for `serde(with = "tickbook::domain::text::time")`.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use serde::ser::Error as _;
use serde::{Deserializer, Serializer};

use super::read;
use crate::domain::time::{parse_time, truncate_to_micros};

/// Writes an instant in UTC with six decimal places and `Z`.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    match written(*time) {
        Some(text) => {
            serializer.serialize_str(std::str::from_utf8(&text).map_err(S::Error::custom)?)
        }
        None => serializer.collect_str(&time.format(FORMAT)),
    }
}

/// Reads an instant with any offset and truncates it to microseconds.
///
/// # Errors
/// A value that is not an RFC 3339 time in a string, or a leap second.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let expected = "a time in a string such as \"2014-05-01T00:00:00.292Z\"";
    read(deserializer, expected, parse_time).map(truncate_to_micros)
}

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// Formats `time` like [`FORMAT`], several times as fast. Returns `None` for a leap second and for years
/// without four digits.
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
            // a remainder of a division by ten
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_by_its_own_formatter() {
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).expect("a time");
        let mut times = vec![
            // the limits of tick times, of years with four digits, and of all times
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
            let mut json = Vec::new();
            serialize(&time, &mut serde_json::Serializer::new(&mut json)).expect("text");
            let expected = format!("\"{}\"", time.format(FORMAT));
            assert_eq!(String::from_utf8(json).expect("text"), expected);
        }
    }
}
