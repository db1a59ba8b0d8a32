//! The data-quality rules of ticks, and the verdict of a rule.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

/// A data-quality rule. If a tick violates several rules that quarantine it, the first in the order of the
/// variants is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The time is ahead of the clock; observed and limit are in seconds.
    Future,
    /// The time is behind the clock; observed and limit are in seconds.
    Delayed,
    /// Bid or ask is not positive; observed is the lower price, the limit is 0.
    NotPositive,
    /// The bid is above the ask; observed is the difference, the limit is 0.
    Crossed,
    /// The same message was repeated; observed and limit are the number of such messages in a row.
    Repeated,
    /// Bid and ask do not move; observed and limit are a number of ticks or seconds.
    FrozenQuote,
    /// The mid price deviates from the last one; observed and limit are fractions of the last one.
    Deviation,
    /// The step from the last mid price differs from earlier steps; observed and limit are in standard
    /// deviations.
    ZScore,
}

impl Rule {
    /// All rules, in order.
    pub const ALL: &'static [Self] = &[
        Self::Future,
        Self::Delayed,
        Self::NotPositive,
        Self::Crossed,
        Self::Repeated,
        Self::FrozenQuote,
        Self::Deviation,
        Self::ZScore,
    ];

    /// The code of the rule in files of this library. It never changes, even if the order of the rules does.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Future => 1,
            Self::Delayed => 2,
            Self::NotPositive => 3,
            Self::Crossed => 4,
            Self::Repeated => 5,
            Self::FrozenQuote => 6,
            Self::Deviation => 7,
            Self::ZScore => 8,
        }
    }

    /// Returns the rule with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code)
    }

    /// The name in settings, metrics and the store, such as `frozen_quote`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Delayed => "delayed",
            Self::NotPositive => "not_positive",
            Self::Crossed => "crossed",
            Self::Repeated => "repeated",
            Self::FrozenQuote => "frozen_quote",
            Self::Deviation => "deviation",
            Self::ZScore => "z_score",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid rule {0:?}: expected one of {known}", known = names())]
#[non_exhaustive]
pub struct UnknownRule(pub String);

fn names() -> String {
    let names: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    names.join(", ")
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|rule| rule.as_str() == text);
        found.copied().ok_or_else(|| UnknownRule(text.to_owned()))
    }
}

/// Why a tick is flagged or quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Verdict {
    /// The violated rule.
    pub rule: Rule,
    /// The observed value; see [`Rule`] for the unit. At most twelve decimal places.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub observed: Decimal,
    /// The limit of the rule.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub limit: Decimal,
}

impl Verdict {
    /// Creates a verdict: the tick has `observed`, and the rule allows `limit`.
    #[must_use]
    pub fn new(rule: Rule, observed: Decimal, limit: Decimal) -> Self {
        Self {
            rule,
            observed,
            limit,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (limit {})", self.rule, self.observed, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_rules_never_change() {
        let codes: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| (rule.as_str(), rule.code()))
            .collect();
        let known = [
            ("future", 1),
            ("delayed", 2),
            ("not_positive", 3),
            ("crossed", 4),
            ("repeated", 5),
            ("frozen_quote", 6),
            ("deviation", 7),
            ("z_score", 8),
        ];
        assert_eq!(codes, known);
        for rule in Rule::ALL {
            assert_eq!(Rule::from_code(rule.code()), Some(*rule));
        }
    }
}
