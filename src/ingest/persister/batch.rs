//! The types that the tasks of the persister exchange.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::ingest::record::Record;
use crate::ingest::spool::SpoolBatch;

/// Records that are written together, possibly with other batches.
#[derive(Debug, Clone)]
pub(super) struct RecordBatch<R> {
    /// The number of its last record.
    pub(super) number: u64,
    pub(super) records: Arc<Vec<R>>,
    /// The time at which its first record was accepted.
    pub(super) at: Instant,
}

impl<R: Record> RecordBatch<R> {
    /// The number of its first record.
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

/// The numbers of records that are only on the disk, both ends inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiskRange {
    pub(super) first: u64,
    pub(super) through: u64,
}

/// The next step of a task.
#[derive(Debug)]
pub(super) enum NextStep<T> {
    Do(T),
    /// Nothing to do before this time, unless notified.
    Wait(Option<Instant>),
    End,
}

/// The source of the writer's next records.
#[derive(Debug)]
pub(super) enum WriterInput<R> {
    Memory(Vec<RecordBatch<R>>),
    Disk(DiskRange),
}
