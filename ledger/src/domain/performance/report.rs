//! The performance of an account over several days.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::attribution::AttributionKey;
use super::buckets::EquityMark;
use super::days::{Activity, DailyPerformance};
use super::definitions::{MetricValue, ReturnSeries};
use super::drawdown::{Drawdowns, drawdowns};
use super::undefined::Undefined;
use crate::domain::amount::{Amount, AmountError};

/// What a strategy did in a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymbolActivity {
    /// The strategy and the symbol.
    pub key: AttributionKey,
    /// Counts and sums of fills.
    pub activity: Activity,
}

/// The performance of an account over several days. Ratios are computed from the returns of all days; ratios of days
/// are never averaged.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PerformanceReport {
    /// The number of days with a return.
    pub returns: u64,
    /// The equity before the first return, or the first known equity; `None` without equity.
    pub opening: Option<EquityMark>,
    /// The last equity.
    pub closing: Option<EquityMark>,
    /// Deposits less withdrawals of the days after `opening`.
    pub flows: Amount,
    /// The change of the equity without the flows; `None` without equity.
    pub profit: Option<Amount>,
    /// The end of the first day on which the equity was zero or below. Returns after it do not count.
    pub ruined_at: Option<DateTime<Utc>>,
    /// The largest drawdowns of the equity at the ends of days, without flows: in money, and in relation to the highest
    /// equity.
    pub drawdowns: Drawdowns,
    /// All definitions, from the returns of the days.
    pub metrics: Vec<MetricValue>,
    /// Counts and sums of fills, by strategy and symbol.
    pub activity: Vec<SymbolActivity>,
}

impl PerformanceReport {
    /// The report of days in ascending order.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn of(days: &[DailyPerformance]) -> Result<Self, AmountError> {
        let mut returns = Vec::new();
        let (mut opening, mut closing) = (None, None);
        let (mut flows, mut ruined_at) = (Amount::ZERO, None);
        let mut sums: BTreeMap<AttributionKey, Activity> = BTreeMap::new();
        let mut without_flows = Vec::new();
        for day in days {
            for (key, activity) in &day.activity {
                sums.entry(*key).or_default().add_all(activity)?;
            }
            let Some(mark) = day.closing else { continue };
            match day.opening {
                // the flows of the first known equity are part of it
                None => opening = opening.or(Some(mark)),
                Some(first) => {
                    opening = opening.or(Some(first));
                    flows = flows.plus(day.flows)?;
                }
            }
            if let (Some(first), true) = (opening, without_flows.is_empty()) {
                without_flows.push((first.as_of, first.equity));
            }
            if ruined_at.is_none() {
                match day.time_weighted_return {
                    Ok(value) => returns.push(value),
                    Err(Undefined::Ruined) => ruined_at = Some(day.day.to),
                    Err(_) => {}
                }
                if mark.equity <= Amount::ZERO {
                    ruined_at = Some(day.day.to);
                }
            }
            without_flows.push((mark.as_of, mark.equity.minus(flows)?));
            closing = Some(mark);
        }
        let span = opening
            .zip(closing)
            .map(|(first, last): (EquityMark, EquityMark)| {
                (last.as_of - first.as_of).as_seconds_f64() / 86_400.0
            });
        let change = opening.zip(closing).map(|(first, last)| {
            let change = last.equity.minus(first.equity)?;
            change.minus(flows)
        });
        let count = returns.len() as u64;
        let activity = sums.into_iter();
        Ok(Self {
            returns: count,
            opening,
            closing,
            flows,
            profit: change.transpose()?,
            ruined_at,
            drawdowns: drawdowns(&without_flows)?,
            metrics: ReturnSeries::new(returns).with_days(span).measure_all(),
            activity: activity
                .map(|(key, activity)| SymbolActivity { key, activity })
                .collect(),
        })
    }
}
