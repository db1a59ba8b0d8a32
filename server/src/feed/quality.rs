//! What a feed brings is looked at before it goes on.

use chrono::Utc;
use metrics::{Counter, counter};
use tickbook::RepositoryError;
use tickbook::config::QualityConfig;
use tickbook::domain::Rule;
use tickbook::domain::Tick;
use tickbook::ingest::quality::{
    QualityControl, Quarantine, QuarantineClosed, RuleAction, SymbolRules,
};
use tickbook::repository::{QuarantinedTick, SymbolRepository};

/// The rules, and where ticks go that are held back.
#[derive(Debug)]
pub struct QualityStage {
    control: QualityControl,
    quarantine: Quarantine,
    clean: Counter,
    /// Of each rule, in its order: flagged, held back.
    found: Vec<[Counter; 2]>,
}

impl QualityStage {
    /// Looks at ticks with `control`, and gives those that are held back to `quarantine`.
    #[must_use]
    pub fn new(control: QualityControl, quarantine: Quarantine) -> Self {
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
            clean: count("none", "pass"),
            found: Rule::ALL.iter().copied().map(of_rule).collect(),
        }
    }

    /// Whether the tick goes on; if not, it is in quarantine. Waits while that is full.
    ///
    /// # Errors
    /// The server stops; the tick went nowhere.
    pub async fn passes(&mut self, tick: &Tick) -> Result<bool, QuarantineClosed> {
        let now = Utc::now();
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
