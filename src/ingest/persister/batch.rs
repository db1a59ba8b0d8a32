//! What the tasks of the persister hand to each other.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::ingest::record::Record;
use crate::ingest::spool::SpoolBatch;

/// Records that are written together, or with others.
#[derive(Debug, Clone)]
pub(super) struct Batch<R> {
    /// Of its last record.
    pub(super) number: u64,
    pub(super) records: Arc<Vec<R>>,
    /// When its first record was accepted.
    pub(super) at: Instant,
}

impl<R: Record> Batch<R> {
    /// Of its first record.
    pub(super) fn first(&self) -> u64 {
        self.number + 1 - self.records.len() as u64
    }

    pub(super) fn for_spool(&self, now: DateTime<Utc>) -> SpoolBatch<R> {
        SpoolBatch {
            number: self.number,
            records: Arc::clone(&self.records),
            accepted_at: now - self.at.elapsed(),
        }
    }
}

/// Numbers of records that only the disk has; both ends belong to it.
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

/// Where the writer gets its next records from.
#[derive(Debug)]
pub(super) enum Source<R> {
    Memory(Vec<Batch<R>>),
    Disk(Spilled),
}
