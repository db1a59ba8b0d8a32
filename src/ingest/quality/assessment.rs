//! What all rules say of one tick, and what becomes of it.

use crate::domain::{Rule, Verdict};

/// What becomes of a tick that a rule finds fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
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
