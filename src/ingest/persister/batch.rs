//! What the tasks of the persister hand to each other.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::domain::Tick;
use crate::ingest::spool::SpoolBatch;

/// Ticks that are written together, or with others.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// Of its last tick.
    pub(super) number: u64,
    pub(super) ticks: Arc<Vec<Tick>>,
    /// When its first tick was accepted.
    pub(super) at: Instant,
}

impl Batch {
    /// Of its first tick.
    pub(super) fn first(&self) -> u64 {
        self.number + 1 - self.ticks.len() as u64
    }

    pub(super) fn for_spool(&self, now: DateTime<Utc>) -> SpoolBatch {
        SpoolBatch {
            number: self.number,
            ticks: Arc::clone(&self.ticks),
            accepted_at: now - self.at.elapsed(),
        }
    }
}

/// Numbers of ticks that only the disk has; both ends belong to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spilled {
    pub(super) first: u64,
    pub(super) through: u64,
}

/// Whether there is something to do.
#[derive(Debug)]
pub(super) enum Step<T> {
    Do(T),
    /// Nothing before this time, unless something happens.
    Wait(Option<Instant>),
    End,
}

/// Where the writer gets its next ticks from.
#[derive(Debug)]
pub(super) enum Source {
    Memory(Vec<Batch>),
    Disk(Spilled),
}
