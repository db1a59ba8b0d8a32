//! What a feed has brought.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use tickbook::repository::InsertReceipt;
use utoipa::ToSchema;

use crate::metrics::{self, Source};

/// What a feed has brought since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedState {
    /// simulated or replay.
    #[schema(example = "simulated")]
    pub name: String,
    /// Whether it still brings ticks; a replay ends with its last file.
    pub running: bool,
    /// Ticks that came.
    pub received: u64,
    /// Ticks that are stored now and were not before.
    pub inserted: u64,
    /// Ticks that were stored already.
    pub duplicates: u64,
    /// Ticks whose key is taken by other content.
    pub conflicts: u64,
    /// Ticks that can never be stored.
    pub rejected: u64,
    /// Ticks whose bid is above their ask, stored all the same.
    pub crossed: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
}

/// Counts what a feed brings.
#[derive(Debug)]
pub struct FeedStats {
    name: &'static str,
    ended: AtomicBool,
    received: AtomicU64,
    crossed: AtomicU64,
    inserted: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
    rejected: AtomicU64,
}

impl FeedStats {
    /// Nothing yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ended: AtomicBool::new(false),
            received: AtomicU64::new(0),
            crossed: AtomicU64::new(0),
            inserted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// What came so far.
    #[must_use]
    pub fn state(&self) -> FeedState {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // what became of a tick is read before how many came, so that none waits twice
        let [inserted, duplicates, conflicts, rejected] = [
            &self.inserted,
            &self.duplicates,
            &self.conflicts,
            &self.rejected,
        ]
        .map(read);
        let received = read(&self.received);
        let done = inserted + duplicates + conflicts + rejected;
        FeedState {
            name: self.name.to_owned(),
            running: !self.ended.load(Ordering::Relaxed),
            received,
            inserted,
            duplicates,
            conflicts,
            rejected,
            crossed: read(&self.crossed),
            waiting: received.saturating_sub(done),
        }
    }

    pub(crate) fn receive(&self, ticks: u64, crossed: u64) {
        self.received.fetch_add(ticks, Ordering::Relaxed);
        self.crossed.fetch_add(crossed, Ordering::Relaxed);
        metrics::count_received(Source::Feed, ticks, crossed);
    }

    pub(crate) fn settle(&self, receipt: &InsertReceipt) {
        let add = |counter: &AtomicU64, number: u64| counter.fetch_add(number, Ordering::Relaxed);
        add(&self.inserted, receipt.inserted);
        add(&self.duplicates, receipt.duplicates);
        add(&self.conflicts, receipt.conflicts.len() as u64);
        add(&self.rejected, receipt.rejected.len() as u64);
        metrics::count_receipt(Source::Feed, receipt);
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
