//! Time-weighted returns: returns without the effect of deposits and withdrawals.

use chrono::{DateTime, Utc};

use super::equity::EquityPoint;
use crate::domain::amount::{Amount, AmountError};

/// The return between two equity points.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PeriodReturn {
    /// The time of the first point.
    pub from: DateTime<Utc>,
    /// The time of the second point.
    pub to: DateTime<Utc>,
    /// The return, such as 0.01 for one per cent.
    pub value: f64,
}

/// The returns between equity points.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct TimeWeightedReturns {
    /// The returns in ascending order of time, one fewer than the points.
    pub returns: Vec<PeriodReturn>,
    /// The first instant at which the equity was zero or below. There is no return after it.
    pub ruined_at: Option<DateTime<Utc>>,
}

impl TimeWeightedReturns {
    /// The returns without their times.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.returns.iter().map(|it| it.value).collect()
    }
}

/// The returns between points in ascending order of time.
///
/// The return of a point is `(equity - flows) / previous equity - 1`: flows count at the instant of their point, after
/// the profit of the period. So record a point when money arrives or leaves.
///
/// # Errors
/// A difference of amounts is out of range.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use tickbook_ledger::domain::AccountId;
/// use tickbook_ledger::domain::performance::{EquityPoint, time_weighted_returns};
///
/// let point = |hour, equity: &str| {
///     let time = DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
///     let equity = equity.parse().expect("an amount");
///     EquityPoint::new(AccountId::new(7), time, equity, equity, "broker")
/// };
/// // a profit of 10, and a deposit of 500
/// let points = [point(0, "1000"), point(1, "1510").with_flows("500".parse()?)];
/// let found = time_weighted_returns(&points)?;
/// assert_eq!(found.values(), [0.01]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn time_weighted_returns(points: &[EquityPoint]) -> Result<TimeWeightedReturns, AmountError> {
    let mut found = TimeWeightedReturns::default();
    let mut points = points.iter();
    let Some(mut previous) = points.next() else {
        return Ok(found);
    };
    let is_ruin = |point: &EquityPoint| point.equity <= Amount::ZERO;
    found.ruined_at = is_ruin(previous).then_some(previous.as_of);
    for point in points {
        if found.ruined_at.is_some() {
            break;
        }
        let without_flows = point.equity.minus(point.flows)?;
        let profit = without_flows.minus(previous.equity)?;
        // the previous equity is above zero
        if let Some(value) = profit.ratio(previous.equity) {
            found.returns.push(PeriodReturn {
                from: previous.as_of,
                to: point.as_of,
                value,
            });
        }
        found.ruined_at = is_ruin(point).then_some(point.as_of);
        previous = point;
    }
    Ok(found)
}
