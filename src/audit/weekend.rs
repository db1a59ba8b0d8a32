//! Time spans without the FX weekend.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

use crate::domain::Timeframe;

/// Friday 21:00 UTC, from Monday 00:00 UTC.
const REST_BEGINS: TimeDelta = TimeDelta::hours(4 * 24 + 21);
/// Sunday 22:00 UTC, from Monday 00:00 UTC.
const REST_ENDS: TimeDelta = TimeDelta::hours(6 * 24 + 22);

/// The time from `from` to `to` without FX weekends. A weekend is Friday 21:00 to Sunday 22:00 UTC, which
/// covers the market's closing hours in summer and in winter.
pub(super) fn without_weekends(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
    let day = Timeframe::D1.bucket_start(from);
    let mut monday = day - TimeDelta::days(day.weekday().num_days_from_monday().into());
    let mut length = to - from;
    while monday < to {
        let rest_from = (monday + REST_BEGINS).max(from);
        let rest_to = (monday + REST_ENDS).min(to);
        length -= (rest_to - rest_from).max(TimeDelta::zero());
        monday += TimeDelta::days(7);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(from: &str, to: &str) -> i64 {
        let time = |text: &str| text.parse().expect("a time");
        without_weekends(time(from), time(to)).num_minutes()
    }

    #[test]
    fn weekend_does_not_count() {
        // Friday to Sunday
        assert_eq!(counted("2014-05-02T20:50:00Z", "2014-05-04T22:05:00Z"), 15);
        assert_eq!(counted("2014-05-03T01:00:00Z", "2014-05-03T23:00:00Z"), 0);
        assert_eq!(counted("2014-05-01T12:00:00Z", "2014-05-01T12:30:00Z"), 30);
        // three weeks and their weekends of 49 hours
        let weeks = 3 * (7 * 24 - 49) * 60;
        assert_eq!(
            counted("2014-05-01T12:00:00Z", "2014-05-22T12:00:00Z"),
            weeks
        );
    }
}
