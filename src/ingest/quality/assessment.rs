//! The findings of all rules on a tick or trade, and the resulting action.

use crate::domain::{Rule, Verdict};

/// The action for a tick or trade that violates a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RuleAction {
    /// The rule is off.
    #[default]
    Off,
    /// The event passes and is counted.
    Flag,
    /// The event is quarantined.
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

/// The findings of all rules on one tick or trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assessment {
    found: [Option<(RuleAction, Verdict)>; Rule::ALL.len()],
}

impl Assessment {
    /// The findings in rule order.
    pub fn verdicts(&self) -> impl Iterator<Item = (RuleAction, &Verdict)> {
        self.found
            .iter()
            .flatten()
            .map(|(action, verdict)| (*action, verdict))
    }

    /// Whether no rule was violated.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found.iter().all(Option::is_none)
    }

    /// The verdict that quarantines the event; `None` if it passes.
    #[must_use]
    pub fn quarantine(&self) -> Option<Verdict> {
        self.verdicts()
            .find(|(action, _)| *action == RuleAction::Quarantine)
            .map(|(_, verdict)| *verdict)
    }

    /// Adds the verdict of a rule, unless the rule is off.
    pub(super) fn check(&mut self, action: RuleAction, verdict: impl FnOnce() -> Option<Verdict>) {
        if action != RuleAction::Off
            && let Some(verdict) = verdict()
        {
            self.add(action, verdict);
        }
    }

    pub(super) fn add(&mut self, action: RuleAction, verdict: Verdict) {
        self.found[verdict.rule as usize] = Some((action, verdict));
    }
}
