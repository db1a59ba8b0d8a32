//! Counts of an audit.

use std::collections::BTreeMap;

use super::finding::{Finding, RepairOutcome};
use super::kind::FindingKind;

/// Counts of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuditSummary {
    /// Ticks that were read.
    pub ticks: u64,
    /// Trades that were read.
    pub trades: u64,
    /// Candles that were compared with their ticks or have no ticks.
    pub candles: u64,
    /// Compared candles that cannot be checked, since ticks of their time may have been dropped.
    pub uncheckable: u64,
    /// Candles whose ticks changed during each attempt to compare them.
    pub unstable: u64,
    /// Findings by kind, including repaired ones.
    pub findings: BTreeMap<FindingKind, u64>,
    /// Findings that were repaired.
    pub repaired: u64,
}

impl AuditSummary {
    /// Ticks and trades that were read.
    pub(super) fn rows(&self) -> u64 {
        self.ticks + self.trades
    }

    /// The number of findings that were not repaired.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.findings.values().sum::<u64>() - self.repaired
    }

    /// Counts a finding.
    pub fn count(&mut self, finding: &Finding) {
        *self.findings.entry(finding.problem.kind()).or_default() += 1;
        if finding.repair_outcome == RepairOutcome::Repaired {
            self.repaired += 1;
        }
    }

    /// Adds the counts of another audit.
    pub fn merge(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.trades += other.trades;
        self.candles += other.candles;
        self.uncheckable += other.uncheckable;
        self.unstable += other.unstable;
        self.repaired += other.repaired;
        for (kind, count) in other.findings {
            *self.findings.entry(kind).or_default() += count;
        }
    }
}
