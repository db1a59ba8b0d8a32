//! The report of a stopped pipeline.

use crate::domain::Tick;
use crate::ingest::PersisterStats;

/// The result of a stopped pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineReport {
    /// The final counts of the persister.
    pub stats: PersisterStats,
    /// Ticks that stay in the spool for the next start.
    pub spooled: u64,
    /// Ticks that were not stored in time and are not in the spool.
    pub unsaved: u64,
    /// The unsaved ticks that the persister could return, in arrival order. Sending them again stores no tick
    /// twice.
    pub handed_back: Vec<Tick>,
    /// Ticks that were refused for lack of space while the pipeline ran.
    pub refused: u64,
    /// Quarantined ticks that wait on the disk for the next start.
    pub quarantine_spooled: u64,
    /// Quarantined ticks that are lost.
    pub quarantine_lost: u64,
}

impl PipelineReport {
    /// Whether every tick is stored, in the spool or quarantined.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unsaved == 0
            && self.refused == 0
            && self.quarantine_lost == 0
            && self.stats.damaged == 0
    }

    pub(super) fn log(&self, feeds: &str) {
        if self.quarantine_spooled > 0 {
            tracing::warn!(
                feeds,
                spooled = self.quarantine_spooled,
                "ticks that were held back wait on the disk for the next start"
            );
        }
        if self.quarantine_lost > 0 {
            tracing::error!(
                feeds,
                lost = self.quarantine_lost,
                "ticks that were held back could not be saved in time"
            );
        }
        if self.refused > 0 {
            tracing::error!(
                feeds,
                refused = self.refused,
                "ticks of the feed were refused for lack of space and are not stored"
            );
        }
        if self.stats.damaged > 0 {
            tracing::error!(
                feeds,
                damaged = self.stats.damaged,
                "ticks of the spool were damaged and are set aside in it"
            );
        }
        if self.spooled > 0 {
            tracing::warn!(
                feeds,
                spooled = self.spooled,
                "ticks stay in the spool until the next start or `tickbook spool replay`"
            );
        }
        let (inserted, duplicates) = (self.stats.inserted, self.stats.duplicates);
        let (conflicts, rejected) = (self.stats.conflicts, self.stats.rejected);
        if self.unsaved == 0 {
            tracing::info!(
                feeds,
                inserted,
                duplicates,
                conflicts,
                rejected,
                "every tick of the feed is settled"
            );
        } else {
            tracing::error!(
                feeds,
                inserted,
                duplicates,
                conflicts,
                rejected,
                unsaved = self.unsaved,
                "ticks of the feed could not be stored in time"
            );
        }
    }
}
