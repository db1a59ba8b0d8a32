//! How a batch is written: which statement, when again, and what about rows the database refuses.

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

/// Below this number of rows the one round trip that `COPY` costs more is not won back.
pub(super) const FEWEST_TO_COPY: usize = 50;

/// A `COPY` that meets a taken key is done for nothing and leaves dead rows. Rows that were sent
/// again seldom come as one batch, so that so many batches without one have to pass first.
const CLEAN_BATCHES: u32 = 8;

/// How often a batch that met another writer is tried.
pub(super) const ATTEMPTS: u32 = 5;

/// Writes batches and remembers whether the last ones met rows that were stored already.
#[derive(Debug)]
pub(in crate::postgres) struct Writer<R: KeyedRow> {
    /// How many batches without a taken key have to pass before `COPY` is used again.
    cautious: AtomicU32,
    /// Whether the last batch held nothing new: somebody sends again what was lost or not answered.
    pub(super) resending: AtomicBool,
    pub(super) frontier: Frontier<R>,
    pub(super) synchronous_commit: SynchronousCommit,
}

/// What became of a batch.
pub(super) enum Outcome<R: KeyedRow> {
    AllInserted,
    /// So many were inserted; the database holds this under the keys of the batch.
    SomeInserted(u64, HashMap<R::Key, R>),
    /// The database refused some.
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

    /// Stores `batch`, all that can be stored or nothing. Rows with a key and rows without one are
    /// stored in a transaction each.
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
                    // whoever sends it again may find it stored
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
        // looking is cheaper than trying to insert
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

    /// Whether [`insert_new`] of `rows`, which a taken key makes fail, is worth trying.
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
            // looking for it costs more than having the server look
            return Ok(false);
        }
        // a batch that may have been sent before, by this process or the one before it, is looked
        // for by its edges: that costs little, a refused `COPY` as much again and dead rows
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

    /// Runs one statement in a transaction of its own.
    fn commit(
        &self,
        connection: &mut PgConnection,
        write: impl FnOnce(&mut PgConnection) -> QueryResult<usize>,
    ) -> QueryResult<usize> {
        match self.synchronous_commit {
            // a statement alone is one, with two round trips less than BEGIN and COMMIT
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

/// Stores all of `rows` or, when a key is taken, none: one row, or so many that `COPY` is faster.
pub(super) fn insert_new<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> QueryResult<usize> {
    match rows {
        [row] => insert_one(connection, row),
        rows => copy(connection, rows),
    }
}

/// What became of `batch`, of which `inserted` rows were stored and committed. Where not all are
/// there now, something leaves rows out, and the others are looked at one by one.
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

/// A receipt that has rows for duplicates that were inserted a moment before.
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

/// The error of a read that followed a write: nothing may say that the write did not happen.
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

/// Why a commit failed, rather than why the rollback after it did: of the two only the first says
/// whether anything may be stored.
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
