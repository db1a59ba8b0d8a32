//! Why a metric has no value.

use crate::domain::names::names;

/// Why a definition gives no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Undefined {
    /// There are fewer returns or round trips than the definition needs.
    TooFewReturns,
    /// All values are equal, so their deviation is zero.
    ZeroVariance,
    /// No value is negative.
    NoLosses,
    /// No value is positive.
    NoGains,
    /// All values are zero.
    NoDecisions,
    /// The equity never fell below an earlier one.
    NoDrawdown,
    /// The equity fell to zero or below, after which there are no returns.
    Ruined,
    /// The time between the first and the last equity is unknown or zero.
    NoSpan,
    /// No equity is known before the period.
    NoOpeningEquity,
    /// No equity is known within the period.
    NoClosingEquity,
    /// The number is too large, or a return is not a number.
    OutOfRange,
}

names!(Undefined, "reason" {
    TooFewReturns => "too_few_returns",
    ZeroVariance => "zero_variance",
    NoLosses => "no_losses",
    NoGains => "no_gains",
    NoDecisions => "no_decisions",
    NoDrawdown => "no_drawdown",
    Ruined => "ruined",
    NoSpan => "no_span",
    NoOpeningEquity => "no_opening_equity",
    NoClosingEquity => "no_closing_equity",
    OutOfRange => "out_of_range",
});

/// A number, or the reason why there is none.
pub type Measured = Result<f64, Undefined>;
