//! Statistics of round trips.

use rust_decimal::Decimal;

use super::ratios::finite;
use super::round_trip::RoundTrip;
use super::undefined::{Measured, Undefined};
use crate::domain::amount::{Amount, AmountError};
use crate::domain::ids::Currency;

/// Counts, sums and ratios of the profits of round trips. A profit of zero is neither a win nor a loss.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::performance::TradeStatistics;
///
/// let profits = ["100", "200", "50", "-150", "300", "-100", "80", "-30"].map(|text| text.parse().expect("an amount"));
/// let statistics = TradeStatistics::of_profits(&profits)?;
/// assert_eq!(statistics.expectancy.map(|it| it.to_string()).as_deref(), Some("56.25"));
/// assert_eq!(statistics.win_rate, Ok(0.625));
/// # Ok::<_, tickbook_ledger::domain::AmountError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TradeStatistics {
    /// The number of round trips.
    pub count: u64,
    /// The number of profits above zero.
    pub wins: u64,
    /// The number of profits below zero.
    pub losses: u64,
    /// The sum of the profits above zero.
    pub gross_profit: Amount,
    /// The sum of the profits below zero; zero or negative.
    pub gross_loss: Amount,
    /// The sum of all profits.
    pub net_profit: Amount,
    /// The largest profit above zero.
    pub largest_win: Option<Amount>,
    /// The lowest profit below zero.
    pub largest_loss: Option<Amount>,
    /// `net_profit / count`, rounded half to even at 24 decimal places; `None` without round trips.
    pub expectancy: Option<Amount>,
    /// `(1 + payoff_ratio) * wins / count - 1`: the expectancy in relation to the mean loss.
    pub expectancy_ratio: Measured,
    /// `gross_profit` divided by the magnitude of `gross_loss`.
    pub profit_factor: Measured,
    /// The mean win divided by the magnitude of the mean loss.
    pub payoff_ratio: Measured,
    /// Wins divided by wins and losses.
    pub win_rate: Measured,
}

impl TradeStatistics {
    /// The statistics of profits less the fees in `currency`.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn of(trips: &[RoundTrip], currency: &Currency) -> Result<Self, AmountError> {
        let profits = trips.iter().map(|trip| trip.net_profit(currency));
        Self::of_profits(&profits.collect::<Result<Vec<_>, _>>()?)
    }

    /// The statistics of profits.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn of_profits(profits: &[Amount]) -> Result<Self, AmountError> {
        let sum = |values: &[Amount]| values.iter().copied().try_fold(Amount::ZERO, Amount::plus);
        let positive = profits.iter().copied().filter(|it| *it > Amount::ZERO);
        let negative = profits.iter().copied().filter(|it| *it < Amount::ZERO);
        let (positive, negative): (Vec<_>, Vec<_>) = (positive.collect(), negative.collect());
        let (gross_profit, gross_loss) = (sum(&positive)?, sum(&negative)?);
        let net_profit = gross_profit.plus(gross_loss)?;
        let (count, wins, losses) = (
            profits.len() as u64,
            positive.len() as u64,
            negative.len() as u64,
        );
        let expectancy = match count {
            0 => None,
            _ => Some(Amount::quotient(net_profit, Decimal::from(count))?),
        };
        let profit_factor = match (count, losses) {
            (0, _) => Err(Undefined::TooFewReturns),
            (_, 0) => Err(Undefined::NoLosses),
            _ => gross_profit
                .ratio(-gross_loss)
                .map_or(Err(Undefined::NoLosses), finite),
        };
        let payoff_ratio = match wins {
            _ if profit_factor.is_err() => profit_factor,
            0 => Err(Undefined::NoGains),
            _ => profit_factor.map(|factor| factor * losses as f64 / wins as f64),
        };
        let win_rate = match (count, wins + losses) {
            (0, _) => Err(Undefined::TooFewReturns),
            (_, 0) => Err(Undefined::NoDecisions),
            (_, decided) => Ok(wins as f64 / decided as f64),
        };
        let share = wins as f64 / count as f64;
        let expectancy_ratio = match payoff_ratio {
            Err(Undefined::NoGains) => Ok(-1.0),
            payoff => payoff.map(|payoff| (1.0 + payoff) * share - 1.0),
        };
        Ok(Self {
            count,
            wins,
            losses,
            gross_profit,
            gross_loss,
            net_profit,
            largest_win: positive.iter().copied().max(),
            largest_loss: negative.iter().copied().min(),
            expectancy,
            expectancy_ratio,
            profit_factor,
            payoff_ratio,
            win_rate,
        })
    }
}
