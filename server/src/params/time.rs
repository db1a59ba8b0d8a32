//! Times in parameters.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use tickbook::domain::{InvalidTime, excerpt, parse_time};

/// The first number that is read as milliseconds, in March 1973. Seconds of the present are below it.
pub(crate) const MIN_MILLIS: i64 = 100_000_000_000;

/// The last number that is read as milliseconds, 2100-01-01. Microseconds of the present are above it.
pub(crate) const MAX_MILLIS: i64 = 4_102_444_800_000;

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTimeParameter {
    /// Neither a time nor a date nor a number.
    #[error(
        "invalid time {}: expected RFC 3339 such as 2014-05-01T00:00:00Z, a date such as 2014-05-01, or epoch milliseconds",
        excerpt(.0)
    )]
    Form(String),
    /// A number that may be of seconds or microseconds.
    #[error(
        "invalid time {}: expected epoch milliseconds, 0 or {MIN_MILLIS} to {MAX_MILLIS}; seconds and microseconds are refused",
        excerpt(.0)
    )]
    Unit(String),
    /// A leap second.
    #[error("{0}")]
    LeapSecond(InvalidTime),
}

/// Parses an RFC 3339 time, a date, which is its midnight in UTC, or milliseconds since 1970 in UTC. Of the numbers,
/// 0 and those from [`MIN_MILLIS`] to [`MAX_MILLIS`] are accepted, so that a number of seconds is not read as a time
/// in January 1970.
///
/// # Errors
/// The text is none of these.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, InvalidTimeParameter> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return millis(text).ok_or_else(|| InvalidTimeParameter::Unit(text.to_owned()));
    }
    if let Some(date) = date(text) {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    parse_time(text).map_err(|error| match error {
        InvalidTime::LeapSecond(_) => InvalidTimeParameter::LeapSecond(error),
        _ => InvalidTimeParameter::Form(text.to_owned()),
    })
}

fn millis(text: &str) -> Option<DateTime<Utc>> {
    let number = text.parse::<i64>().ok()?;
    match number {
        0 | MIN_MILLIS..=MAX_MILLIS => DateTime::from_timestamp_millis(number),
        _ => None,
    }
}

/// A date of exactly ten characters.
fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10).then_some(date)
}

#[cfg(test)]
mod tests {
    use tickbook::domain::latest_time;

    use super::*;

    #[test]
    fn times_dates_and_milliseconds_are_equal() {
        let wanted = "2014-05-01T00:00:00Z".parse().expect("a time");
        for text in [
            "2014-05-01",
            "2014-05-01T00:00:00Z",
            "2014-05-01T02:00:00+02:00",
            "1398902400000",
        ] {
            assert_eq!(parse(text), Ok(wanted), "{text}");
        }
        assert_eq!(parse("0"), Ok(DateTime::UNIX_EPOCH));
        assert_eq!(parse(&MAX_MILLIS.to_string()), Ok(latest_time()));
        assert!(parse(&MIN_MILLIS.to_string()).is_ok());
    }

    #[test]
    fn numbers_of_other_units_are_refused() {
        let (below, above) = (MIN_MILLIS - 1, MAX_MILLIS + 1);
        let around = [below.to_string(), above.to_string()];
        let numbers = [
            "1398902400",
            "1398902400000000",
            "-1",
            "1",
            "99999999999999999999",
        ];
        for text in numbers.into_iter().chain(around.iter().map(String::as_str)) {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains("milliseconds"), "{error}");
        }
    }

    #[test]
    fn incomplete_dates_and_times_are_refused() {
        for text in [
            "",
            "2014-5-1",
            "2014-05-32",
            "2014-05",
            "20140501T00",
            "now",
            "1e12",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains("2014-05-01T00:00:00Z"), "{error}");
        }
        let error = parse("2016-12-31T23:59:60Z").expect_err("a leap second");
        assert!(error.to_string().contains("leap second"), "{error}");
    }
}
