//! The repository of equity points and of the performance that follows from them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use tickbook::domain::{Page, PageLimit, TimeRange, earliest_time, latest_time};
use tickbook::{Entity, RepositoryError};

use crate::domain::performance::{
    DailyPerformance, EquityPoint, LocalDay, MAX_DAYS, PerformanceReport, Tz, local_days,
};
use crate::domain::{AccountId, AmountError};

/// A query for equity points of an account, by ascending time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityQuery {
    /// The account.
    pub account_id: AccountId,
    /// The range of the times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only points after this instant.
    pub after: Option<DateTime<Utc>>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl EquityQuery {
    /// The first 500 points of an account in a range.
    #[must_use]
    pub fn new(account_id: AccountId, range: TimeRange) -> Self {
        Self {
            account_id,
            range,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for days of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DailyQuery {
    /// The account.
    pub account_id: AccountId,
    zone: Tz,
    from: NaiveDate,
    to: NaiveDate,
}

/// Why days cannot be queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDays {
    /// The first day is after the last one.
    #[error("from ({from}) is after to ({to}): swap them")]
    Order {
        /// The given start.
        from: NaiveDate,
        /// The given end.
        to: NaiveDate,
    },
    /// There are more than [`MAX_DAYS`] days.
    #[error("{0} days: expected at most {MAX_DAYS}")]
    TooMany(i64),
    /// A day is before 1970 or after 2099.
    #[error("invalid date {0}: expected a date from 1970-01-01 to 2099-12-31")]
    OutOfRange(NaiveDate),
}

impl DailyQuery {
    /// The days of a time zone from `from` to before `to`.
    ///
    /// # Errors
    /// `from` after `to`, more than [`MAX_DAYS`] days, or a day before 1970 or after 2099.
    pub fn new(
        account_id: AccountId,
        zone: Tz,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Self, InvalidDays> {
        if from > to {
            return Err(InvalidDays::Order { from, to });
        }
        let days = (to - from).num_days();
        if days > MAX_DAYS as i64 {
            return Err(InvalidDays::TooMany(days));
        }
        if from < earliest_time().date_naive() {
            return Err(InvalidDays::OutOfRange(from));
        }
        if to > latest_time().date_naive() {
            return Err(InvalidDays::OutOfRange(to));
        }
        Ok(Self {
            account_id,
            zone,
            from,
            to,
        })
    }

    /// The time zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The days in ascending order.
    #[must_use]
    pub fn days(&self) -> Vec<LocalDay> {
        local_days(self.zone, self.from, self.to).collect()
    }

    /// The instants of all days; empty without days.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        let days = self.days();
        let bounds = days.first().zip(days.last());
        let bounds = bounds.map_or((earliest_time(), earliest_time()), |(first, last)| {
            (first.from, last.to)
        });
        // the days are in ascending order
        TimeRange::new(bounds.0, bounds.1).unwrap_or_else(|_| TimeRange::all())
    }
}

/// What became of recorded equity points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityReceipt {
    /// The number of points that are new.
    pub inserted: u64,
    /// The number of points that were recorded before with the same content.
    pub duplicates: u64,
    /// The points whose instant has a recorded point with other content, which stays.
    pub conflicts: Vec<EquityPoint>,
}

/// The equity of accounts over time, and the performance of days.
///
/// The repository knows accounts only by their ids: a caller checks with
/// [`AccountRepository::get`](super::AccountRepository::get) whether an account is in its scope.
///
/// Counts and sums of fills come from the copies of the order history
/// ([`OrderHistoryRepository`](super::OrderHistoryRepository)), so a fill counts shortly after it was booked.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::PerformanceRepositories;
/// use tickbook_ledger::domain::AccountId;
/// use tickbook_ledger::domain::performance::{EquityPoint, Tz};
/// use tickbook_ledger::repository::DailyQuery;
///
/// let performance = PerformanceRepositories::in_memory().performance;
/// let account = AccountId::new(7);
/// for (time, equity) in [("2024-05-01T20:00:00Z", "10000"), ("2024-05-02T20:00:00Z", "10100")] {
///     let (time, equity) = (time.parse()?, equity.parse()?);
///     performance.record_equity(&[EquityPoint::new(account, time, equity, equity, "broker")]).await?;
/// }
/// let days = DailyQuery::new(account, Tz::America__New_York, "2024-05-01".parse()?, "2024-06-01".parse()?)?;
/// let days = performance.daily(&days).await?;
/// assert_eq!(days[1].time_weighted_return, Ok(0.01));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PerformanceRepository: Debug + Send + Sync + 'static {
    /// Records equity points. A point that was recorded before is not recorded again, so a call may be repeated after any
    /// failure. Of several points of one instant the first counts.
    ///
    /// # Errors
    /// `InvalidInput` for a point that cannot be stored, see [`EquityPoint::normalized`]. Nothing is recorded then.
    async fn record_equity(&self, points: &[EquityPoint])
    -> Result<EquityReceipt, RepositoryError>;

    /// Returns a page of points by ascending time.
    async fn equity(
        &self,
        query: &EquityQuery,
    ) -> Result<Page<EquityPoint, DateTime<Utc>>, RepositoryError>;

    /// Returns the days that have points or fills, in ascending order. Each is summed from buckets of 15 minutes, so it
    /// follows the time zone, also on days of 23 and 25 hours.
    async fn daily(&self, query: &DailyQuery) -> Result<Vec<DailyPerformance>, RepositoryError>;

    /// Returns the report of the days.
    async fn report(&self, query: &DailyQuery) -> Result<PerformanceReport, RepositoryError>;
}

/// The distinct points of a batch in the form in which they are stored, by account and time, and the receipt of the
/// others.
///
/// # Errors
/// A point is invalid.
pub(crate) fn distinct_points(
    points: &[EquityPoint],
) -> Result<(Vec<EquityPoint>, EquityReceipt), RepositoryError> {
    let mut receipt = EquityReceipt::default();
    let mut distinct: BTreeMap<(AccountId, DateTime<Utc>), EquityPoint> = BTreeMap::new();
    for point in points {
        let point = point.normalized().map_err(RepositoryError::invalid)?;
        match distinct.get(&(point.account_id, point.as_of)) {
            Some(first) => receipt.repeat(first, point),
            None => _ = distinct.insert((point.account_id, point.as_of), point),
        }
    }
    Ok((distinct.into_values().collect(), receipt))
}

impl EquityReceipt {
    /// Counts a point of an instant that has a point.
    pub(crate) fn repeat(&mut self, recorded: &EquityPoint, point: EquityPoint) {
        match *recorded == point {
            true => self.duplicates += 1,
            false => self.conflicts.push(point),
        }
    }
}

/// The error of recorded amounts that have no sum.
pub(crate) fn sum_error(account_id: AccountId, error: AmountError) -> RepositoryError {
    RepositoryError::Data {
        entity: Entity::EquityPoint,
        key: format!("of account {account_id}"),
        reason: error.to_string(),
    }
}
