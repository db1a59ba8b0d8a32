//! Writes batches with old rows, in one transaction with the check of their age.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::{DbError, SynchronousCommit, transaction_begun_by};
use crate::postgres::timescale::retention::SHARE_FLOOR;

use super::batch::RowBatch;
use super::halves::{insert_by_halves, refusal};
use super::insert::{InsertOutcome, TableWriter, insert_new, of_commit, with_inserted};
use super::retention_guard::{apply_retention, record_late_days};
use super::stored::read_stored;
use super::table::KeyedRow;
use super::unnest::insert_missing;

/// The strategy of a write. A failure rolls its transaction back, and the next strategy begins a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InsertMethod {
    /// All rows at once if possible, otherwise as [`InsertMethod::Missing`].
    Fastest,
    /// The rows whose keys are free.
    Missing,
    /// By halves, since the database refuses a row.
    Halves,
}

impl<R: KeyedRow> TableWriter<R> {
    /// Stores `batch` without the rows that are too old at the time of the write: all that can be stored,
    /// or nothing.
    ///
    /// Takes the lock of the retention floor first, so that the floor stays valid until the commit: raising
    /// the floor waits for this transaction and then sees its rows.
    pub(super) fn attempt_old(
        &self,
        connection: &mut PgConnection,
        batch: &mut RowBatch<R>,
        now: DateTime<Utc>,
    ) -> Result<InsertOutcome<R>, DbError> {
        let mut method = InsertMethod::Fastest;
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}", self.settings());
        loop {
            let mut next = None;
            let written = transaction_begun_by(connection, &begin, |connection| {
                batch.late_before = apply_retention(connection, batch)?;
                self.write(connection, batch, method, &mut next, now)
            });
            match (written, next) {
                (Ok(outcome), _) => return Ok(outcome),
                (Err(error), Some(InsertMethod::Missing)) if error.is_unique_violation() => {
                    self.avoid_copy();
                    method = InsertMethod::Missing;
                }
                (Err(DbError::Diesel(error)), Some(next)) if refusal(&error).is_some() => {
                    method = next;
                }
                (Err(error), _) => return Err(of_commit(error)),
            }
        }
    }

    /// The first statements of the transaction, at `READ COMMITTED`: each later statement must see what was committed
    /// before it took the lock.
    pub(super) fn settings(&self) -> String {
        let off = match self.synchronous_commit {
            SynchronousCommit::On => "",
            SynchronousCommit::Off => "SET LOCAL synchronous_commit = off; ",
        };
        format!("{off}{SHARE_FLOOR}")
    }

    /// Writes `batch` by `method`. Sets `next` to the strategy to try if the database refuses rows.
    fn write(
        &self,
        connection: &mut PgConnection,
        batch: &RowBatch<R>,
        method: InsertMethod,
        next: &mut Option<InsertMethod>,
        now: DateTime<Utc>,
    ) -> Result<InsertOutcome<R>, DbError> {
        let rows = &batch.firsts;
        if batch.has_nothing_to_store() {
            return Ok(InsertOutcome::SomeInserted(0, HashMap::new()));
        }
        if method == InsertMethod::Halves {
            record_late_days(connection, rows, batch.late_before)?;
            return insert_by_halves(connection, batch.clone(), now)
                .map(InsertOutcome::SomeRefused);
        }
        if method == InsertMethod::Fastest && self.looks_new(connection, rows)? {
            record_late_days(connection, rows, batch.late_before)?;
            *next = Some(InsertMethod::Missing);
            let inserted = insert_new(connection, rows)?;
            return match inserted == rows.len() {
                true => Ok(InsertOutcome::AllInserted),
                false => some_inserted(connection, batch, inserted, now),
            };
        }
        if self.replaying.load(Ordering::Relaxed) {
            let stored = read_stored(connection, rows)?;
            if stored.len() == rows.len() {
                return Ok(InsertOutcome::SomeInserted(0, stored));
            }
            self.replaying.store(false, Ordering::Relaxed);
        }
        record_late_days(connection, rows, batch.late_before)?;
        *next = Some(InsertMethod::Halves);
        let inserted = insert_missing(connection, rows)?;
        if inserted == rows.len() {
            self.note_clean_batch();
            return Ok(InsertOutcome::AllInserted);
        }
        self.avoid_copy();
        self.replaying.store(inserted == 0, Ordering::Relaxed);
        some_inserted(connection, batch, inserted, now)
    }
}

/// The outcome of `batch`, of which this transaction stored `inserted` rows.
fn some_inserted<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &RowBatch<R>,
    inserted: usize,
    now: DateTime<Utc>,
) -> Result<InsertOutcome<R>, DbError> {
    let stored = read_stored(connection, &batch.firsts)?;
    if stored.len() == batch.firsts.len() {
        return Ok(InsertOutcome::SomeInserted(inserted as u64, stored));
    }
    // a trigger discards rows
    let receipt = insert_by_halves(connection, batch.clone(), now)?;
    Ok(InsertOutcome::SomeRefused(with_inserted(receipt, inserted)))
}
