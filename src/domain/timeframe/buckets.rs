//! The buckets of a timeframe: the periods of time that have a candle each.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveTime, TimeDelta, Utc};

use super::super::time::earliest_time;
use super::{Timeframe, Width};

/// Microseconds of 2000-01-03T00:00:00Z, a Monday. Buckets of a fixed width are counted from there.
const ORIGIN: i64 = 946_857_600_000_000;

impl Timeframe {
    /// The start of the bucket that contains `time`.
    #[must_use]
    pub fn bucket_start(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.uncut_start(time);
        let earliest = earliest_time();
        match time >= earliest {
            true => start.max(earliest),
            false => start,
        }
    }

    /// The exclusive end of the bucket that starts at `start`, or the last possible instant if the end would
    /// be later.
    #[must_use]
    pub fn bucket_end(self, start: DateTime<Utc>) -> DateTime<Utc> {
        self.moved(start, 1)
    }

    /// The start of the first bucket that starts at `time` or later, or the last possible instant if it would
    /// be later.
    #[must_use]
    pub fn bucket_from(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.bucket_start(time);
        match start == time {
            true => start,
            false => self.bucket_end(start),
        }
    }

    /// The start of the bucket that is `count` buckets after the one that starts at `start`, or before it if
    /// `count` is negative. At least 1970-01-01T00:00Z, at most the last possible instant.
    #[must_use]
    pub fn bucket_at(self, start: DateTime<Utc>, count: i64) -> DateTime<Utc> {
        self.moved(start, count).max(earliest_time())
    }

    /// The number of buckets that start in `[from, to)`. `from` must be the start of a bucket.
    #[must_use]
    pub fn bucket_count(self, from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
        if to <= from {
            return 0;
        }
        // the last instant before `to` lies in the last of these buckets
        let last = self.uncut_start(to - TimeDelta::nanoseconds(1));
        let first = self.uncut_start(from);
        let between = match self.width() {
            Width::Seconds(seconds) => (last - first).num_seconds() / i64::from(seconds),
            Width::Month => month_number(last) - month_number(first),
        };
        between.unsigned_abs() + 1
    }

    /// The start of the bucket that contains `time`, which may be before 1970.
    fn uncut_start(self, time: DateTime<Utc>) -> DateTime<Utc> {
        match self.width() {
            Width::Seconds(seconds) => {
                let micros = time.timestamp_micros();
                let width = i64::from(seconds) * 1_000_000;
                let start = micros - (micros - ORIGIN).rem_euclid(width);
                DateTime::from_timestamp_micros(start).unwrap_or(time)
            }
            Width::Month => {
                let days = Days::new(u64::from(time.day0()));
                let midnight = time.date_naive().and_time(NaiveTime::MIN).and_utc();
                midnight.checked_sub_days(days).unwrap_or(time)
            }
        }
    }

    /// The start of the bucket `count` buckets after the one that contains `time`.
    fn moved(self, time: DateTime<Utc>, count: i64) -> DateTime<Utc> {
        let start = self.uncut_start(time);
        let moved = match self.width() {
            Width::Seconds(seconds) => i64::from(seconds)
                .checked_mul(count)
                .and_then(TimeDelta::try_seconds)
                .and_then(|distance| start.checked_add_signed(distance)),
            Width::Month => match u32::try_from(count.unsigned_abs()) {
                Ok(months) if count < 0 => start.checked_sub_months(Months::new(months)),
                Ok(months) => start.checked_add_months(Months::new(months)),
                Err(_) => None,
            },
        };
        moved.unwrap_or(match count < 0 {
            true => DateTime::<Utc>::MIN_UTC,
            false => DateTime::<Utc>::MAX_UTC,
        })
    }
}

/// The number of months since the year 0.
fn month_number(time: DateTime<Utc>) -> i64 {
    i64::from(time.year()) * 12 + i64::from(time.month0())
}
