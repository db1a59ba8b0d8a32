//! Sums of 15 minutes, from which days of any time zone are summed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::SymbolId;

use super::equity::EquityPoint;
use crate::domain::amount::{Amount, AmountError};
use crate::domain::history::{FillReport, FillReportKind};
use crate::domain::ids::{Currency, StrategyId};
use crate::domain::order_terms::Side;

/// The width of a bucket. Offsets of time zones are whole multiples of it since 1980. Before, some zones have a midnight
/// within a bucket, which then belongs to the day in which it starts.
pub const BUCKET: TimeDelta = TimeDelta::minutes(15);

/// The equity at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityMark {
    /// The instant.
    pub as_of: DateTime<Utc>,
    /// The equity.
    pub equity: Amount,
}

impl EquityMark {
    /// The equity at an instant.
    #[must_use]
    pub fn new(as_of: DateTime<Utc>, equity: Amount) -> Self {
        Self { as_of, equity }
    }
}

/// The equity points of an account within 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityBucket {
    /// The start, a whole multiple of 15 minutes.
    pub open_time: DateTime<Utc>,
    /// The number of points.
    pub points: u64,
    /// The last point.
    pub last: EquityMark,
    /// The lowest equity.
    pub low: Amount,
    /// The sum of the flows.
    pub flows: Amount,
}

/// The reports about fills of a strategy in a symbol within 15 minutes, as the venue sent them: a bust or a correction
/// is counted when it was reported, and does not change the sums of the fill.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityBucket {
    /// The start, a whole multiple of 15 minutes.
    pub open_time: DateTime<Utc>,
    /// The strategy of the orders; `None` without one.
    pub strategy_id: Option<StrategyId>,
    /// The instrument.
    pub symbol_id: SymbolId,
    /// The currency of `fees`; `None` for the reports without a fee.
    pub fee_currency: Option<Currency>,
    /// The number of new fills.
    pub fills: u64,
    /// The number of busts.
    pub busts: u64,
    /// The number of corrections.
    pub corrections: u64,
    /// Price times quantity of new purchases.
    pub bought: Amount,
    /// Price times quantity of new sales.
    pub sold: Amount,
    /// The fees of new fills.
    pub fees: Amount,
}

impl ActivityBucket {
    /// Sums of nothing.
    #[must_use]
    pub fn new(
        open_time: DateTime<Utc>,
        strategy_id: Option<StrategyId>,
        symbol_id: SymbolId,
        fee_currency: Option<Currency>,
    ) -> Self {
        Self {
            open_time,
            strategy_id,
            symbol_id,
            fee_currency,
            fills: 0,
            busts: 0,
            corrections: 0,
            bought: Amount::ZERO,
            sold: Amount::ZERO,
            fees: Amount::ZERO,
        }
    }
}

/// The start of the bucket of an instant.
#[must_use]
pub fn bucket_start(time: DateTime<Utc>) -> DateTime<Utc> {
    let past = time.timestamp_micros().rem_euclid(15 * 60 * 1_000_000);
    time - TimeDelta::microseconds(past)
}

/// Sums points in ascending order of time.
///
/// # Errors
/// A sum is out of range.
pub(crate) fn equity_buckets<'a>(
    points: impl IntoIterator<Item = &'a EquityPoint>,
) -> Result<Vec<EquityBucket>, AmountError> {
    let mut buckets: Vec<EquityBucket> = Vec::new();
    for point in points {
        let open_time = bucket_start(point.as_of);
        let last = EquityMark::new(point.as_of, point.equity);
        if let Some(bucket) = buckets.last_mut().filter(|it| it.open_time == open_time) {
            bucket.points += 1;
            bucket.last = last;
            bucket.low = bucket.low.min(point.equity);
            bucket.flows = bucket.flows.plus(point.flows)?;
            continue;
        }
        buckets.push(EquityBucket {
            open_time,
            points: 1,
            last,
            low: point.equity,
            flows: point.flows,
        });
    }
    Ok(buckets)
}

/// Sums reports about fills, by start, strategy, symbol and currency of the fee.
///
/// # Errors
/// A sum is out of range.
pub(crate) fn activity_buckets<'a>(
    reports: impl IntoIterator<Item = &'a FillReport>,
) -> Result<Vec<ActivityBucket>, AmountError> {
    let mut buckets = BTreeMap::new();
    for report in reports {
        let open_time = bucket_start(report.trade_time);
        let currency = report.fee.as_ref().map(|fee| fee.currency.clone());
        let key = (
            open_time,
            report.strategy_id,
            report.symbol_id,
            currency.clone(),
        );
        let bucket = buckets.entry(key).or_insert_with(|| {
            ActivityBucket::new(open_time, report.strategy_id, report.symbol_id, currency)
        });
        match report.kind {
            FillReportKind::Busted => bucket.busts += 1,
            FillReportKind::Corrected => bucket.corrections += 1,
            FillReportKind::Filled => {
                bucket.fills += 1;
                if let Some((quantity, price)) = report.last {
                    let sum = match report.side {
                        Side::Buy => &mut bucket.bought,
                        Side::Sell => &mut bucket.sold,
                    };
                    *sum = sum.plus(Amount::of(price, quantity)?)?;
                }
                if let Some(fee) = &report.fee {
                    bucket.fees = bucket.fees.plus(Amount::try_from(fee.amount)?)?;
                }
            }
        }
    }
    Ok(buckets.into_values().collect())
}
