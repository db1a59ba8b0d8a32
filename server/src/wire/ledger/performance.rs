//! The performance of an account as JSON.

use serde::Serialize;
use tickbook_ledger::domain::Amount;
use tickbook_ledger::domain::performance::{
    Activity, AttributionKey, DailyPerformance, Drawdown, Fees, Measured, MetricValue,
    PerformanceReport,
};
use utoipa::ToSchema;

use super::equity::EquityMarkBody;
use super::position::FeeSumBody;
use super::trades::TradesBody;
use crate::wire::TimeText;

/// The performance of an account over several days.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "account_id": 1, "time_zone": "America/New_York", "from": "2024-05-01", "to": "2024-06-01", "returns": 1,
    "opening": {"as_of": "2024-05-01T20:00:00.000000Z", "equity": "10000"},
    "closing": {"as_of": "2024-05-02T20:00:00.000000Z", "equity": "10600"},
    "flows": "500", "profit": "100", "ruined_at": null, "drawdown_by_amount": null, "drawdown_by_ratio": null,
    "metrics": [{"metric": "win_rate", "definition": "win_rate/all", "value": 1.0, "reason": null}],
    "activity": [], "days": [], "trades": null
}))]
pub struct PerformanceBody {
    /// The account.
    #[schema(example = 1)]
    pub account_id: i64,
    /// The IANA name of the time zone that divides the days.
    #[schema(example = "America/New_York")]
    pub time_zone: String,
    /// The first day.
    #[schema(example = "2024-05-01")]
    pub from: String,
    /// The day after the last one.
    #[schema(example = "2024-06-01")]
    pub to: String,
    /// The number of days with a return.
    #[schema(example = 1)]
    pub returns: u64,
    /// The equity before the first return, or the first known equity; null without equity.
    pub opening: Option<EquityMarkBody>,
    /// The last equity; null without equity.
    pub closing: Option<EquityMarkBody>,
    /// Deposits less withdrawals of the days after `opening`.
    #[schema(value_type = String, example = "500")]
    pub flows: Amount,
    /// The change of the equity without the flows; null without equity.
    #[schema(value_type = Option<String>, example = "100")]
    pub profit: Option<Amount>,
    /// The end of the first day on which the equity was zero or below; null if there is none. Later days have no return.
    pub ruined_at: Option<TimeText>,
    /// The largest drawdown in money; null if the equity never fell.
    pub drawdown_by_amount: Option<DrawdownBody>,
    /// The largest drawdown in relation to the highest equity; null if the equity never fell.
    pub drawdown_by_ratio: Option<DrawdownBody>,
    /// Metrics of the returns of the days, one for each definition.
    pub metrics: Vec<MetricBody>,
    /// Counts and sums of fills, by strategy and symbol.
    pub activity: Vec<ActivityBody>,
    /// The days that have equity points or fills.
    pub days: Vec<DayBody>,
    /// Round trips, slippage and attribution; null without the parameter `round_trips`.
    pub trades: Option<TradesBody>,
}

/// A metric under a named definition.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MetricBody {
    /// The metric.
    #[schema(value_type = String, example = "sharpe")]
    pub metric: &'static str,
    /// The definition.
    #[schema(value_type = String, example = "sharpe/sample_sd_252")]
    pub definition: &'static str,
    /// The number; null if the definition gives none.
    #[schema(example = 1.932)]
    pub value: Option<f64>,
    /// Why there is no number, such as zero_variance; null with a number.
    #[schema(value_type = Option<String>, example = "zero_variance")]
    pub reason: Option<&'static str>,
}

/// A fall of the equity, without flows, at the ends of days.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DrawdownBody {
    /// The last instant at the highest value.
    pub peak_at: TimeText,
    /// The first instant at the lowest value.
    pub trough_at: TimeText,
    /// The first instant at which the highest value was reached again; null if it was not.
    pub recovered_at: Option<TimeText>,
    /// The fall, greater than zero.
    #[schema(value_type = String, example = "250")]
    pub amount: Amount,
    /// The fall as a part of the highest value; null if that is zero or below.
    #[schema(example = 0.025)]
    pub ratio: Option<f64>,
}

/// Counts and sums of reports about fills, as the venue sent them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActivityBody {
    /// The strategy; null without one.
    pub strategy_id: Option<i64>,
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// The number of new fills.
    pub fills: u64,
    /// The number of busts.
    pub busts: u64,
    /// The number of corrections.
    pub corrections: u64,
    /// Price times quantity of new purchases.
    #[schema(value_type = String, example = "396")]
    pub bought: Amount,
    /// Price times quantity of new sales.
    #[schema(value_type = String, example = "0")]
    pub sold: Amount,
    /// The fees of new fills, by currency.
    pub fees: Vec<FeeSumBody>,
}

/// The performance of an account on a day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayBody {
    /// The date.
    #[schema(example = "2024-05-02")]
    pub date: String,
    /// The first instant of the day.
    pub from: TimeText,
    /// The first instant of the next day.
    pub to: TimeText,
    /// The last equity before the day; null if none is known.
    pub opening: Option<EquityMarkBody>,
    /// The last equity within the day; null if none is known.
    pub closing: Option<EquityMarkBody>,
    /// Deposits less withdrawals.
    #[schema(value_type = String, example = "500")]
    pub flows: Amount,
    /// The change of the equity without the flows; null if an equity is unknown.
    #[schema(value_type = Option<String>, example = "100")]
    pub profit: Option<Amount>,
    /// The time-weighted return; null without one.
    #[schema(example = 0.01)]
    pub time_weighted_return: Option<f64>,
    /// Why there is no return; null with one.
    #[schema(value_type = Option<String>, example = "no_opening_equity")]
    pub reason: Option<&'static str>,
    /// The number of equity points.
    #[schema(example = 1)]
    pub points: u64,
    /// Counts and sums of fills, by strategy and symbol.
    pub activity: Vec<ActivityBody>,
}

/// A number and the reason why there is none, of which one is null.
pub(super) fn measured(value: Measured) -> (Option<f64>, Option<&'static str>) {
    match value {
        Ok(number) => (Some(number), None),
        Err(reason) => (None, Some(reason.as_str())),
    }
}

pub(super) fn fee_sums(fees: &Fees) -> Vec<FeeSumBody> {
    let sums = fees
        .by_currency
        .iter()
        .map(|(currency, amount)| FeeSumBody {
            currency: currency.as_str().to_owned(),
            amount: *amount,
        });
    sums.collect()
}

impl From<MetricValue> for MetricBody {
    fn from(metric: MetricValue) -> Self {
        let (value, reason) = measured(metric.value);
        Self {
            metric: metric.definition.metric(),
            definition: metric.definition.as_str(),
            value,
            reason,
        }
    }
}

impl From<Drawdown> for DrawdownBody {
    fn from(drawdown: Drawdown) -> Self {
        Self {
            peak_at: TimeText(drawdown.peak_at),
            trough_at: TimeText(drawdown.trough_at),
            recovered_at: drawdown.recovered_at.map(TimeText),
            amount: drawdown.amount,
            ratio: drawdown.ratio,
        }
    }
}

impl ActivityBody {
    fn new(key: AttributionKey, activity: &Activity) -> Self {
        Self {
            strategy_id: key.strategy_id.map(|id| id.get()),
            symbol_id: key.symbol_id.get(),
            fills: activity.fills,
            busts: activity.busts,
            corrections: activity.corrections,
            bought: activity.bought,
            sold: activity.sold,
            fees: fee_sums(&activity.fees),
        }
    }
}

impl From<DailyPerformance> for DayBody {
    fn from(day: DailyPerformance) -> Self {
        // an amount that is out of range has no text
        let profit = day.profit().ok().flatten();
        let (time_weighted_return, reason) = measured(day.time_weighted_return);
        let activity = day.activity.iter();
        Self {
            date: day.day.date.to_string(),
            from: TimeText(day.day.from),
            to: TimeText(day.day.to),
            opening: day.opening.map(Into::into),
            closing: day.closing.map(Into::into),
            flows: day.flows,
            profit,
            time_weighted_return,
            reason,
            points: day.points,
            activity: activity
                .map(|(key, it)| ActivityBody::new(*key, it))
                .collect(),
        }
    }
}

/// The days that a report is about.
#[derive(Debug)]
pub(crate) struct ReportedDays {
    pub(crate) account_id: i64,
    pub(crate) time_zone: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) days: Vec<DailyPerformance>,
}

impl PerformanceBody {
    pub(crate) fn new(
        asked: ReportedDays,
        report: PerformanceReport,
        trades: Option<TradesBody>,
    ) -> Self {
        let activity = report.activity.iter();
        Self {
            account_id: asked.account_id,
            time_zone: asked.time_zone,
            from: asked.from,
            to: asked.to,
            returns: report.returns,
            opening: report.opening.map(Into::into),
            closing: report.closing.map(Into::into),
            flows: report.flows,
            profit: report.profit,
            ruined_at: report.ruined_at.map(TimeText),
            drawdown_by_amount: report.drawdowns.by_amount.map(Into::into),
            drawdown_by_ratio: report.drawdowns.by_ratio.map(Into::into),
            activity: activity
                .map(|it| ActivityBody::new(it.key, &it.activity))
                .collect(),
            metrics: report.metrics.into_iter().map(Into::into).collect(),
            days: asked.days.into_iter().map(Into::into).collect(),
            trades,
        }
    }
}
