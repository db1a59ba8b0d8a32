//! Round trips, slippage and attribution as JSON.

use chrono::TimeDelta;
use serde::Serialize;
use tickbook_ledger::domain::Amount;
use tickbook_ledger::domain::performance::{
    Contribution, LatencySummary, Measured, RoundTripGrouping, RoundTripMatching, TradeReport,
};
use utoipa::ToSchema;

use super::performance::{MetricBody, fee_sums, measured};
use super::position::FeeSumBody;

/// The round trips that were closed within the days, and what orders and fills of the days earned and cost.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TradesBody {
    /// How fills make round trips.
    #[schema(value_type = String, example = "fill_to_fill")]
    pub grouping: &'static str,
    /// Which open fill a closing fill closes: fifo or lifo.
    #[schema(value_type = String, example = "fifo")]
    pub matching: &'static str,
    /// The number of round trips.
    #[schema(example = 8)]
    pub count: u64,
    /// The number of profits above zero.
    #[schema(example = 5)]
    pub wins: u64,
    /// The number of profits below zero.
    #[schema(example = 3)]
    pub losses: u64,
    /// The sum of the profits above zero, less the fees in the currency of the account.
    #[schema(value_type = String, example = "730")]
    pub gross_profit: Amount,
    /// The sum of the profits below zero, likewise.
    #[schema(value_type = String, example = "-280")]
    pub gross_loss: Amount,
    /// The sum of all profits, likewise.
    #[schema(value_type = String, example = "450")]
    pub net_profit: Amount,
    /// The largest profit above zero; null without one.
    #[schema(value_type = Option<String>, example = "300")]
    pub largest_win: Option<Amount>,
    /// The lowest profit below zero; null without one.
    #[schema(value_type = Option<String>, example = "-150")]
    pub largest_loss: Option<Amount>,
    /// `net_profit` divided by `count`; null without round trips.
    #[schema(value_type = Option<String>, example = "56.25")]
    pub expectancy: Option<Amount>,
    /// Ratios of the profits.
    pub metrics: Vec<MetricBody>,
    /// The slippage of the orders that were created on the days.
    pub slippage: SlippageBody,
    /// The latencies of the orders that were created on the days.
    pub latencies: LatenciesBody,
    /// Realized profits by strategy and symbol.
    pub by_strategy: Vec<StrategyContributionBody>,
    /// Realized profits by day.
    pub by_day: Vec<DayContributionBody>,
    /// Realized profits by order. A profit belongs to the order whose fill closed the quantity.
    pub by_order: Vec<OrderContributionBody>,
}

/// The cost of executions against the prices at the arrival of their orders. A cost is positive.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SlippageBody {
    /// The number of orders with an arrival price and fills.
    #[schema(example = 4)]
    pub orders: u64,
    /// The sum of the costs.
    #[schema(value_type = String, example = "-7")]
    pub cost: Amount,
    /// The costs in basis points of the values at the arrival prices; null without such orders.
    #[schema(example = -82.35)]
    pub basis_points: Option<f64>,
}

/// Latencies of orders: differences of the times of events. Times of reports are those of the venue, so a latency is a
/// difference of two clocks and may be negative. Null where no order has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LatenciesBody {
    /// From sending to the acknowledgement.
    pub acknowledgement: Option<LatencyBody>,
    /// From sending to the first fill.
    pub first_fill: Option<LatencyBody>,
    /// From the decision to the last fill.
    pub total: Option<LatencyBody>,
}

/// The latencies of several orders, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LatencyBody {
    /// The number of orders.
    #[schema(example = 3)]
    pub count: u64,
    /// The smallest.
    #[schema(example = -1200)]
    pub min_us: i64,
    /// The median; of an even number the lower of the two in the middle.
    #[schema(example = 3400)]
    pub median_us: i64,
    /// The largest.
    #[schema(example = 9100)]
    pub max_us: i64,
}

/// What fills contributed to the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContributionBody {
    /// The number of fills.
    #[schema(example = 2)]
    pub fills: u64,
    /// Price times quantity of purchases.
    #[schema(value_type = String, example = "400")]
    pub bought: Amount,
    /// Price times quantity of sales.
    #[schema(value_type = String, example = "336")]
    pub sold: Amount,
    /// The realized profit without fees.
    #[schema(value_type = String, example = "36")]
    pub realized: Amount,
    /// The fees by currency.
    pub fees: Vec<FeeSumBody>,
}

/// The contribution of a strategy in a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StrategyContributionBody {
    /// The strategy; null without one.
    pub strategy_id: Option<i64>,
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// The contribution.
    #[serde(flatten)]
    pub contribution: ContributionBody,
}

/// The contribution of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayContributionBody {
    /// The date.
    #[schema(example = "2024-05-02")]
    pub date: String,
    /// The contribution.
    #[serde(flatten)]
    pub contribution: ContributionBody,
}

/// The contribution of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderContributionBody {
    /// The order.
    #[schema(example = "a-1")]
    pub order_id: String,
    /// The contribution.
    #[serde(flatten)]
    pub contribution: ContributionBody,
}

impl From<LatencySummary> for LatencyBody {
    fn from(summary: LatencySummary) -> Self {
        // the times of two centuries differ by fewer than 2^63 microseconds
        let micros = |latency: TimeDelta| latency.num_microseconds().unwrap_or(i64::MAX);
        Self {
            count: summary.count,
            min_us: micros(summary.min),
            median_us: micros(summary.median),
            max_us: micros(summary.max),
        }
    }
}

impl From<&Contribution> for ContributionBody {
    fn from(contribution: &Contribution) -> Self {
        Self {
            fills: contribution.fills,
            bought: contribution.bought,
            sold: contribution.sold,
            realized: contribution.realized,
            fees: fee_sums(&contribution.fees),
        }
    }
}

fn metric(metric: &'static str, definition: &'static str, value: Measured) -> MetricBody {
    let (value, reason) = measured(value);
    MetricBody {
        metric,
        definition,
        value,
        reason,
    }
}

impl TradesBody {
    pub(crate) fn new(
        grouping: RoundTripGrouping,
        matching: RoundTripMatching,
        report: &TradeReport,
    ) -> Self {
        let statistics = &report.statistics;
        let attribution = &report.attribution;
        let by_key = attribution.by_key.iter();
        let by_day = attribution.by_day.iter();
        let by_order = attribution.by_order.iter();
        Self {
            grouping: grouping.as_str(),
            matching: matching.as_str(),
            count: statistics.count,
            wins: statistics.wins,
            losses: statistics.losses,
            gross_profit: statistics.gross_profit,
            gross_loss: statistics.gross_loss,
            net_profit: statistics.net_profit,
            largest_win: statistics.largest_win,
            largest_loss: statistics.largest_loss,
            expectancy: statistics.expectancy,
            metrics: vec![
                metric(
                    "profit_factor",
                    "profit_factor/round_trips",
                    statistics.profit_factor,
                ),
                metric(
                    "payoff_ratio",
                    "payoff_ratio/round_trips",
                    statistics.payoff_ratio,
                ),
                metric("win_rate", "win_rate/round_trips", statistics.win_rate),
                metric(
                    "expectancy",
                    "expectancy/ratio_round_trips",
                    statistics.expectancy_ratio,
                ),
            ],
            slippage: SlippageBody {
                orders: report.slippage.orders,
                cost: report.slippage.cost,
                basis_points: report.slippage.basis_points(),
            },
            latencies: LatenciesBody {
                acknowledgement: report.latencies.acknowledgement.map(Into::into),
                first_fill: report.latencies.first_fill.map(Into::into),
                total: report.latencies.total.map(Into::into),
            },
            by_strategy: by_key
                .map(|(key, it)| StrategyContributionBody {
                    strategy_id: key.strategy_id.map(|id| id.get()),
                    symbol_id: key.symbol_id.get(),
                    contribution: it.into(),
                })
                .collect(),
            by_day: by_day
                .map(|(date, it)| DayContributionBody {
                    date: date.to_string(),
                    contribution: it.into(),
                })
                .collect(),
            by_order: by_order
                .map(|(order_id, it)| OrderContributionBody {
                    order_id: order_id.as_str().to_owned(),
                    contribution: it.into(),
                })
                .collect(),
        }
    }
}
