//! Checks the ticks of a feed before they are published.

use metrics::{Counter, counter};

use crate::clock::Clock;
use crate::domain::{Rule, Tick};
use crate::ingest::quality::{QualityControl, Quarantine, QuarantineClosed, RuleAction};
use crate::metrics::ingest::QUALITY;
use crate::repository::QuarantinedTick;

/// Checks ticks against rules and quarantines ticks that a rule holds back.
///
/// Counts `tick_quality_total` by `rule` and `outcome`.
#[derive(Debug)]
pub struct QualityStage {
    control: QualityControl,
    quarantine: Quarantine,
    clock: Clock,
    clean: Counter,
    /// For each rule in order: counters of flagged and of held-back ticks.
    found: Vec<[Counter; 2]>,
}

impl QualityStage {
    /// Checks ticks with `control` at the time of `clock`, and gives held-back ticks to `quarantine`.
    #[must_use]
    pub fn new(control: QualityControl, quarantine: Quarantine, clock: Clock) -> Self {
        let count = |rule: &'static str, outcome: &'static str| {
            let counter = counter!(QUALITY, "rule" => rule, "outcome" => outcome);
            // initialize to 0, so that rate() sees the first increment
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

    /// Checks a tick. Returns whether it passes; otherwise it is quarantined. Waits while the quarantine is
    /// full.
    ///
    /// # Errors
    /// The quarantine has stopped; the tick is neither published nor quarantined.
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
        // the store rejects an invalid tick, with its reason
        let Ok(tick) = tick.normalized() else {
            return Ok(true);
        };
        tracing::debug!(symbol_id = %tick.symbol_id, time = %tick.tick_time, %verdict, "a tick is held back");
        let item = QuarantinedTick {
            tick,
            verdict,
            quarantined_at: now,
        };
        self.quarantine.push(item).await?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use chrono::TimeDelta;
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::SymbolId;
    use crate::ingest::quality::{QualityRules, QuarantineReport};
    use crate::memory::InMemoryQuarantineRepository;
    use crate::repository::{QuarantineQuery, QuarantineRepository};

    #[tokio::test]
    async fn future_ticks_are_judged_by_the_clock() {
        let limit = QualityRules::default().future_limit;
        for now in suite::instants() {
            let repository = Arc::new(InMemoryQuarantineRepository::default());
            let held = Quarantine::open(
                Arc::<InMemoryQuarantineRepository>::clone(&repository),
                None,
            )
            .await;
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
            assert_eq!(
                held.stop(Duration::from_secs(20)).await,
                QuarantineReport::new(0, 0)
            );
            let query = QuarantineQuery::default();
            let page = repository.list(&query).await.expect("memory");
            let kept: Vec<_> = page.items.into_iter().map(|entry| entry.item).collect();
            assert_eq!(kept.len(), 1);
            assert_eq!((&kept[0].tick, kept[0].quarantined_at), (&tick(1), now));
            assert_eq!(kept[0].verdict.rule, Rule::Future);
        }
    }
}
