//! When a disk becomes full, at the growth of the last day.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

/// The time over which the growth is computed. Retention frees space once a day.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// There is no forecast before the samples cover this time.
const MIN_WINDOW: TimeDelta = TimeDelta::minutes(30);

/// Samples are at least this far apart, so that their number is bounded.
const APART: TimeDelta = TimeDelta::minutes(1);

/// A disk with less space counts as full: the smaller of this many bytes and a hundredth of the disk.
const FULL: u64 = 1 << 30;

/// The state of a disk at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskSample {
    /// The time.
    pub at: DateTime<Utc>,
    /// The bytes in use.
    pub used: u64,
    /// The bytes that can still be used.
    pub free: u64,
}

impl DiskSample {
    /// A sample of that time.
    #[must_use]
    pub fn new(at: DateTime<Utc>, used: u64, free: u64) -> Self {
        Self { at, used, free }
    }

    /// Whether almost nothing is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let size = self.used.saturating_add(self.free);
        self.free < FULL.min(size / 100)
    }
}

/// The samples of one disk during the last 24 hours.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use orderbook_server::health::{DiskForecast, DiskSample};
///
/// let mut forecast = DiskForecast::default();
/// for hour in 0..=4_i64 {
///     let at = DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
///     let used = 1_000 + 10 * hour.unsigned_abs();
///     forecast.add(DiskSample::new(at, used, 2_000 - used));
/// }
/// // 960 bytes are left, and 240 are written a day
/// assert_eq!(forecast.days_left().map(f64::round), Some(4.0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct DiskForecast(VecDeque<DiskSample>);

impl DiskForecast {
    /// Adds a sample. Samples within a minute, and samples of a later time, are replaced.
    pub fn add(&mut self, sample: DiskSample) {
        let samples = &mut self.0;
        if samples.len() > 1
            && let Some(before) = samples.get(samples.len() - 2)
            && sample.at - before.at <= APART
        {
            samples.pop_back();
        }
        while samples.back().is_some_and(|last| last.at >= sample.at) {
            samples.pop_back();
        }
        samples.push_back(sample);
        while samples
            .front()
            .is_some_and(|first| sample.at - first.at > WINDOW)
        {
            samples.pop_front();
        }
    }

    /// The last sample.
    #[must_use]
    pub fn last(&self) -> Option<DiskSample> {
        self.0.back().copied()
    }

    /// The days until the disk is full, at the mean growth of the samples: a line through all of them, by least
    /// squares. `None` if it does not grow, or if the samples cover less than half an hour.
    #[must_use]
    pub fn days_left(&self) -> Option<f64> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        if last.at - first.at < MIN_WINDOW {
            return None;
        }
        let count = self.0.len() as f64;
        let days = |sample: &DiskSample| (sample.at - first.at).num_seconds() as f64 / 86_400.0;
        let used = |sample: &DiskSample| sample.used as f64 - first.used as f64;
        let mean = |of: &dyn Fn(&DiskSample) -> f64| self.0.iter().map(of).sum::<f64>() / count;
        let (mean_days, mean_used) = (mean(&days), mean(&used));
        let product = mean(&|sample| (days(sample) - mean_days) * (used(sample) - mean_used));
        let square = mean(&|sample| (days(sample) - mean_days).powi(2));
        let growth = product / square;
        (growth > 0.0).then(|| last.free as f64 / growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn forecast_needs_half_an_hour_of_growth() {
        let mut forecast = DiskForecast::default();
        for minute in 0..=29_i64 {
            forecast.add(DiskSample::new(at(minute), minute.unsigned_abs(), 1_000));
            assert_eq!(forecast.days_left(), None);
        }
        forecast.add(DiskSample::new(at(30), 30, 1_440));
        let days = forecast.days_left().expect("it grows");
        assert!((days - 1.0).abs() < 1e-9, "{days}");
    }

    #[test]
    fn shrinking_disk_has_no_forecast() {
        let mut forecast = DiskForecast::default();
        for minute in 0..=60_i64 {
            forecast.add(DiskSample::new(
                at(minute),
                1_000 - minute.unsigned_abs(),
                10,
            ));
        }
        assert_eq!(forecast.days_left(), None);
    }

    #[test]
    fn samples_are_bounded_by_a_day() {
        let mut forecast = DiskForecast::default();
        for second in 0..3 * 86_400 / 10 {
            let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(10 * second);
            forecast.add(DiskSample::new(at, 5, 5));
        }
        assert!(forecast.0.len() <= 24 * 60 + 2, "{}", forecast.0.len());
        assert!(forecast.0.len() > 20 * 60, "{}", forecast.0.len());
        // a clock that was set back
        forecast.add(DiskSample::new(at(0), 5, 5));
        assert_eq!(forecast.0.len(), 1);
    }

    #[test]
    fn full_disk_has_less_than_a_hundredth() {
        let full = |used, free| DiskSample::new(at(0), used, free).is_full();
        assert!(full(9_950, 50));
        assert!(!full(9_800, 200));
        // of a large disk a gibibyte suffices
        assert!(!full(1 << 42, 2 << 30));
        assert!(full(1 << 42, 1 << 20));
    }
}
