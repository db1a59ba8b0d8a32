//! Records the findings of an audit, and generates ticks to audit.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::audit::{
    AuditObserver, AuditSettings, AuditSummary, Finding, FindingKind, MaterializedCandles, Repair,
    RepairOutcome, audit_symbol,
};
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tickbook::repository::{OhlcRepository, TickRepository};

pub(crate) const EURUSD: SymbolId = SymbolId::new(7);

#[derive(Debug, Default)]
pub(crate) struct AuditRun {
    pub(crate) findings: Vec<Finding>,
    pub(crate) reached: Option<DateTime<Utc>>,
    pub(crate) summary: AuditSummary,
}

impl AuditObserver for AuditRun {
    fn finding(&mut self, finding: &Finding) {
        self.findings.push(finding.clone());
    }

    fn progress(&mut self, _: u64, reached: DateTime<Utc>) {
        assert!(self.reached.is_none_or(|before| before <= reached));
        self.reached = Some(reached);
    }
}

impl AuditRun {
    pub(crate) fn kinds(&self) -> Vec<FindingKind> {
        let kinds = self.findings.iter().map(|it| it.problem.kind());
        kinds.collect()
    }

    pub(crate) fn all_mended(&self) -> bool {
        let repaired = |it: &Finding| it.repair_outcome == RepairOutcome::Repaired;
        self.findings.iter().all(repaired)
    }
}

pub(crate) async fn audit(
    ticks: &dyn TickRepository,
    ohlc: &dyn OhlcRepository,
    settings: &AuditSettings,
    repair: Option<Repair<'_>>,
) -> AuditRun {
    audit_of(EURUSD, ticks, ohlc, None, settings, repair).await
}

pub(crate) async fn audit_of(
    symbol_id: SymbolId,
    ticks: &dyn TickRepository,
    ohlc: &dyn OhlcRepository,
    materialized: Option<&dyn MaterializedCandles>,
    settings: &AuditSettings,
    repair: Option<Repair<'_>>,
) -> AuditRun {
    let mut run = AuditRun::default();
    let summary = audit_symbol(
        ticks,
        ohlc,
        materialized,
        symbol_id,
        settings,
        repair,
        &mut run,
    )
    .await;
    run.summary = summary.expect("audited");
    run
}

/// A Thursday.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(minutes)
}

pub(crate) fn whole() -> AuditSettings {
    AuditSettings::new(TimeRange::all(), suite::now())
}

/// A tick every 20 seconds for some days, each with a different price, and a second tick in every tenth
/// instant.
pub(crate) fn ticks(days: i64) -> Vec<Tick> {
    let mut ticks = Vec::new();
    for number in 0..days * 24 * 180 {
        let time = start() + TimeDelta::seconds(number * 20);
        for sequence in 0..=i64::from(number % 10 == 0) {
            let price = 138_000 + number * 31 % 977 + sequence * 7;
            ticks.push(
                Tick::quote(
                    EURUSD,
                    time,
                    Decimal::new(price, 5),
                    Decimal::new(price + number % 3 + 1, 5),
                )
                .with_sequence(sequence)
                .with_volumes(Decimal::new(number % 89 + 1, 3), Decimal::ONE),
            );
        }
    }
    ticks
}

pub(crate) async fn insert(repository: &dyn TickRepository, ticks: &[Tick]) {
    for batch in ticks.chunks(5_000) {
        let receipt = repository.insert_batch(batch).await.expect("stored");
        assert_eq!(receipt.inserted, batch.len() as u64);
    }
}
