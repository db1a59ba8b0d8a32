//! Named definitions of metrics of returns.

use super::drawdown::max_drawdown;
use super::ratios::{
    Deviation, deviation, downside, finite, gains, growth, losses, mean, per_deviation, product,
    sum, tail_gaussian, tail_gaussian_mean, tail_linear, tail_linear_mean, tail_lower,
    tail_lower_mean,
};
use super::undefined::{Measured, Undefined};
use crate::domain::names::names;

/// A metric of returns with its formula. Definitions of one metric give different numbers for the same returns, so a
/// number is only comparable with numbers of the same definition.
///
/// A name is the metric, `/`, and the definition: `sharpe/sample_sd_252`. A number at the end is the number of periods in
/// a year. `r` are the returns of the periods, `n` is their number, and equity is 1 before the first return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Definition {
    /// The product of `1 + r`, less 1.
    TotalReturn,
    /// `product(1 + r)^(252 / n) - 1`.
    CagrCompound252,
    /// `product(1 + r)^(365 / days) - 1`, with the days between the first and the last equity.
    CagrCalendar365,
    /// The geometric mean: `product(1 + r)^(1 / n) - 1`.
    ExpectedReturnGeometric,
    /// The standard deviation with the divisor n - 1, times the root of 252.
    VolatilitySample252,
    /// As [`VolatilitySample252`](Self::VolatilitySample252), for 365 periods a year.
    VolatilitySample365,
    /// The mean divided by the standard deviation with the divisor n - 1, times the root of 252.
    SharpeSample252,
    /// As [`SharpeSample252`](Self::SharpeSample252), for 365 periods a year.
    SharpeSample365,
    /// The mean divided by the standard deviation with the divisor n, times the root of 252.
    SharpePopulation252,
    /// `((1 + mean)^252 - 1)` divided by [`VolatilitySample252`](Self::VolatilitySample252).
    SharpeCompound252,
    /// The mean divided by the root mean square of the losses over all n, times the root of 252.
    SortinoAll252,
    /// As [`SortinoAll252`](Self::SortinoAll252), for 365 periods a year.
    SortinoAll365,
    /// The mean divided by the standard deviation of the losses with the divisor of their number less 1, times the root
    /// of 252.
    SortinoLosses252,
    /// The root mean square of the losses over all n, times the root of 252.
    DownsideRisk252,
    /// The lowest equity in relation to the highest one before it, less 1.
    MaxDrawdown,
    /// [`CagrCompound252`](Self::CagrCompound252) divided by the magnitude of [`MaxDrawdown`](Self::MaxDrawdown).
    CalmarCompound252,
    /// The 5 % percentile of the returns, interpolated between the two nearest returns.
    Var95Linear,
    /// The nearest return at or below the 5 % percentile.
    Var95Lower,
    /// The 5 % quantile of a normal distribution: `mean - 1.645 sd`, with the divisor n - 1.
    Var95Gaussian,
    /// The mean of the returns not above [`Var95Linear`](Self::Var95Linear).
    Cvar95Linear,
    /// The mean of the returns up to [`Var95Lower`](Self::Var95Lower) in ascending order.
    Cvar95Lower,
    /// The mean of the lowest 5 % of a normal distribution: `mean - 2.063 sd`, with the divisor n - 1.
    Cvar95Gaussian,
    /// The sum of the gains divided by the magnitude of the sum of the losses.
    ProfitFactor,
    /// As [`ProfitFactor`](Self::ProfitFactor), from two returns on.
    OmegaZero,
    /// The mean gain divided by the magnitude of the mean loss.
    PayoffRatio,
    /// The mean of the returns above zero.
    AverageWin,
    /// The mean of the returns below zero.
    AverageLoss,
    /// The number of gains divided by the number of returns that are not zero.
    WinRateDecided,
    /// The number of gains divided by n.
    WinRateAll,
    /// The mean.
    Expectancy,
}

names!(Definition, "definition" {
    TotalReturn => "total_return/compound",
    CagrCompound252 => "cagr/compound_252",
    CagrCalendar365 => "cagr/calendar_365",
    ExpectedReturnGeometric => "expected_return/geometric",
    VolatilitySample252 => "volatility/sample_sd_252",
    VolatilitySample365 => "volatility/sample_sd_365",
    SharpeSample252 => "sharpe/sample_sd_252",
    SharpeSample365 => "sharpe/sample_sd_365",
    SharpePopulation252 => "sharpe/population_sd_252",
    SharpeCompound252 => "sharpe/compound_252",
    SortinoAll252 => "sortino/all_returns_252",
    SortinoAll365 => "sortino/all_returns_365",
    SortinoLosses252 => "sortino/losses_sd_252",
    DownsideRisk252 => "downside_risk/all_returns_252",
    MaxDrawdown => "max_drawdown/compound",
    CalmarCompound252 => "calmar/compound_252",
    Var95Linear => "var_95/historical_linear",
    Var95Lower => "var_95/historical_lower",
    Var95Gaussian => "var_95/gaussian",
    Cvar95Linear => "cvar_95/historical_linear",
    Cvar95Lower => "cvar_95/historical_lower",
    Cvar95Gaussian => "cvar_95/gaussian",
    ProfitFactor => "profit_factor/returns",
    OmegaZero => "omega/zero_threshold",
    PayoffRatio => "payoff_ratio/mean",
    AverageWin => "average_win/mean",
    AverageLoss => "average_loss/mean",
    WinRateDecided => "win_rate/decided",
    WinRateAll => "win_rate/all",
    Expectancy => "expectancy/mean",
});

/// The returns of periods of equal length, in ascending order of time.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::performance::{Definition, ReturnSeries, Undefined};
///
/// let series = ReturnSeries::new(vec![0.01, -0.02, 0.03]);
/// assert!(series.measure(Definition::SharpeSample252).is_ok());
/// let constant = ReturnSeries::new(vec![0.01, 0.01, 0.01]);
/// assert_eq!(constant.measure(Definition::SharpeSample252), Err(Undefined::ZeroVariance));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ReturnSeries {
    /// The returns, such as 0.01 for one per cent.
    pub values: Vec<f64>,
    /// The days between the first and the last equity; `None` if they are unknown.
    pub days: Option<f64>,
}

/// A metric of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MetricValue {
    /// The definition.
    pub definition: Definition,
    /// The number, or the reason why there is none.
    pub value: Measured,
}

impl Definition {
    /// The metric, such as `sharpe`: the name up to `/`.
    #[must_use]
    pub fn metric(self) -> &'static str {
        self.as_str().split('/').next().unwrap_or_default()
    }

    /// The number of periods in a year that the definition assumes; `None` if it assumes none.
    #[must_use]
    pub fn periods_per_year(self) -> Option<u32> {
        // a number after `95` of a metric is no number of periods
        let (_, name) = self.as_str().split_once('/')?;
        name.rsplit_once('_')?.1.parse().ok()
    }
}

impl ReturnSeries {
    /// Returns without a known span.
    #[must_use]
    pub fn new(values: Vec<f64>) -> Self {
        Self { values, days: None }
    }

    /// Returns this series with the days between its first and last equity.
    #[must_use]
    pub fn with_days(mut self, days: impl Into<Option<f64>>) -> Self {
        self.days = days.into();
        self
    }

    /// All definitions, in their order.
    #[must_use]
    pub fn measure_all(&self) -> Vec<MetricValue> {
        let values = Definition::ALL.iter().map(|definition| MetricValue {
            definition: *definition,
            value: self.measure(*definition),
        });
        values.collect()
    }

    /// One metric.
    ///
    /// # Errors
    /// The reason why the definition gives no number for these returns.
    pub fn measure(&self, definition: Definition) -> Measured {
        let values = self.values.as_slice();
        if values.is_empty() {
            return Err(Undefined::TooFewReturns);
        }
        match definition {
            Definition::TotalReturn => Ok(product(values)? - 1.0),
            Definition::CagrCompound252 => annual_growth(values),
            Definition::CagrCalendar365 => {
                calendar_growth(growth(values)?, self.days.ok_or(Undefined::NoSpan)?)
            }
            Definition::ExpectedReturnGeometric => {
                finite(growth(values)?.powf(1.0 / values.len() as f64) - 1.0)
            }
            Definition::VolatilitySample252 => annual_volatility(values, 252.0),
            Definition::VolatilitySample365 => annual_volatility(values, 365.0),
            Definition::SharpeSample252 => sharpe(values, Deviation::Sample, 252.0),
            Definition::SharpeSample365 => sharpe(values, Deviation::Sample, 365.0),
            Definition::SharpePopulation252 => sharpe(values, Deviation::Population, 252.0),
            Definition::SharpeCompound252 => {
                let deviation = deviation(values, Deviation::Sample)?;
                // refuses a deviation that is rounding noise
                per_deviation(mean(values)?, deviation)?;
                let annual = (1.0 + mean(values)?).powi(252) - 1.0;
                finite(annual / (deviation * 252.0_f64.sqrt()))
            }
            Definition::SortinoAll252 => sortino(values, 252.0),
            Definition::SortinoAll365 => sortino(values, 365.0),
            Definition::SortinoLosses252 => {
                let losses = losses(values);
                if losses.is_empty() {
                    return Err(Undefined::NoLosses);
                }
                let deviation = deviation(&losses, Deviation::Sample)?;
                // the deviation of equal losses is rounding noise
                per_deviation(mean(&losses)?, deviation)?;
                finite(mean(values)? / deviation * 252.0_f64.sqrt())
            }
            Definition::DownsideRisk252 => finite(downside(values)? * 252.0_f64.sqrt()),
            Definition::MaxDrawdown => finite(max_drawdown(values).map_or(0.0, |it| it.depth)),
            Definition::CalmarCompound252 => {
                let growth = annual_growth(values)?;
                let depth = max_drawdown(values).ok_or(Undefined::NoDrawdown)?.depth;
                finite(growth / depth.abs())
            }
            Definition::Var95Linear => tail_linear(values),
            Definition::Var95Lower => tail_lower(values),
            Definition::Var95Gaussian => tail_gaussian(values),
            Definition::Cvar95Linear => tail_linear_mean(values),
            Definition::Cvar95Lower => tail_lower_mean(values),
            Definition::Cvar95Gaussian => tail_gaussian_mean(values),
            Definition::ProfitFactor => gains_per_losses(values),
            Definition::OmegaZero if values.len() < 2 => Err(Undefined::TooFewReturns),
            Definition::OmegaZero => gains_per_losses(values),
            Definition::PayoffRatio => finite(average_win(values)? / average_loss(values)?.abs()),
            Definition::AverageWin => average_win(values),
            Definition::AverageLoss => average_loss(values),
            Definition::WinRateDecided => {
                let (wins, losses) = (gains(values).len(), losses(values).len());
                match wins + losses {
                    0 => Err(Undefined::NoDecisions),
                    decided => Ok(wins as f64 / decided as f64),
                }
            }
            Definition::WinRateAll => Ok(gains(values).len() as f64 / values.len() as f64),
            Definition::Expectancy => mean(values),
        }
    }
}

/// The growth per year of 365 days, less 1, of an equity that grew to `growth` times its first value within `days`.
///
/// # Errors
/// `growth` is zero or below, or `days` is not above zero.
pub fn calendar_growth(growth: f64, days: f64) -> Measured {
    if days.is_nan() || days <= 0.0 {
        return Err(Undefined::NoSpan);
    }
    match growth > 0.0 {
        true => finite(growth.powf(365.0 / days) - 1.0),
        false => Err(Undefined::Ruined),
    }
}

fn annual_growth(values: &[f64]) -> Measured {
    finite(growth(values)?.powf(252.0 / values.len() as f64) - 1.0)
}

fn annual_volatility(values: &[f64], periods: f64) -> Measured {
    finite(deviation(values, Deviation::Sample)? * periods.sqrt())
}

fn sharpe(values: &[f64], kind: Deviation, periods: f64) -> Measured {
    let ratio = per_deviation(mean(values)?, deviation(values, kind)?)?;
    finite(ratio * periods.sqrt())
}

fn sortino(values: &[f64], periods: f64) -> Measured {
    if values.len() < 2 {
        return Err(Undefined::TooFewReturns);
    }
    let downside = downside(values)?;
    match downside == 0.0 {
        true => Err(Undefined::NoLosses),
        false => finite(mean(values)? / downside * periods.sqrt()),
    }
}

fn gains_per_losses(values: &[f64]) -> Measured {
    let losses = losses(values);
    match losses.is_empty() {
        true => Err(Undefined::NoLosses),
        false => finite(sum(gains(values)) / sum(losses).abs()),
    }
}

fn average_win(values: &[f64]) -> Measured {
    mean(&gains(values)).map_err(|_| Undefined::NoGains)
}

fn average_loss(values: &[f64]) -> Measured {
    mean(&losses(values)).map_err(|_| Undefined::NoLosses)
}
