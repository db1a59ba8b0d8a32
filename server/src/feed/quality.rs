//! What a feed brings is looked at before it goes on.

use metrics::{Counter, counter};
use tickbook::config::QualityConfig;
use tickbook::domain::Rule;
use tickbook::domain::Tick;
use tickbook::ingest::quality::{
    QualityControl, Quarantine, QuarantineClosed, RuleAction, SymbolRules,
};
use tickbook::repository::{QuarantinedTick, SymbolRepository};
use tickbook::{Clock, RepositoryError};

/// The rules, and where ticks go that are held back.
#[derive(Debug)]
pub struct QualityStage {
    control: QualityControl,
    quarantine: Quarantine,
    clock: Clock,
    clean: Counter,
    /// Of each rule, in its order: flagged, held back.
    found: Vec<[Counter; 2]>,
}

impl QualityStage {
    /// Looks at ticks with `control` and at their times by `clock`, and gives those that are held
    /// back to `quarantine`.
    #[must_use]
    pub fn new(control: QualityControl, quarantine: Quarantine, clock: Clock) -> Self {
        let count = |rule: &'static str, outcome: &'static str| {
            let counter = counter!("tick_quality_total", "rule" => rule, "outcome" => outcome);
            // there from the start, so that its first step shows
            counter.increment(0);
            counter
        };
        let of_rule = |rule: Rule| {
            [RuleAction::Flag, RuleAction::Quarantine]
                .map(|action| count(rule.as_str(), action.as_str()))
        };
        Self {
            control,
            quarantine,
            clock,
            clean: count("none", "pass"),
            found: Rule::ALL.iter().copied().map(of_rule).collect(),
        }
    }

    /// Whether the tick goes on; if not, it is in quarantine. Waits while that is full.
    ///
    /// # Errors
    /// The server stops; the tick went nowhere.
    pub async fn passes(&mut self, tick: &Tick) -> Result<bool, QuarantineClosed> {
        let now = self.clock.now();
        let found = self.control.check(tick, now);
        if found.is_clean() {
            self.clean.increment(1);
            return Ok(true);
        }
        for (action, verdict) in found.verdicts() {
            let [flagged, held] = &self.found[verdict.rule as usize];
            let counter = match action {
                RuleAction::Quarantine => held,
                _ => flagged,
            };
            counter.increment(1);
        }
        let Some(verdict) = found.quarantine() else {
            return Ok(true);
        };
        // what no store can keep is rejected behind this, with its reason
        let Ok(tick) = tick.normalized() else {
            return Ok(true);
        };
        tracing::debug!(symbol_id = %tick.symbol_id, time = %tick.tick_time, %verdict, "a tick is held back");
        let kept = QuarantinedTick {
            tick,
            verdict,
            quarantined_at: now,
        };
        self.quarantine.keep(kept).await?;
        Ok(false)
    }
}

/// The rules of the settings. Symbols that are named there and do not exist are told in the log.
///
/// # Errors
/// What the repository says.
pub async fn rules(
    config: &QualityConfig,
    symbols: &dyn SymbolRepository,
) -> Result<SymbolRules, RepositoryError> {
    let (rules, unknown) = SymbolRules::find(&config.rules, &config.symbols, symbols).await?;
    for name in unknown {
        tracing::warn!(
            name,
            "[quality.symbols] names a symbol that does not exist: its rules are not used"
        );
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use chrono::TimeDelta;
    use rust_decimal::Decimal;
    use tickbook::Repositories;
    use tickbook::domain::SymbolId;
    use tickbook::ingest::quality::QualityRules;
    use tickbook::repository::QuarantineQuery;

    use super::*;

    #[tokio::test]
    async fn times_to_come_are_those_of_the_clock() {
        let limit = QualityRules::default().future_limit;
        for now in suite::instants() {
            let repositories = Repositories::in_memory();
            let held = Quarantine::open(Arc::clone(&repositories.quarantine), None);
            let held = held.expect("memory");
            let control = QualityControl::new(QualityRules::default());
            let clock = Clock::standing_at(now);
            let mut stage = QualityStage::new(control, held.clone(), clock);
            let tick = |ahead| {
                let time = now + limit + TimeDelta::microseconds(ahead);
                Tick::quote(SymbolId::new(1), time, Decimal::ONE, Decimal::ONE)
            };
            assert_eq!(stage.passes(&tick(0)).await, Ok(true), "{now}");
            assert_eq!(stage.passes(&tick(1)).await, Ok(false), "{now}");
            assert_eq!(held.stop(Duration::from_secs(20)).await, (0, 0));
            let query = QuarantineQuery::default();
            let page = repositories.quarantine.list(&query).await.expect("memory");
            let kept: Vec<_> = page.items.into_iter().map(|entry| entry.kept).collect();
            assert_eq!(kept.len(), 1);
            assert_eq!((&kept[0].tick, kept[0].quarantined_at), (&tick(1), now));
            assert_eq!(kept[0].verdict.rule, Rule::Future);
        }
    }
}
