//! Price jumps: deviation and z-score, and the confirmation of new prices.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

use super::assessment::{Assessment, RuleAction};
use super::rules::QualityRules;
use super::window::Window;
use crate::domain::{Rule, Verdict};

/// Minimum number of steps for a z-score.
const MIN_STEPS: usize = 30;

/// Decimals of observed values.
const DECIMALS: u32 = 12;

/// The prices of one symbol. The price of a quote is twice the mid, which is exact.
#[derive(Debug)]
pub(super) struct Prices {
    last: Option<(Decimal, DateTime<Utc>)>,
    /// A quarantined price, and the number of consecutive prices that agree with it.
    candidate: Option<(Decimal, u32)>,
    steps: Option<Window>,
    deviation_limit: Decimal,
    z_score_limit: f64,
    z_score_floor: f64,
}

/// The findings of deviation and z-score.
#[derive(Debug, Clone, Copy, Default)]
struct Jump {
    deviation: Option<Verdict>,
    z_score: Option<Verdict>,
}

impl Prices {
    pub(super) fn new(rules: &QualityRules) -> Self {
        let is_on = rules.z_score != RuleAction::Off;
        let float = |decimal: Decimal| decimal.to_f64().unwrap_or(f64::MAX);
        Self {
            last: None,
            candidate: None,
            steps: is_on.then(|| Window::new(rules.z_score_window.max(MIN_STEPS))),
            deviation_limit: rules.deviation_limit,
            z_score_limit: float(rules.z_score_limit),
            z_score_floor: float(rules.z_score_floor),
        }
    }

    /// Adds the findings on a price. If they would quarantine the tick but the price is confirmed by now,
    /// adds nothing.
    pub(super) fn assess(
        &mut self,
        price: Decimal,
        time: DateTime<Utc>,
        rules: &QualityRules,
        assessment: &mut Assessment,
    ) {
        let Some((last, _)) = self.remembered(time, rules) else {
            return;
        };
        let jump = self.jump(price, last, rules);
        let is_held = [
            (jump.deviation, rules.deviation),
            (jump.z_score, rules.z_score),
        ]
        .iter()
        .any(|(found, action)| found.is_some() && *action == RuleAction::Quarantine);
        if is_held {
            let agreeing = match self.candidate {
                Some((candidate, count)) if self.jump(price, candidate, rules).is_none() => {
                    count + 1
                }
                _ => 1,
            };
            self.candidate = Some((price, agreeing));
            if agreeing >= rules.reprice_after {
                // the next step starts from here
                self.last = None;
                return;
            }
        }
        for (found, action) in [
            (jump.deviation, rules.deviation),
            (jump.z_score, rules.z_score),
        ] {
            if let Some(verdict) = found {
                assessment.add(action, verdict);
            }
        }
    }

    /// Records the price of a tick that passed.
    pub(super) fn accept(&mut self, price: Decimal, time: DateTime<Utc>, rules: &QualityRules) {
        let step = self
            .remembered(time, rules)
            .and_then(|(last, _)| price.checked_sub(last)?.to_f64());
        if let (Some(steps), Some(step)) = (&mut self.steps, step) {
            steps.push(step);
        }
        self.candidate = None;
        let newest = self.last.map_or(time, |(_, last)| last.max(time));
        self.last = Some((price, newest));
    }

    fn remembered(
        &self,
        time: DateTime<Utc>,
        rules: &QualityRules,
    ) -> Option<(Decimal, DateTime<Utc>)> {
        self.last
            .filter(|(_, last)| (time - *last).abs() <= rules.reference_price_ttl)
    }

    fn jump(&self, price: Decimal, last: Decimal, rules: &QualityRules) -> Jump {
        let is_on = |action| action != RuleAction::Off;
        let Some(step) = price.checked_sub(last) else {
            return Jump::default();
        };
        Jump {
            deviation: is_on(rules.deviation)
                .then(|| self.deviation(step, last))
                .flatten(),
            z_score: self.z_score(step, last),
        }
    }

    fn deviation(&self, step: Decimal, last: Decimal) -> Option<Verdict> {
        let allowed = last.abs().checked_mul(self.deviation_limit)?;
        if last.is_zero() || step.abs() <= allowed {
            return None;
        }
        // a share that overflows counts as the largest number
        let share = step.abs().checked_div(last.abs()).unwrap_or(Decimal::MAX);
        Some(Verdict {
            rule: Rule::Deviation,
            observed: share.round_dp(DECIMALS),
            limit: self.deviation_limit,
        })
    }

    fn z_score(&self, step: Decimal, last: Decimal) -> Option<Verdict> {
        let steps = self.steps.as_ref()?;
        if steps.count() < MIN_STEPS {
            return None;
        }
        let (step, last) = (step.to_f64()?, last.to_f64()?);
        let deviation = steps.deviation().max(self.z_score_floor * last.abs());
        let distance = (step - steps.mean()).abs();
        if distance <= self.z_score_limit * deviation {
            return None;
        }
        let observed = Decimal::from_f64(distance / deviation).unwrap_or(Decimal::MAX);
        Some(Verdict {
            rule: Rule::ZScore,
            observed: observed.round_dp(DECIMALS),
            limit: Decimal::from_f64(self.z_score_limit).unwrap_or(Decimal::MAX),
        })
    }
}

impl Jump {
    fn is_none(&self) -> bool {
        self.deviation.is_none() && self.z_score.is_none()
    }
}
