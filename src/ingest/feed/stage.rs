//! Checks the ticks and trades of a feed before they are published.

use metrics::{Counter, counter};

use super::record::FeedRecord;
use crate::clock::Clock;
use crate::domain::{MarketEvent, Rule, Tick};
use crate::ingest::quality::{QualityControl, Quarantine, QuarantineClosed, RuleAction};
use crate::repository::Quarantined;

/// Checks ticks or trades against rules, and quarantines the ones that a rule holds back.
///
/// Counts `tick_quality_total` or `trade_quality_total` by `rule` and `outcome`.
#[derive(Debug)]
pub struct QualityStage<E: FeedRecord = Tick> {
    control: QualityControl<E>,
    quarantine: Quarantine<E>,
    clock: Clock,
    clean: Counter,
    /// For each rule in order: counters of flagged and of held-back records.
    found: Vec<[Counter; 2]>,
}

impl<E: FeedRecord> QualityStage<E> {
    /// Checks records with `control` at the time of `clock`, and gives held-back records to `quarantine`.
    #[must_use]
    pub fn new(control: QualityControl<E>, quarantine: Quarantine<E>, clock: Clock) -> Self {
        let count = |rule: &'static str, outcome: &'static str| {
            let counter = counter!(E::QUALITY_METRIC, "rule" => rule, "outcome" => outcome);
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

    /// Checks a record. Returns whether it passes; otherwise it is quarantined. Waits while the quarantine is
    /// full.
    ///
    /// # Errors
    /// The quarantine has stopped; the record is neither published nor quarantined.
    pub async fn passes(&mut self, record: &E) -> Result<bool, QuarantineClosed> {
        let now = self.clock.now();
        let found = self.control.check(record, now);
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
        // the store rejects an invalid record, with its reason
        let Ok(event) = record.normalized() else {
            return Ok(true);
        };
        let (symbol_id, time) = (MarketEvent::symbol_id(&event), MarketEvent::time(&event));
        tracing::debug!(%symbol_id, %time, %verdict, "a {} is held back", E::NAME);
        let item = Quarantined::new(event, verdict, now);
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
            assert_eq!((&kept[0].event, kept[0].quarantined_at), (&tick(1), now));
            assert_eq!(kept[0].verdict.rule, Rule::Future);
        }
    }
}
