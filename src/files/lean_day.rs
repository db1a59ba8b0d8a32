//! The date of a LEAN file, and times as milliseconds of that day.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::domain::excerpt;

use super::error::FileError;
use super::source::Entry;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The date at the start of the entry's name, otherwise of the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeanDay(DateTime<Utc>);

impl LeanDay {
    pub(crate) fn of(entry: &Entry<'_>) -> Result<Self, FileError> {
        let date = entry.names.iter().find_map(|name| date_of(name));
        let midnight = date.and_then(|date| date.and_hms_opt(0, 0, 0));
        midnight
            .map(|midnight| Self(midnight.and_utc()))
            .ok_or_else(|| {
                let reason = "its name does not start with a date, and its lines have none: \
                          rename it like 20140501_quote.csv";
                FileError::new(&entry.place, reason)
            })
    }

    /// Returns the instant that many milliseconds after midnight. `42.4312` is truncated to whole
    /// microseconds.
    pub(crate) fn time(self, field: &[u8], name: &str) -> Result<DateTime<Utc>, String> {
        micros(field)
            .map(|micros| self.0 + TimeDelta::microseconds(micros))
            .ok_or_else(|| {
                let shown = excerpt(field);
                format!(
                    "invalid {name} {shown}: expected milliseconds of the day, a number from 0 to \
                     86399999.999"
                )
            })
    }
}

fn date_of(name: &str) -> Option<NaiveDate> {
    let digits = name.get(..8)?;
    let ends_there = !name[8..].starts_with(|next: char| next.is_ascii_digit());
    if !ends_there || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    NaiveDate::parse_from_str(digits, "%Y%m%d").ok()
}

fn micros(field: &[u8]) -> Option<i64> {
    let (whole, fraction) = match field.iter().position(|&byte| byte == b'.') {
        Some(point) => (&field[..point], &field[point + 1..]),
        None => (field, &b""[..]),
    };
    let millis = digits(whole).filter(|&millis| millis < MILLIS_PER_DAY)?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let place = |index: usize| {
        fraction
            .get(index)
            .map_or(0, |digit| i64::from(digit - b'0'))
    };
    Some(millis * 1_000 + place(0) * 100 + place(1) * 10 + place(2))
}

fn digits(field: &[u8]) -> Option<i64> {
    let plain = !field.is_empty() && field.len() <= 18 && field.iter().all(u8::is_ascii_digit);
    plain.then(|| {
        let add = |sum: i64, &digit: &u8| sum * 10 + i64::from(digit - b'0');
        field.iter().fold(0, add)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_millisecond_are_cut_to_microseconds() {
        for (text, expected) in [
            ("0", 0),
            ("292", 292_000),
            ("42.4312", 42_431),
            ("42.4", 42_400),
            ("42.9999999999999999999", 42_999),
            ("42.", 42_000),
            ("86399999.999", 86_399_999_999),
        ] {
            assert_eq!(micros(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn invalid_times_of_day_are_refused() {
        for text in [
            "",
            "-1",
            "+1",
            "86400000",
            "1e3",
            "1.2.3",
            "1.-2",
            ".5",
            "99999999999999999999",
        ] {
            assert_eq!(micros(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn date_is_eight_digits_in_front() {
        assert!(date_of("20140501_quote.zip").is_some());
        assert!(date_of("20140501").is_some());
        for name in [
            "2014-05-01.csv",
            "20140532.csv",
            "201405011.csv",
            "eurusd",
            "2014050é",
            "",
        ] {
            assert_eq!(date_of(name), None, "{name}");
        }
    }
}
