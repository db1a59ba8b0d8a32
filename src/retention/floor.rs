//! The retention floor: the time before which ticks or trades are refused.

use chrono::{DateTime, Utc};

use super::policy_duration::PolicyDuration;
use crate::domain::setters;

/// The time before which ticks or trades are refused. Others of that time were dropped, so a candle computed from a
/// late one would replace the candle of all.
///
/// The default refuses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetentionFloor {
    /// The age from which ticks are dropped.
    pub drop_after: Option<PolicyDuration>,
    /// Ticks before this time are refused, even if the policies change.
    pub refused_before: Option<DateTime<Utc>>,
    /// Ticks before this time were dropped.
    pub dropped_before: Option<DateTime<Utc>>,
}

setters!(RetentionFloor {
    into {
        /// Sets the age from which ticks are dropped.
        drop_after: Option<PolicyDuration>,
        /// Sets the time before which ticks are refused.
        refused_before: Option<DateTime<Utc>>,
        /// Sets the time before which ticks were dropped.
        dropped_before: Option<DateTime<Utc>>,
    }
});

impl RetentionFloor {
    /// The earliest time that a tick may have at `now`.
    #[must_use]
    pub fn oldest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let by_age = self
            .drop_after
            .and_then(|duration| now.checked_sub_signed(duration.delta()));
        by_age.max(self.refused_before).max(self.dropped_before)
    }

    /// The reason why a row of `time` is refused at `now`; `None` if it is accepted.
    #[must_use]
    pub fn refusal(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
        let oldest = self.oldest(now).filter(|oldest| time < *oldest)?;
        let limit = match self.drop_after {
            Some(duration) if now - time > duration.delta() => {
                format!("older than {duration}")
            }
            _ => format!("older than {}", oldest.to_rfc3339()),
        };
        Some(format!(
            "its time is {limit}: the rows of that time were dropped, and a candle computed from late \
             ones alone would be wrong"
        ))
    }
}

impl RetentionFloor {
    /// The reason why a row of an order book is refused at `now`; `None` if it is accepted. `field` is the name of
    /// its time.
    #[cfg(feature = "postgres")]
    pub(crate) fn refusal_of_book(
        &self,
        field: &str,
        time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let oldest = self.oldest(now).filter(|oldest| time < *oldest)?;
        let oldest = oldest.to_rfc3339();
        Some(format!(
            "{field} is older than {oldest}: order books of that time were dropped"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::MAY_GET_TICKS;
    use crate::retention::ALWAYS_FRESH;
    use chrono::TimeDelta;

    #[test]
    fn restored_candles_are_older_than_fresh_ticks() {
        let clocks_differ_by = TimeDelta::hours(1);
        assert!(MAY_GET_TICKS >= ALWAYS_FRESH.delta() + clocks_differ_by);
    }

    #[test]
    fn tick_may_be_as_old_as_the_limit() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let floor = RetentionFloor {
            drop_after: Some(PolicyDuration::days(90)),
            ..RetentionFloor::default()
        };
        let oldest = now - TimeDelta::days(90);
        assert_eq!(floor.oldest(now), Some(oldest));
        assert_eq!(floor.refusal(oldest, now), None);
        let reason = floor.refusal(oldest - TimeDelta::microseconds(1), now);
        assert!(reason.is_some_and(|reason| reason.contains("older than 90d")));
    }

    #[test]
    fn dropped_range_stays_refused_with_longer_retention() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let dropped_before = now - TimeDelta::days(30);
        let floor = RetentionFloor {
            drop_after: Some(PolicyDuration::days(90)),
            dropped_before: Some(dropped_before),
            refused_before: Some(dropped_before - TimeDelta::days(1)),
        };
        assert_eq!(floor.oldest(now), Some(dropped_before));
        let refused_before = dropped_before + TimeDelta::days(1);
        let raised = RetentionFloor {
            refused_before: Some(refused_before),
            ..floor
        };
        assert_eq!(raised.oldest(now), Some(refused_before));
        let reason = floor.refusal(dropped_before - TimeDelta::days(1), now);
        assert!(reason.is_some_and(|reason| reason.contains(&dropped_before.to_rfc3339())));
        assert_eq!(
            RetentionFloor::default().refusal(DateTime::UNIX_EPOCH, now),
            None
        );
    }
}
