//! Writes batches: chooses the statement, retries, and handles rows that the database refuses.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, PgConnection, QueryResult};

use crate::db::SynchronousCommit;
use crate::db::{CONFLICT_BACKOFF, DbError};
use crate::error::{Database, RepositoryError};

use super::ages::has_old_rows;
use super::batch::Batch;
use super::copy::copy;
use super::frontier::Frontier;
use super::halves::{insert_by_halves, refusal, table_refuses};
use super::receipt::Receipt;
use super::stored::read_stored;
use super::table::KeyedRow;
use super::unnest::{insert_missing, insert_one};

/// The smallest number of rows for which `COPY` compensates its additional round trip.
pub(super) const FEWEST_TO_COPY: usize = 50;

/// A `COPY` that hits an existing key is wasted work and leaves dead rows. Resent rows rarely arrive as a
/// single batch, so `COPY` is used again only after this many conflict-free batches.
const CLEAN_BATCHES: u32 = 8;

/// Maximum number of attempts of a batch that conflicts with another writer.
pub(super) const ATTEMPTS: u32 = 5;

/// Writes batches and remembers whether the last ones contained stored rows.
#[derive(Debug)]
pub(in crate::postgres) struct Writer<R: KeyedRow> {
    /// The number of conflict-free batches that remain until `COPY` is used again.
    cautious: AtomicU32,
    /// Whether the last batch contained nothing new, so that a caller is resending lost or unacknowledged
    /// rows.
    pub(super) resending: AtomicBool,
    pub(super) frontier: Frontier<R>,
    pub(super) synchronous_commit: SynchronousCommit,
}

/// The outcome of a batch.
pub(super) enum Outcome<R: KeyedRow> {
    AllInserted,
    /// The number of inserted rows, and the stored rows with the keys of the batch.
    SomeInserted(u64, HashMap<R::Key, R>),
    /// The database refused some rows.
    SomeRefused(Receipt<R>),
}

impl<R: KeyedRow> Default for Writer<R> {
    fn default() -> Self {
        Self::new(SynchronousCommit::default())
    }
}

impl<R: KeyedRow> Writer<R> {
    pub(in crate::postgres) fn new(synchronous_commit: SynchronousCommit) -> Self {
        Self {
            cautious: AtomicU32::default(),
            resending: AtomicBool::default(),
            frontier: Frontier::default(),
            synchronous_commit,
        }
    }

    /// Stores `batch`: all that can be stored, or nothing. Stores rows with a key and rows without one in
    /// separate transactions.
    pub(super) fn insert(
        &self,
        connection: &mut PgConnection,
        mut batch: Batch<R>,
        now: DateTime<Utc>,
    ) -> Result<Receipt<R>, DbError> {
        let keyless = std::mem::take(&mut batch.keyless);
        if keyless.is_empty() {
            return self.insert_keyed(connection, batch, now);
        }
        let mut receipt = self.insert_keyless(connection, &keyless, now)?;
        if batch.has_nothing_to_store() {
            receipt.merge(batch.into_receipt());
            return Ok(receipt);
        }
        match self.insert_keyed(connection, batch, now) {
            Ok(of_keyed) => receipt.merge(of_keyed),
            Err(error) if receipt.inserted > 0 => return Err(after_commit::<R>(error)),
            Err(error) => return Err(error),
        }
        Ok(receipt)
    }

    fn insert_keyed(
        &self,
        connection: &mut PgConnection,
        mut batch: Batch<R>,
        now: DateTime<Utc>,
    ) -> Result<Receipt<R>, DbError> {
        let is_old = has_old_rows(&batch, now);
        let mut attempt = 1;
        let mut delays = CONFLICT_BACKOFF.delays();
        let outcome = loop {
            let written = match is_old {
                true => self.attempt_old(connection, &mut batch, now),
                false => self.attempt(connection, &batch, now),
            };
            match written.map_err(classified::<R>) {
                Err(RepositoryError::Conflict { .. }) if attempt < ATTEMPTS => {
                    self.be_cautious();
                    std::thread::sleep(delays.next_delay());
                    attempt += 1;
                }
                Err(error) => {
                    // a caller that resends the batch may find it stored
                    self.be_cautious();
                    return Err(error.into());
                }
                Ok(outcome) => break outcome,
            }
        };
        self.frontier.advance(&batch.firsts);
        Ok(match outcome {
            Outcome::AllInserted => batch.all_inserted(),
            Outcome::SomeInserted(inserted, stored) => batch.compared(inserted, &stored),
            Outcome::SomeRefused(mut receipt) => {
                receipt.merge(batch.into_receipt());
                receipt
            }
        })
    }

    fn attempt(
        &self,
        connection: &mut PgConnection,
        batch: &Batch<R>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<R>, DbError> {
        let rows = &batch.firsts;
        if self.looks_new(connection, rows)? {
            let written = self.commit(connection, |connection| insert_new(connection, rows));
            match written.map_err(DbError::from) {
                Ok(inserted) if inserted == rows.len() => return Ok(Outcome::AllInserted),
                Ok(inserted) => return some_inserted(connection, batch, inserted, now),
                Err(error) if error.is_unique_violation() => self.be_cautious(),
                Err(DbError::Diesel(error)) if refusal(&error).is_some() => {}
                Err(error) => return Err(error),
            }
        }
        // a lookup is cheaper than an insert attempt
        if self.resending.load(Ordering::Relaxed) {
            let stored = read_stored(connection, rows)?;
            if stored.len() == rows.len() {
                return Ok(Outcome::SomeInserted(0, stored));
            }
            self.resending.store(false, Ordering::Relaxed);
        }
        match self.commit(connection, |connection| insert_missing(connection, rows)) {
            Ok(inserted) if inserted == rows.len() => {
                self.note_clean_batch();
                Ok(Outcome::AllInserted)
            }
            Ok(inserted) => {
                self.be_cautious();
                self.resending.store(inserted == 0, Ordering::Relaxed);
                some_inserted(connection, batch, inserted, now)
            }
            Err(error) if refusal(&error).is_some() => connection
                .transaction(|connection| insert_by_halves(connection, batch.clone(), now))
                .map(Outcome::SomeRefused)
                .map_err(of_commit),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether to try [`insert_new`] of `rows`, which fails if a key is taken.
    pub(super) fn looks_new(
        &self,
        connection: &mut PgConnection,
        rows: &[R],
    ) -> Result<bool, DbError> {
        let is_single = rows.len() == 1;
        let is_slower = rows.len() < FEWEST_TO_COPY && !is_single;
        if is_slower || self.cautious.load(Ordering::Relaxed) > 0 {
            return Ok(false);
        }
        if self.frontier.is_behind(rows) {
            return Ok(true);
        }
        if is_single {
            // a lookup costs more than the server's own check
            return Ok(false);
        }
        // a batch that this process or an earlier one may have sent before is looked up by its edges: that
        // costs little, while a refused `COPY` costs as much again and leaves dead rows
        let edges = [rows[0].clone(), rows[rows.len() - 1].clone()];
        let stored = read_stored(connection, &edges)?.len();
        if stored == 0 {
            return Ok(true);
        }
        self.be_cautious();
        self.resending
            .store(stored == edges.len(), Ordering::Relaxed);
        Ok(false)
    }

    /// Runs one statement in its own transaction.
    fn commit(
        &self,
        connection: &mut PgConnection,
        write: impl FnOnce(&mut PgConnection) -> QueryResult<usize>,
    ) -> QueryResult<usize> {
        match self.synchronous_commit {
            // a single statement is a transaction, without the two round trips of BEGIN and COMMIT
            SynchronousCommit::On => write(connection),
            SynchronousCommit::Off => connection
                .transaction(|connection| {
                    connection.batch_execute("SET LOCAL synchronous_commit = off")?;
                    write(connection)
                })
                .map_err(of_commit_error),
        }
    }

    pub(super) fn be_cautious(&self) {
        self.cautious.store(CLEAN_BATCHES, Ordering::Relaxed);
    }

    pub(super) fn note_clean_batch(&self) {
        // fails at zero, where nothing is left to count
        let _ = self
            .cautious
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
    }
}

/// Stores all of `rows`, or none if a key is taken. Expects one row, or enough rows for `COPY`.
pub(super) fn insert_new<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> QueryResult<usize> {
    match rows {
        [row] => insert_one(connection, row),
        rows => copy(connection, rows),
    }
}

/// The outcome of `batch`, of which `inserted` rows were stored and committed. If some rows are missing
/// afterwards, a trigger discards rows, and the others are tried one by one.
fn some_inserted<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &Batch<R>,
    inserted: usize,
    now: DateTime<Utc>,
) -> Result<Outcome<R>, DbError> {
    let stored = read_stored(connection, &batch.firsts).map_err(after_commit::<R>)?;
    if stored.len() == batch.firsts.len() {
        return Ok(Outcome::SomeInserted(inserted as u64, stored));
    }
    let by_halves = connection
        .transaction(|connection| insert_by_halves(connection, batch.clone(), now))
        .map_err(of_commit);
    match by_halves {
        Ok(receipt) => Ok(Outcome::SomeRefused(with_inserted(receipt, inserted))),
        Err(error) if inserted == 0 => Err(error),
        Err(error) => Err(after_commit::<R>(error)),
    }
}

/// Corrects a receipt that counts `inserted` rows as duplicates, since they were inserted a moment before.
pub(super) fn with_inserted<R>(mut receipt: Receipt<R>, inserted: usize) -> Receipt<R> {
    let stored = receipt.inserted + receipt.duplicates;
    // a row that was deleted in between was inserted twice and counts once
    receipt.inserted = (receipt.inserted + inserted as u64).min(stored);
    receipt.duplicates = stored - receipt.inserted;
    receipt
}

pub(super) fn classified<R: KeyedRow>(error: DbError) -> RepositoryError {
    if let DbError::Diesel(DieselError::DatabaseError(DatabaseErrorKind::NotNullViolation, info)) =
        &error
    {
        return table_refuses::<R>(info.message());
    }
    error.into_repository(Database::Timeseries, R::OPERATION)
}

/// The error of a read after a write, which must not claim that the write did not happen.
fn after_commit<R: KeyedRow>(error: DbError) -> DbError {
    let database = Database::Timeseries;
    let operation = R::OPERATION;
    DbError::Repository(match classified::<R>(error) {
        RepositoryError::Timeout { .. } => RepositoryError::Timeout {
            database,
            operation,
            begun: true,
        },
        error if error.is_certainly_not_applied() => RepositoryError::Ambiguous {
            database,
            operation,
            source: error.into(),
        },
        error => error,
    })
}

pub(super) fn of_commit(error: DbError) -> DbError {
    match error {
        DbError::Diesel(error) => DbError::Diesel(of_commit_error(error)),
        error => error,
    }
}

/// The error of the commit, not that of the rollback after it: only the first one says whether anything may
/// be stored.
fn of_commit_error(error: DieselError) -> DieselError {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => *commit_error,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Tick;

    #[test]
    fn rows_inserted_twice_count_once() {
        let second_look = |inserted, duplicates| Receipt::<Tick> {
            inserted,
            duplicates,
            ..Receipt::default()
        };
        assert_eq!(with_inserted(second_look(0, 10), 4), second_look(4, 6));
        // three of the ten were deleted after their first insert
        assert_eq!(with_inserted(second_look(3, 7), 10), second_look(10, 0));
    }
}
