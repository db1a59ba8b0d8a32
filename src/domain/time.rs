//! Instants and half-open ranges of them, in whole microseconds of UTC.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

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
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| InvalidTime::Form(excerpt(text)))?;
    let time = time.with_timezone(&Utc);
    if is_leap_second(time) {
        return Err(InvalidTime::LeapSecond(excerpt(text)));
    }
    Ok(time)
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
    fn truncation_never_rounds_up() {
        assert_eq!(truncate_to_micros(nanos(1_999)), nanos(1_000));
    }

    #[test]
    fn latest_time_is_the_year_2100() {
        assert_eq!(latest_time().to_rfc3339(), "2100-01-01T00:00:00+00:00");
    }
}
