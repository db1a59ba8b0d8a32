//! Formats of instants in files with a header row.

use chrono::{DateTime, Utc};

use crate::domain::{InvalidTime, excerpt, parse_time, truncate_to_micros};

/// The format of instants in a quote file. It is never guessed: a number has no meaning without its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TimeFormat {
    /// RFC 3339 with any offset, such as `2014-05-01T00:00:00.292Z`.
    #[default]
    Rfc3339,
    /// Whole seconds since 1970-01-01 UTC.
    Seconds,
    /// Whole milliseconds since 1970-01-01 UTC.
    Milliseconds,
    /// Whole microseconds since 1970-01-01 UTC.
    Microseconds,
    /// Whole nanoseconds since 1970-01-01 UTC.
    Nanoseconds,
}

impl TimeFormat {
    pub(super) fn read(self, field: &[u8], name: &str) -> Result<DateTime<Utc>, String> {
        let text = std::str::from_utf8(field).unwrap_or("");
        let number = text.parse::<i64>().ok();
        let time = match self {
            Self::Rfc3339 => match parse_time(text) {
                Ok(time) => Some(time),
                Err(error @ InvalidTime::LeapSecond(_)) => {
                    return Err(format!("{name} {error}"));
                }
                Err(_) => None,
            },
            Self::Seconds => number.and_then(|number| DateTime::from_timestamp(number, 0)),
            Self::Milliseconds => number.and_then(DateTime::from_timestamp_millis),
            Self::Microseconds => number.and_then(DateTime::from_timestamp_micros),
            Self::Nanoseconds => number.map(DateTime::from_timestamp_nanos),
        };
        time.map(truncate_to_micros).ok_or_else(|| {
            let shown = excerpt(field);
            let expected = match self {
                Self::Rfc3339 if number.is_some() => {
                    "RFC 3339; for numbers set their unit (s, ms, us or ns)"
                }
                Self::Rfc3339 => "RFC 3339 such as 2014-05-01T00:00:00.292Z",
                _ => "a whole number in the time unit; correct it, or set another format",
            };
            format!("invalid {name} {shown}: expected {expected}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_seconds_are_refused_by_name() {
        for text in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"] {
            let refused = TimeFormat::Rfc3339.read(text.as_bytes(), "tick_time");
            let reason = refused.expect_err("it would be another tick's time");
            assert!(reason.contains("leap second"), "{reason}");
            assert!(reason.contains(text), "{reason}");
        }
        let around = TimeFormat::Rfc3339.read(b"2016-12-31T23:59:59.999999Z", "tick_time");
        around.expect("a second that every clock has");
    }
}
