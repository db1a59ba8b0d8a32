//! Instants and half-open ranges of them, in whole microseconds of UTC.

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};

use super::excerpt::excerpt;

/// Microseconds of 2100-01-01T00:00:00Z.
const LATEST_MICROS: i64 = 4_102_444_800_000_000;

/// The earliest time of a tick: 1970-01-01T00:00:00Z.
#[must_use]
pub fn earliest_time() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

/// The exclusive upper bound of tick times: 2100-01-01T00:00:00Z.
///
/// A feed that confuses milliseconds with seconds produces times far beyond this bound.
#[must_use]
pub fn latest_time() -> DateTime<Utc> {
    const LATEST: DateTime<Utc> = match DateTime::from_timestamp_micros(LATEST_MICROS) {
        Some(time) => time,
        None => DateTime::UNIX_EPOCH,
    };
    LATEST
}

/// Truncates to microseconds. Never rounds up into the next bucket.
#[must_use]
pub fn truncate_to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    // most times have no more digits, and the subtraction takes longer
    match time.timestamp_subsec_nanos().is_multiple_of(1_000) {
        true => time,
        false => time.trunc_subsecs(6),
    }
}

/// Parses an RFC 3339 instant with any offset, such as `2014-05-01T00:00:00.292Z`.
///
/// # Errors
/// A text of another form, or a leap second.
pub fn parse_time(text: &str) -> Result<DateTime<Utc>, InvalidTime> {
    if let Some(time) = parse_usual(text.as_bytes()) {
        return Ok(time);
    }
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| InvalidTime::Form(excerpt(text)))?;
    let time = time.with_timezone(&Utc);
    if is_leap_second(time) {
        return Err(InvalidTime::LeapSecond(excerpt(text)));
    }
    Ok(time)
}

/// Parses a time in UTC with at most nine decimal places, as venues send it, several times as fast as chrono. Returns
/// `None` for other texts, which may be valid.
fn parse_usual(text: &[u8]) -> Option<DateTime<Utc>> {
    let (whole, fraction) = text.strip_suffix(b"Z")?.split_first_chunk::<19>()?;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |number, digit| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            (value < 10).then_some(number * 10 + value)
        })
    };
    let marks = [4, 7, 10, 13, 16].map(|at| whole[at]);
    let (nanos, places) = match fraction {
        [] => (0, 0),
        [b'.', digits @ ..] if matches!(digits.len(), 1..=9) => (number(digits)?, digits.len()),
        _ => return None,
    };
    let year = i32::try_from(number(&whole[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&whole[5..7])?, number(&whole[8..10])?)?;
    let (hour, minute) = (number(&whole[11..13])?, number(&whole[14..16])?);
    let nanos = nanos * 10_u32.pow(9 - places as u32);
    let time = date.and_hms_nano_opt(hour, minute, number(&whole[17..])?, nanos)?;
    (marks == *b"--T::").then(|| time.and_utc())
}

/// Why a text is not a valid instant. Each variant holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTime {
    /// The text is not in RFC 3339 form.
    #[error("invalid time {0}: expected RFC 3339 such as 2014-05-01T00:00:00.292Z")]
    Form(String),
    /// The time is a leap second, which no store supports.
    #[error("{0} is a {LEAP_SECOND}")]
    LeapSecond(String),
}

/// Describes a leap second in error messages, with the remedy.
pub(crate) const LEAP_SECOND: &str = "leap second: send the second before or after it";

/// Whether `time` is a leap second. Stores have none and would move it into the next second.
#[must_use]
pub(crate) fn is_leap_second(time: DateTime<Utc>) -> bool {
    time.timestamp_subsec_nanos() >= 1_000_000_000
}

/// `from` is after `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("from ({from}) is after to ({to}): swap them")]
#[non_exhaustive]
pub struct InvalidTimeRange {
    /// The given start.
    pub from: DateTime<Utc>,
    /// The given end.
    pub to: DateTime<Utc>,
}

/// The instants `from <= t < to`, in whole microseconds. The range is empty if `from == to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "super::text::range::Bounds",
        into = "super::text::range::Bounds"
    )
)]
pub struct TimeRange {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl TimeRange {
    /// Creates a range. A bound between two microseconds is moved up to the next one, which selects the same
    /// ticks. A bound outside of the supported times is moved to their limit.
    ///
    /// # Errors
    /// `from` after `to`.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Self, InvalidTimeRange> {
        if from > to {
            return Err(InvalidTimeRange { from, to });
        }
        Ok(Self {
            from: bound(from),
            to: bound(to),
        })
    }

    /// The range of all supported times.
    #[must_use]
    pub fn all() -> Self {
        Self {
            from: earliest_time(),
            to: latest_time(),
        }
    }

    /// The inclusive start: the first instant inside, if the range is not empty.
    #[must_use]
    pub fn start(&self) -> DateTime<Utc> {
        self.from
    }

    /// The exclusive end: the first instant after the range.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.to
    }

    /// Whether the range contains `time`.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether the range contains no instant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

fn bound(time: DateTime<Utc>) -> DateTime<Utc> {
    let time = time.clamp(earliest_time(), latest_time());
    let truncated = truncate_to_micros(time);
    if truncated == time {
        truncated
    } else {
        truncated + TimeDelta::microseconds(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(nanos: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(nanos)
    }

    #[test]
    fn bound_between_microseconds_is_exact() {
        let range = TimeRange::new(nanos(1_001), nanos(2_001)).expect("ordered");
        assert!(!range.contains(nanos(1_000)));
        assert!(range.contains(nanos(2_000)));
        assert!(!range.contains(nanos(3_000)));
    }

    #[test]
    fn range_that_ends_before_its_start_is_refused() {
        assert!(TimeRange::new(nanos(2_000), nanos(1_000)).is_err());
        assert!(TimeRange::new(nanos(1_000), nanos(1_000)).is_ok_and(|range| range.is_empty()));
    }

    #[test]
    fn long_text_is_shortened_in_errors() {
        let error = parse_time(&"9".repeat(1_000_000)).expect_err("no time");
        let error = error.to_string();
        assert!(error.len() < 200, "{} bytes", error.len());
        // any number of digits may follow the point
        let leap = format!("2016-12-31T23:59:60.{}Z", "0".repeat(1_000_000));
        let error = parse_time(&leap).expect_err("a leap second, or no time");
        let error = error.to_string();
        assert!(error.len() < 200, "{} bytes", error.len());
    }

    #[test]
    fn usual_times_are_those_of_chrono() {
        let by_chrono = |text: &str| {
            let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
            (!is_leap_second(time)).then_some(time)
        };
        let mut texts: Vec<String> = Vec::new();
        for time in [
            "2021-04-17T16:44:07",
            "1970-01-01T00:00:00",
            "0000-02-29T23:59:59",
            "2024-02-29T12:00:00",
            "9999-12-31T23:59:59",
            // no times
            "2023-02-29T12:00:00",
            "2024-13-01T12:00:00",
            "2024-01-01T24:00:00",
            "2024-01-01T12:60:00",
            "2016-12-31T23:59:60",
        ] {
            for fraction in [
                "",
                ".",
                ".8",
                ".859760",
                ".123456789",
                ".1234567891",
                ".000000000",
            ] {
                texts.push(format!("{time}{fraction}Z"));
            }
            texts.extend([format!("{time}z"), format!("{time}+01:00"), time.to_owned()]);
        }
        let text = "2021-04-17T16:44:07.859Z";
        for at in 0..text.len() {
            for other in ["", "x", "0", ":", ".", " ", "é", "\0"] {
                texts.push(format!("{}{other}{}", &text[..at], &text[at + 1..]));
            }
        }
        for text in texts {
            assert_eq!(parse_time(&text).ok(), by_chrono(&text), "{text}");
        }
        assert!(parse_usual(text.as_bytes()).is_some());
    }

    #[test]
    fn truncation_never_rounds_up() {
        assert_eq!(truncate_to_micros(nanos(1_999)), nanos(1_000));
    }

    #[test]
    fn latest_time_is_the_year_2100() {
        assert_eq!(latest_time().to_rfc3339(), "2100-01-01T00:00:00+00:00");
    }
}
