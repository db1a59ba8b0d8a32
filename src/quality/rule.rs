//! What is looked for, and what was found.

use std::fmt;

use rust_decimal::Decimal;

/// What a tick is looked at for. The order of the variants decides which rule puts a tick into
/// quarantine where several would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Its time is ahead of the clock; observed and limit are seconds.
    Future,
    /// Its time is behind the clock; observed and limit are seconds.
    Stale,
    /// Bid or ask is zero or below; observed is the lower one, the limit 0.
    NotPositive,
    /// The bid is above the ask; observed is by how much, the limit 0.
    Crossed,
    /// The same message came again, and again; observed and limit are such messages in a row.
    Repeated,
    /// Bid and ask do not move; observed and limit are ticks, or seconds.
    FlatLine,
    /// Its mid price is away from the last one; observed and limit are shares of that.
    Deviation,
    /// Its step from the last mid price is unlike the steps before; observed and limit are standard
    /// deviations.
    ZScore,
}

impl Rule {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Future,
        Self::Stale,
        Self::NotPositive,
        Self::Crossed,
        Self::Repeated,
        Self::FlatLine,
        Self::Deviation,
        Self::ZScore,
    ];

    /// The name in settings, metrics and the store, such as `flat_line`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Stale => "stale",
            Self::NotPositive => "not_positive",
            Self::Crossed => "crossed",
            Self::Repeated => "repeated",
            Self::FlatLine => "flat_line",
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

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|rule| rule.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no rule: use one of {names}")
        })
    }
}

/// What becomes of a tick that a rule finds fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleAction {
    /// Nothing: the rule is off.
    #[default]
    Off,
    /// It passes, and is counted.
    Flag,
    /// It is held back and kept.
    Quarantine,
}

impl RuleAction {
    /// `off`, `flag` or `quarantine`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
        }
    }
}

/// Why a tick is flagged or held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Which rule.
    pub rule: Rule,
    /// What the tick has; see [`Rule`] for the unit. At most twelve decimals.
    pub observed: Decimal,
    /// What it might have had.
    pub limit: Decimal,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (limit {})", self.rule, self.observed, self.limit)
    }
}

/// What all rules say of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assessment {
    found: [Option<(RuleAction, Verdict)>; Rule::ALL.len()],
}

impl Assessment {
    /// What each rule found, in the order of the rules.
    pub fn verdicts(&self) -> impl Iterator<Item = (RuleAction, &Verdict)> {
        self.found
            .iter()
            .flatten()
            .map(|(action, verdict)| (*action, verdict))
    }

    /// Whether no rule found anything.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found.iter().all(Option::is_none)
    }

    /// Why the tick is held back; `None` when it passes.
    #[must_use]
    pub fn quarantine(&self) -> Option<Verdict> {
        self.verdicts()
            .find(|(action, _)| *action == RuleAction::Quarantine)
            .map(|(_, verdict)| *verdict)
    }

    pub(super) fn add(&mut self, action: RuleAction, verdict: Verdict) {
        self.found[verdict.rule as usize] = Some((action, verdict));
    }
}
