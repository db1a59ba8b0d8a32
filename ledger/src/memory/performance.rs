//! Equity points and daily performance in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, TimeRange};

use super::order_history::InMemoryOrderHistory;
use crate::domain::performance::{
    DailyPerformance, EquityMark, EquityPoint, PerformanceReport, activity_buckets,
    daily_performance, equity_buckets,
};
use crate::domain::{AccountId, Amount};
use crate::repository::{
    DailyQuery, EquityQuery, EquityReceipt, PerformanceRepository, distinct_points, sum_error,
};

type Points = BTreeMap<(AccountId, DateTime<Utc>), EquityPoint>;

/// Equity points in memory, and the fills of an order history. Clones share them.
#[derive(Clone, Default)]
pub struct InMemoryPerformance {
    points: Arc<RwLock<Points>>,
    history: InMemoryOrderHistory,
}

impl InMemoryPerformance {
    /// No points, and the fills of `history`.
    #[must_use]
    pub fn new(history: InMemoryOrderHistory) -> Self {
        Self {
            points: Arc::default(),
            history,
        }
    }

    // a writer changes the points in steps that cannot panic halfway
    fn points(&self) -> RwLockReadGuard<'_, Points> {
        self.points.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_account(&self, account_id: AccountId, range: TimeRange) -> Vec<EquityPoint> {
        let bounds = (account_id, range.start())..(account_id, range.end());
        let points = self.points();
        points
            .range(bounds)
            .map(|(_, point)| point.clone())
            .collect()
    }
}

impl fmt::Debug for InMemoryPerformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryPerformance")
            .field("points", &self.points().len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl PerformanceRepository for InMemoryPerformance {
    async fn record_equity(
        &self,
        points: &[EquityPoint],
    ) -> Result<EquityReceipt, RepositoryError> {
        let (distinct, mut receipt) = distinct_points(points)?;
        let mut recorded = self.points.write().unwrap_or_else(PoisonError::into_inner);
        for point in distinct {
            match recorded.get(&(point.account_id, point.as_of)) {
                Some(first) => receipt.repeat(first, point),
                None => {
                    recorded.insert((point.account_id, point.as_of), point);
                    receipt.inserted += 1;
                }
            }
        }
        Ok(receipt)
    }

    async fn equity(
        &self,
        query: &EquityQuery,
    ) -> Result<Page<EquityPoint, DateTime<Utc>>, RepositoryError> {
        let mut points = self.of_account(query.account_id, query.range);
        points.retain(|point| query.after.is_none_or(|after| point.as_of > after));
        points.truncate(query.limit.get() + 1);
        Ok(Page::from_limit_plus_one(points, query.limit, |point| {
            point.as_of
        }))
    }

    async fn daily(&self, query: &DailyQuery) -> Result<Vec<DailyPerformance>, RepositoryError> {
        let (account_id, range) = (query.account_id, query.range());
        let before = TimeRange::new(TimeRange::all().start(), range.start());
        let before = before.map_err(RepositoryError::invalid)?;
        let opening = self.of_account(account_id, before).pop();
        let opening = opening.map(|point| EquityMark::new(point.as_of, point.equity));
        let points = self.of_account(account_id, range);
        let flows = points.iter().filter(|point| point.flows != Amount::ZERO);
        let flows: Vec<_> = flows.cloned().collect();
        let reports = self.history.fill_reports(account_id, range);
        let days = equity_buckets(&points).and_then(|equity| {
            let activity = activity_buckets(&reports)?;
            daily_performance(query.days(), opening, &equity, &flows, &activity)
        });
        days.map_err(|error| sum_error(account_id, error))
    }

    async fn report(&self, query: &DailyQuery) -> Result<PerformanceReport, RepositoryError> {
        let days = self.daily(query).await?;
        PerformanceReport::of(&days).map_err(|error| sum_error(query.account_id, error))
    }
}
