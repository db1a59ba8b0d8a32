//! Lengths of time in text form.

use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// 100 years.
const MAX_SECONDS: i64 = 36_500 * 86_400;

/// A length of time in whole seconds, written like `90d`, `12h` or `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyDuration(i64);

impl PolicyDuration {
    /// Creates a length of `seconds`.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Creates a length of `hours`.
    #[must_use]
    pub const fn hours(hours: i64) -> Self {
        Self(hours * 3_600)
    }

    /// Creates a length of `days` of 24 hours.
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self(days * 86_400)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// The length as a [`TimeDelta`].
    #[must_use]
    pub fn delta(self) -> TimeDelta {
        TimeDelta::seconds(self.0)
    }
}

impl From<TimeDelta> for PolicyDuration {
    /// Drops fractions of a second.
    fn from(delta: TimeDelta) -> Self {
        Self(delta.num_seconds())
    }
}

impl From<PolicyDuration> for Duration {
    /// Returns zero for a negative length.
    fn from(duration: PolicyDuration) -> Self {
        Self::from_secs(duration.0.max(0).unsigned_abs())
    }
}

impl Add for PolicyDuration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for PolicyDuration {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<i64> for PolicyDuration {
    type Output = Self;

    fn mul(self, factor: i64) -> Self {
        Self(self.0 * factor)
    }
}

impl fmt::Display for PolicyDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

/// The text is not a valid length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid length of time {0:?}: expected 1s to 36500d, such as 90d, 12h, 15m or 1h30m")]
#[non_exhaustive]
pub struct InvalidPolicyDuration(pub String);

impl FromStr for PolicyDuration {
    type Err = InvalidPolicyDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidPolicyDuration(text.to_owned());
        let mut total: i64 = 0;
        let mut rest = text.trim();
        let mut last = i64::MAX;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, behind) = rest.split_at(digits);
            let number: i64 = number.parse().map_err(|_| invalid())?;
            let mut behind = behind.chars();
            let unit = behind.next().ok_or_else(invalid)?;
            let (_, seconds) = UNITS
                .into_iter()
                .find(|(known, _)| *known == unit)
                .ok_or_else(invalid)?;
            // larger units first, each once
            if seconds >= last {
                return Err(invalid());
            }
            last = seconds;
            let part = number.checked_mul(seconds).ok_or_else(invalid)?;
            total = total.checked_add(part).ok_or_else(invalid)?;
            rest = behind.as_str();
        }
        if (1..=MAX_SECONDS).contains(&total) {
            Ok(Self(total))
        } else {
            Err(invalid())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_written_by_unit() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("1h30m", 5_400),
            ("1d1h1m1s", 90_061),
            ("45s", 45),
        ] {
            assert_eq!(text.parse(), Ok(PolicyDuration::seconds(seconds)), "{text}");
            assert_eq!(PolicyDuration::seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in [
            "",
            "90",
            "d",
            "0d",
            "-1d",
            "1.5h",
            "1m1h",
            "1d1d",
            "1 d",
            "36501d",
            "9999999999999999999d",
            "1w",
        ] {
            assert!(text.parse::<PolicyDuration>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_reads_back(seconds in 1..=MAX_SECONDS) {
            let duration = PolicyDuration::seconds(seconds);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
