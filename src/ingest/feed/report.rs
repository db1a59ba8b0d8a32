//! The report of a stopped pipeline.

use crate::domain::{Tick, Trade};
use crate::ingest::record::Record;
use crate::ingest::{BookRecord, PersisterStats};

/// The result of a stopped pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineReport {
    /// The ticks of all feeds.
    pub ticks: LaneReport<Tick>,
    /// The trades of all feeds; `None` if the pipeline stores no trades.
    pub trades: Option<LaneReport<Trade>>,
    /// The rows of the order books of all feeds; `None` if the pipeline stores no books.
    pub books: Option<LaneReport<BookRecord>>,
}

impl PipelineReport {
    /// Whether every tick, trade and row of a book is stored, in the spool or quarantined.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let (trades, books) = (self.trades.as_ref(), self.books.as_ref());
        self.ticks.is_complete()
            && trades.is_none_or(LaneReport::is_complete)
            && books.is_none_or(LaneReport::is_complete)
    }

    pub(super) fn log(&self, feeds: &str) {
        self.ticks.log(feeds);
        if let Some(trades) = &self.trades {
            trades.log(feeds);
        }
        if let Some(books) = &self.books {
            books.log(feeds);
        }
    }
}

/// The result of the records of one type after a pipeline was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneReport<R> {
    /// The final counts of the persister.
    pub stats: PersisterStats,
    /// Records that stay in the spool for the next start.
    pub spooled: u64,
    /// Records that were not stored in time and are not in the spool.
    pub unsaved: u64,
    /// The unsaved records that the persister could return, in arrival order. Sending them again stores none
    /// twice.
    pub handed_back: Vec<R>,
    /// Records that were refused for lack of space while the pipeline ran.
    pub refused: u64,
    /// Quarantined records that wait on the disk for the next start.
    pub quarantine_spooled: u64,
    /// Quarantined records that are lost.
    pub quarantine_lost: u64,
}

impl<R: Record> LaneReport<R> {
    /// Whether every record is stored, in the spool or quarantined.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unsaved == 0
            && self.refused == 0
            && self.quarantine_lost == 0
            && self.stats.damaged == 0
    }

    fn log(&self, feeds: &str) {
        let records = R::NAMES;
        if self.quarantine_spooled > 0 {
            tracing::warn!(
                feeds,
                records,
                spooled = self.quarantine_spooled,
                "records that were held back wait on the disk for the next start"
            );
        }
        if self.quarantine_lost > 0 {
            tracing::error!(
                feeds,
                records,
                lost = self.quarantine_lost,
                "records that were held back could not be saved in time"
            );
        }
        if self.refused > 0 {
            tracing::error!(
                feeds,
                records,
                refused = self.refused,
                "records of the feed were refused for lack of space and are not stored"
            );
        }
        if self.stats.damaged > 0 {
            tracing::error!(
                feeds,
                records,
                damaged = self.stats.damaged,
                "records of the spool were damaged and are set aside in it"
            );
        }
        if self.spooled > 0 {
            tracing::warn!(
                feeds,
                records,
                spooled = self.spooled,
                "records stay in the spool until the next start or `tickbook spool replay`"
            );
        }
        let (inserted, duplicates) = (self.stats.inserted, self.stats.duplicates);
        let (conflicts, rejected) = (self.stats.conflicts, self.stats.rejected);
        if self.unsaved == 0 {
            tracing::info!(
                feeds,
                records,
                inserted,
                duplicates,
                conflicts,
                rejected,
                "every record of the feed is settled"
            );
        } else {
            tracing::error!(
                feeds,
                records,
                inserted,
                duplicates,
                conflicts,
                rejected,
                unsaved = self.unsaved,
                "records of the feed could not be stored in time"
            );
        }
    }
}
