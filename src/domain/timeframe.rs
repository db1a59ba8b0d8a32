//! Timeframes: widths of candles.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use chrono::TimeDelta;

use super::excerpt::excerpt;

mod buckets;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;
const WEEK: u32 = 7 * DAY;

/// The seconds that have a timeframe.
const SECONDS: [u32; 5] = [1, 5, 10, 15, 30];

/// The largest number of candles from which one candle is folded.
const MAX_PARTS: u32 = 1_440;

/// The days of the longest month.
const DAYS_OF_MONTH: u32 = 31;

/// The width of a candle. Buckets are aligned to UTC: a day starts at 00:00:00Z.
///
/// Candles of the seven timeframes of [`ALL`](Self::ALL) are stored and computed by continuous aggregates.
/// Candles of other timeframes are folded by each read, from the candles of [`source`](Self::source) or from
/// ticks:
///
/// - up to 1,440 of a stored timeframe, such as `3m`, `2h` or `10d`;
/// - `1w`, from Monday 00:00, and `1M`, from the first of the month 00:00;
/// - `1s`, `5s`, `10s`, `15s` and `30s`.
///
/// The buckets of all timeframes except `1M` are counted from Monday 2000-01-03T00:00Z, as by `time_bucket`
/// of TimescaleDB. So a bucket of `7m` need not start at a full hour. The first bucket of all times is cut at
/// 1970-01-01T00:00Z.
///
/// Timeframes with the same buckets are equal: `60m` is `1h`, and `7d` is `1w`. They are ordered from the
/// smallest to the largest. Each stored timeframe divides all larger stored ones.
///
/// # Examples
/// ```
/// use tickbook::domain::Timeframe;
///
/// let two_hours: Timeframe = "2h".parse()?;
/// assert_eq!(two_hours, Timeframe::H1.times(2)?);
/// assert_eq!((two_hours.source(), two_hours.parts()), (Some(Timeframe::H1), 2));
/// assert_eq!("120m".parse(), Ok(two_hours));
/// # Ok::<_, tickbook::domain::UnknownTimeframe>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// A timeframe that is folded by each read and never stored.
    Folded(FoldedTimeframe),
}

/// The width of a [`Timeframe::Folded`]. It differs from the width of every stored timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FoldedTimeframe(Width);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Width {
    Seconds(u32),
    Month,
}

impl Timeframe {
    /// All stored timeframes, smallest first.
    pub const ALL: &'static [Self] = &[
        Self::M1,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H4,
        Self::D1,
    ];

    /// One second, `1s`.
    pub const S1: Self = Self::folded(1);
    /// Five seconds, `5s`.
    pub const S5: Self = Self::folded(5);
    /// Ten seconds, `10s`.
    pub const S10: Self = Self::folded(10);
    /// Fifteen seconds, `15s`.
    pub const S15: Self = Self::folded(15);
    /// Thirty seconds, `30s`.
    pub const S30: Self = Self::folded(30);
    /// One week from Monday 00:00Z, `1w`.
    pub const W1: Self = Self::folded(WEEK);
    /// One calendar month, `1M`.
    pub const MN1: Self = Self::Folded(FoldedTimeframe(Width::Month));

    const fn folded(seconds: u32) -> Self {
        Self::Folded(FoldedTimeframe(Width::Seconds(seconds)))
    }

    /// The timeframe of `count` times this width.
    ///
    /// # Errors
    /// A `count` of 0, a width of more than 1,440 candles of the largest stored timeframe that divides it,
    /// seconds other than 1, 5, 10, 15 and 30, and more than one month.
    pub fn times(self, count: u32) -> Result<Self, UnknownTimeframe> {
        let found = match self.width() {
            Width::Seconds(seconds) => seconds.checked_mul(count).and_then(Self::of_seconds),
            Width::Month => (count == 1).then_some(self),
        };
        found.ok_or_else(|| UnknownTimeframe {
            text: format!("{count} x {self}"),
            stored_only: false,
        })
    }

    /// The timeframe of this width, if there is one.
    fn of_seconds(seconds: u32) -> Option<Self> {
        let stored = Self::ALL.iter().copied();
        let mut stored = stored.filter(|one| one.width() == Width::Seconds(seconds));
        if let Some(stored) = stored.next() {
            return Some(stored);
        }
        let folded = Self::folded(seconds);
        let is_valid = match folded.source() {
            Some(_) => (1..=MAX_PARTS).contains(&folded.parts()),
            None => SECONDS.contains(&seconds),
        };
        is_valid.then_some(folded)
    }

    /// Whether candles of this timeframe can be stored: it is one of [`ALL`](Self::ALL).
    #[must_use]
    pub const fn is_stored(self) -> bool {
        !matches!(self, Self::Folded(_))
    }

    /// Returns this timeframe if it [is stored](Self::is_stored).
    ///
    /// # Errors
    /// A timeframe that is folded.
    pub fn stored(self) -> Result<Self, UnknownTimeframe> {
        match self.is_stored() {
            true => Ok(self),
            false => Err(UnknownTimeframe {
                text: self.to_string(),
                stored_only: true,
            }),
        }
    }

    /// Parses the name of a stored timeframe.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse_stored(text: &str) -> Result<Self, UnknownTimeframe> {
        let mut stored = Self::ALL.iter().copied();
        let found = stored.find(|timeframe| timeframe.as_str() == text);
        found.ok_or_else(|| UnknownTimeframe {
            text: text.to_owned(),
            stored_only: true,
        })
    }

    /// The timeframe whose candles are folded into candles of this one: the largest stored timeframe that
    /// divides it. `None` for stored timeframes, and for seconds, which are folded from ticks.
    #[must_use]
    pub const fn source(self) -> Option<Self> {
        let Self::Folded(FoldedTimeframe(width)) = self else {
            return None;
        };
        Some(match width {
            Width::Month => Self::D1,
            Width::Seconds(seconds) if seconds.is_multiple_of(DAY) => Self::D1,
            Width::Seconds(seconds) if seconds.is_multiple_of(4 * HOUR) => Self::H4,
            Width::Seconds(seconds) if seconds.is_multiple_of(HOUR) => Self::H1,
            Width::Seconds(seconds) if seconds.is_multiple_of(30 * MINUTE) => Self::M30,
            Width::Seconds(seconds) if seconds.is_multiple_of(15 * MINUTE) => Self::M15,
            Width::Seconds(seconds) if seconds.is_multiple_of(5 * MINUTE) => Self::M5,
            Width::Seconds(seconds) if seconds.is_multiple_of(MINUTE) => Self::M1,
            Width::Seconds(_) => return None,
        })
    }

    /// The largest number of candles of [`source`](Self::source) in one candle: 2 to 1,440, or 1 if it has no
    /// source.
    #[must_use]
    pub fn parts(self) -> u32 {
        match self.source() {
            Some(source) => self.longest() / source.longest(),
            None => 1,
        }
    }

    /// Whether each bucket of this timeframe lies within one bucket of `larger`, which is larger.
    #[must_use]
    pub fn divides(self, larger: Self) -> bool {
        let (Width::Seconds(seconds), true) = (self.width(), self < larger) else {
            return false;
        };
        match larger.width() {
            Width::Seconds(larger) => larger.is_multiple_of(seconds),
            Width::Month => DAY.is_multiple_of(seconds),
        }
    }

    /// The name used in the database, in files and in the REST interface, such as `5m`, `2h`, `1w` or `1M`.
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
            Self::Folded(FoldedTimeframe(Width::Month)) => "1M",
            Self::Folded(FoldedTimeframe(Width::Seconds(seconds))) => {
                // every width of a timeframe has a name
                NAMES.get(&seconds).map_or("", String::as_str)
            }
        }
    }

    /// The width; of `1M` that of the longest month, 31 days.
    #[must_use]
    pub fn duration(self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.longest()))
    }

    /// The width in seconds; of a month that of the longest.
    const fn longest(self) -> u32 {
        match self.width() {
            Width::Seconds(seconds) => seconds,
            Width::Month => DAYS_OF_MONTH * DAY,
        }
    }

    const fn width(self) -> Width {
        Width::Seconds(match self {
            Self::M1 => MINUTE,
            Self::M5 => 5 * MINUTE,
            Self::M15 => 15 * MINUTE,
            Self::M30 => 30 * MINUTE,
            Self::H1 => HOUR,
            Self::H4 => 4 * HOUR,
            Self::D1 => DAY,
            Self::Folded(FoldedTimeframe(width)) => return width,
        })
    }
}

/// The names of all widths in seconds, created once.
static NAMES: LazyLock<BTreeMap<u32, String>> = LazyLock::new(|| {
    let stored = Timeframe::ALL.iter().map(|timeframe| timeframe.longest());
    let multiples = stored.flat_map(|width| (1..=MAX_PARTS).map(move |count| width * count));
    let name = |seconds: u32| match seconds {
        WEEK => "1w".to_owned(),
        days if days.is_multiple_of(DAY) => format!("{}d", days / DAY),
        hours if hours.is_multiple_of(HOUR) => format!("{}h", hours / HOUR),
        minutes if minutes.is_multiple_of(MINUTE) => format!("{}m", minutes / MINUTE),
        seconds => format!("{seconds}s"),
    };
    let widths = SECONDS.into_iter().chain(multiples);
    widths.map(|seconds| (seconds, name(seconds))).collect()
});

impl Ord for Timeframe {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |one: &Self| (one.longest(), one.width() == Width::Month);
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Timeframe {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a timeframe, or not a stored one where a stored one is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid timeframe {}: expected {}", excerpt(text), expected(*stored_only))]
#[non_exhaustive]
pub struct UnknownTimeframe {
    /// The text.
    pub text: String,
    /// Whether only stored timeframes are valid.
    pub stored_only: bool,
}

fn expected(stored_only: bool) -> String {
    let names = Timeframe::ALL.iter().map(|timeframe| timeframe.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    match stored_only {
        true => format!("one of {names}"),
        false => format!(
            "{names}, up to {MAX_PARTS} of one of them such as 3m, 2h or 10d, \
             1s, 5s, 10s, 15s, 30s, 1w or 1M"
        ),
    }
}

impl FromStr for Timeframe {
    type Err = UnknownTimeframe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = match text {
            "1w" => Some(Self::W1),
            "1M" => Some(Self::MN1),
            _ => counted(text).and_then(Self::of_seconds),
        };
        found.ok_or_else(|| UnknownTimeframe {
            text: text.to_owned(),
            stored_only: false,
        })
    }
}

/// The seconds of a count and a unit, such as `90m`.
fn counted(text: &str) -> Option<u32> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let count: u32 = digits.parse().ok().filter(|_| is_number)?;
    let unit = match unit {
        // no multiples of a minute in seconds
        's' => return Some(count).filter(|count| SECONDS.contains(count)),
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    count.checked_mul(unit)
}

#[cfg(test)]
mod tests;
