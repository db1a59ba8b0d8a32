//! Times as brokers write them.

use std::str::FromStr;

use chrono::format::{Fixed, Item, StrftimeItems};
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use tickbook::domain::{excerpt, parse_time};

/// Tried in turn if no format is given.
const USUAL: &[&str] = &[
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d, %H:%M:%S%.f",
    "%Y%m%d;%H%M%S",
    "%Y-%m-%d %H:%M",
];

/// How times are written.
///
/// `FromStr` reads `rfc3339`, a unit of a number since 1970 (`s`, `ms`, `us`, `ns`), or a pattern of chrono such as
/// `%d/%m/%Y %H:%M:%S`. A pattern without hours means the start of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementTimeFormat {
    /// RFC 3339, with an offset.
    Rfc3339,
    /// A whole number of seconds since 1970-01-01 UTC.
    Seconds,
    /// A whole number of milliseconds.
    Milliseconds,
    /// A whole number of microseconds.
    Microseconds,
    /// A whole number of nanoseconds.
    Nanoseconds,
    /// A pattern of chrono.
    Pattern(String),
}

/// The text is not a format of times. Holds it, quoted and cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid time format {0}: expected rfc3339, s, ms, us, ns or a pattern like %d/%m/%Y %H:%M:%S"
)]
#[non_exhaustive]
pub struct InvalidTimeFormat(pub String);

impl FromStr for StatementTimeFormat {
    type Err = InvalidTimeFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_pattern =
            text.contains('%') && !StrftimeItems::new(text).any(|item| matches!(item, Item::Error));
        Ok(match text {
            "rfc3339" => Self::Rfc3339,
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "us" => Self::Microseconds,
            "ns" => Self::Nanoseconds,
            text if is_pattern => Self::Pattern(text.to_owned()),
            _ => return Err(InvalidTimeFormat(excerpt(text))),
        })
    }
}

impl StatementTimeFormat {
    fn parse(&self, text: &str, zone: Option<Tz>) -> Result<DateTime<Utc>, Mismatch> {
        let number = || text.parse::<i64>().ok();
        let time = match self {
            Self::Rfc3339 => parse_time(text).ok(),
            Self::Seconds => number().and_then(|number| DateTime::from_timestamp(number, 0)),
            Self::Milliseconds => number().and_then(DateTime::from_timestamp_millis),
            Self::Microseconds => number().and_then(DateTime::from_timestamp_micros),
            Self::Nanoseconds => number().map(DateTime::from_timestamp_nanos),
            Self::Pattern(pattern) => return parse_pattern(text, pattern, zone),
        };
        time.ok_or(Mismatch::Other)
    }
}

/// Why a text is not a time of a format.
enum Mismatch {
    /// The text has another form.
    Other,
    /// The text has the form, but is not a time.
    Reason(String),
}

fn has_offset(pattern: &str) -> bool {
    StrftimeItems::new(pattern).any(|item| {
        matches!(
            item,
            Item::Fixed(
                Fixed::TimezoneOffset
                    | Fixed::TimezoneOffsetColon
                    | Fixed::TimezoneOffsetZ
                    | Fixed::TimezoneOffsetColonZ
                    | Fixed::RFC2822
                    | Fixed::RFC3339
            )
        )
    })
}

fn parse_pattern(text: &str, pattern: &str, zone: Option<Tz>) -> Result<DateTime<Utc>, Mismatch> {
    if has_offset(pattern) {
        let time = DateTime::parse_from_str(text, pattern);
        return time.map(|it| it.to_utc()).map_err(|_| Mismatch::Other);
    }
    let day = || NaiveDate::parse_from_str(text, pattern).ok();
    let local = NaiveDateTime::parse_from_str(text, pattern).ok();
    let local = local.or_else(|| Some(day()?.and_time(NaiveTime::MIN)));
    let local = local.ok_or(Mismatch::Other)?;
    let Some(zone) = zone else {
        return Err(Mismatch::Reason(
            "has no offset: set the time zone".to_owned(),
        ));
    };
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Ok(time.to_utc()),
        LocalResult::Ambiguous(..) => Err(Mismatch::Reason(format!(
            "occurs twice in {zone}, since clocks were set back: add the offset"
        ))),
        LocalResult::None => Err(Mismatch::Reason(format!(
            "does not occur in {zone}, since clocks were set forward"
        ))),
    }
}

/// Reads a time in the first of the formats that fits, or in one of the usual ones.
pub(super) fn parse(
    text: &str,
    formats: &[StatementTimeFormat],
    zone: Option<Tz>,
) -> Result<DateTime<Utc>, String> {
    let shown = excerpt(text);
    let usual;
    let (formats, expected) = match formats {
        [] => {
            let patterns = USUAL.iter().chain(&["%Y-%m-%d"]);
            let patterns = patterns.map(|it| StatementTimeFormat::Pattern((*it).to_owned()));
            let all = std::iter::once(StatementTimeFormat::Rfc3339).chain(patterns);
            usual = all.collect::<Vec<_>>();
            (
                &usual[..],
                "a time like 2024-05-01 09:30:00; for another form set the format",
            )
        }
        given => (given, "a time in the given format"),
    };
    for format in formats {
        match format.parse(text, zone) {
            Ok(time) => return Ok(time),
            Err(Mismatch::Reason(reason)) => return Err(format!("time {shown} {reason}")),
            Err(Mismatch::Other) => {}
        }
    }
    Err(format!("invalid time {shown}: expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str, format: &str, zone: Option<&str>) -> Result<String, String> {
        let formats: Vec<StatementTimeFormat> = match format {
            "" => Vec::new(),
            format => vec![format.parse().expect("a format")],
        };
        let zone = zone.map(|zone| zone.parse().expect("a zone"));
        parse(text, &formats, zone).map(|time| time.to_rfc3339())
    }

    const NEW_YORK: Option<&str> = Some("America/New_York");

    #[test]
    fn times_are_read_in_their_zone() {
        for (text, format, zone, expected) in [
            ("2024-05-01T09:30:00-04:00", "", None, "13:30:00"),
            ("2024-05-01 09:30:00", "", NEW_YORK, "13:30:00"),
            ("2024-05-01, 09:30:00.25", "", NEW_YORK, "13:30:00.250"),
            ("20240501;093000", "", NEW_YORK, "13:30:00"),
            ("2024-05-01", "", Some("UTC"), "00:00:00"),
            (
                "01/05/2024 09:30:00",
                "%d/%m/%Y %H:%M:%S",
                NEW_YORK,
                "13:30:00",
            ),
            (
                "05/01/2024 1:30:00 PM",
                "%m/%d/%Y %I:%M:%S %p",
                Some("UTC"),
                "13:30:00",
            ),
            ("01.05.2024", "%d.%m.%Y", Some("UTC"), "00:00:00"),
            (
                "01/05/2024 09:30 +0200",
                "%d/%m/%Y %H:%M %z",
                NEW_YORK,
                "07:30:00",
            ),
            ("1714556400", "s", None, "09:40:00"),
            ("1714556400123", "ms", None, "09:40:00.123"),
        ] {
            let found = utc(text, format, zone).expect(text);
            assert_eq!(found, format!("2024-05-01T{expected}+00:00"), "{text}");
        }
    }

    #[test]
    fn times_that_need_a_guess_are_refused() {
        for (text, format, zone, reason) in [
            ("2024-05-01 09:30:00", "", None, "set the time zone"),
            ("2024-11-03 01:30:00", "", NEW_YORK, "occurs twice"),
            ("2024-03-10 02:30:00", "", NEW_YORK, "does not occur"),
            ("01/05/2024 09:30:00", "", NEW_YORK, "set the format"),
            ("31/02/2024", "%d/%m/%Y", NEW_YORK, "invalid time"),
            ("1714556400.5", "s", None, "invalid time"),
        ] {
            let error = utc(text, format, zone).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        for format in ["", "day", "%Q"] {
            let refused = format.parse::<StatementTimeFormat>();
            assert!(refused.is_err(), "{format}");
        }
    }
}
