//! Timeframes: widths of candles.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use super::excerpt::excerpt;

/// The width of a candle. Buckets are aligned to UTC: a day starts at 00:00:00Z.
///
/// Ordered from the smallest to the largest. Each width divides all larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timeframe {
    /// One minute, `1m`.
    M1,
    /// Five minutes, `5m`.
    M5,
    /// Fifteen minutes, `15m`.
    M15,
    /// Thirty minutes, `30m`.
    M30,
    /// One hour, `1h`.
    H1,
    /// Four hours, `4h`.
    H4,
    /// One day of 24 hours, `1d`.
    D1,
}

impl Timeframe {
    /// All timeframes, smallest first.
    pub const ALL: &'static [Self] = &[
        Self::M1,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H4,
        Self::D1,
    ];

    /// The name used in the database, in files and in the REST interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }

    /// The width.
    #[must_use]
    pub fn duration(self) -> TimeDelta {
        TimeDelta::minutes(self.minutes())
    }

    /// The start of the bucket `[start, start + duration)` that contains `time`.
    #[must_use]
    pub fn bucket_start(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let micros = time.timestamp_micros();
        let width = self.minutes() * 60_000_000;
        let start = micros - micros.rem_euclid(width);
        DateTime::from_timestamp_micros(start).unwrap_or(time)
    }

    /// The exclusive end of the bucket that starts at `start`, or the last possible instant if the end would
    /// be later.
    #[must_use]
    pub fn bucket_end(self, start: DateTime<Utc>) -> DateTime<Utc> {
        let end = start.checked_add_signed(self.duration());
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn minutes(self) -> i64 {
        match self {
            Self::M1 => 1,
            Self::M5 => 5,
            Self::M15 => 15,
            Self::M30 => 30,
            Self::H1 => 60,
            Self::H4 => 240,
            Self::D1 => 1_440,
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a timeframe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid timeframe {}: expected one of {}", excerpt(.0), names())]
#[non_exhaustive]
pub struct UnknownTimeframe(pub String);

fn names() -> String {
    let names = Timeframe::ALL.iter().map(|timeframe| timeframe.as_str());
    names.collect::<Vec<_>>().join(", ")
}

impl FromStr for Timeframe {
    type Err = UnknownTimeframe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|timeframe| timeframe.as_str() == text)
            .ok_or_else(|| UnknownTimeframe(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_divides_all_larger_ones() {
        for (index, small) in Timeframe::ALL.iter().copied().enumerate() {
            for large in &Timeframe::ALL[index..] {
                assert_eq!(large.minutes() % small.minutes(), 0);
            }
        }
    }

    #[test]
    fn bucket_of_every_instant_has_both_ends() {
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        for &timeframe in Timeframe::ALL {
            for time in [first, last] {
                let start = timeframe.bucket_start(time);
                assert!(start <= time && timeframe.bucket_end(start) >= start);
            }
            assert_eq!(timeframe.bucket_end(last), last);
            let end = DateTime::UNIX_EPOCH + timeframe.duration();
            assert_eq!(timeframe.bucket_end(DateTime::UNIX_EPOCH), end);
        }
    }

    #[test]
    fn names_read_back() {
        for &timeframe in Timeframe::ALL {
            assert_eq!(timeframe.to_string().parse(), Ok(timeframe));
        }
        assert!("2m".parse::<Timeframe>().is_err());
    }

    #[test]
    fn bucket_holds_its_start_and_not_its_end() {
        let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
        for &timeframe in Timeframe::ALL {
            let end = start + timeframe.duration();
            assert_eq!(timeframe.bucket_start(start), start);
            assert_eq!(
                timeframe.bucket_start(end - TimeDelta::microseconds(1)),
                start
            );
            assert_eq!(timeframe.bucket_start(end), end);
        }
    }
}
