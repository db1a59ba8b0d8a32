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
use crate::postgres::symbol_days::KnownDays;
use crate::repository::InsertReceipt;

use super::batch::RowBatch;
use super::copy::copy;
use super::halves::{insert_by_halves, refusal, table_refuses};
use super::high_water_marks::HighWaterMarks;
use super::retention_guard::has_old_rows;
use super::stored::read_stored;
use super::table::KeyedRow;
use super::unnest::{insert_missing, insert_one};

/// The smallest number of rows for which `COPY` compensates its additional round trip.
pub(super) const MIN_COPY_ROWS: usize = 50;

/// A `COPY` that hits an existing key fails and leaves dead rows. Resent rows rarely arrive as a single
/// batch, so `COPY` is used again only after this many conflict-free batches.
const COPY_BACKOFF_BATCHES: u32 = 8;

/// Maximum number of attempts of a batch that conflicts with another writer.
pub(super) const ATTEMPTS: u32 = 5;

/// Writes batches and remembers whether the last ones contained stored rows.
#[derive(Debug)]
pub(in crate::postgres) struct TableWriter<R: KeyedRow> {
    /// The number of conflict-free batches that remain until `COPY` is used again.
    copy_backoff: AtomicU32,
    /// Whether the last batch contained nothing new, so that a caller is resending lost or unacknowledged
    /// rows.
    pub(super) replaying: AtomicBool,
    pub(super) high_water_marks: HighWaterMarks<R>,
    known_days: KnownDays,
    pub(super) synchronous_commit: SynchronousCommit,
}

/// The outcome of a batch.
pub(super) enum InsertOutcome<R: KeyedRow> {
    AllInserted,
    /// The number of inserted rows, and the stored rows with the keys of the batch.
    SomeInserted(u64, HashMap<R::Key, R>),
    /// The database refused some rows.
    SomeRefused(InsertReceipt<R>),
}

impl<R: KeyedRow> Default for TableWriter<R> {
    fn default() -> Self {
        Self::new(SynchronousCommit::default())
    }
}

impl<R: KeyedRow> TableWriter<R> {
    pub(in crate::postgres) fn new(synchronous_commit: SynchronousCommit) -> Self {
        Self {
            copy_backoff: AtomicU32::default(),
            replaying: AtomicBool::default(),
            high_water_marks: HighWaterMarks::default(),
            known_days: KnownDays::default(),
            synchronous_commit,
        }
    }

    /// Stores `batch`: all that can be stored, or nothing. Stores rows with a key and rows without one in
    /// separate transactions, after a transaction that records the days of all.
    pub(super) fn insert(
        &self,
        connection: &mut PgConnection,
        batch: RowBatch<R>,
        now: DateTime<Utc>,
    ) -> Result<InsertReceipt<R>, DbError> {
        let rows = batch.firsts.iter().chain(&batch.keyless);
        let rows = rows.filter(|_| R::IS_SETTLED);
        let instants = rows.map(|row| (row.symbol_id(), row.time())).collect();
        let written = match self.record_days(connection, &batch) {
            Ok(()) => self.insert_recorded(connection, batch, now),
            Err(error) => Err(error),
        };
        let mut receipt = written.inspect_err(|_| self.known_days.forget())?;
        if R::IS_SETTLED {
            R::settle(connection, instants, &mut receipt).map_err(after_commit::<R>)?;
        }
        Ok(receipt)
    }

    fn record_days(
        &self,
        connection: &mut PgConnection,
        batch: &RowBatch<R>,
    ) -> Result<(), DbError> {
        let Some(recorded) = R::DAYS else {
            return Ok(());
        };
        let rows = batch.firsts.iter().chain(&batch.keyless);
        let days = rows.map(|row| (row.symbol_id(), row.time()));
        Ok(self.known_days.record(connection, recorded.days, days)?)
    }

    fn insert_recorded(
        &self,
        connection: &mut PgConnection,
        mut batch: RowBatch<R>,
        now: DateTime<Utc>,
    ) -> Result<InsertReceipt<R>, DbError> {
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
        mut batch: RowBatch<R>,
        now: DateTime<Utc>,
    ) -> Result<InsertReceipt<R>, DbError> {
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
                    self.avoid_copy();
                    std::thread::sleep(delays.next_delay());
                    attempt += 1;
                }
                Err(error) => {
                    // a caller that resends the batch may find it stored
                    self.avoid_copy();
                    return Err(error.into());
                }
                Ok(outcome) => break outcome,
            }
        };
        self.high_water_marks.advance(&batch.firsts);
        Ok(match outcome {
            InsertOutcome::AllInserted => batch.all_inserted(),
            InsertOutcome::SomeInserted(inserted, stored) => batch.compared(inserted, &stored),
            InsertOutcome::SomeRefused(mut receipt) => {
                receipt.merge(batch.into_receipt());
                receipt
            }
        })
    }

    fn attempt(
        &self,
        connection: &mut PgConnection,
        batch: &RowBatch<R>,
        now: DateTime<Utc>,
    ) -> Result<InsertOutcome<R>, DbError> {
        let rows = &batch.firsts;
        if self.looks_new(connection, rows)? {
            let written = self.commit(connection, |connection| insert_new(connection, rows));
            match written.map_err(DbError::from) {
                Ok(inserted) if inserted == rows.len() => return Ok(InsertOutcome::AllInserted),
                Ok(inserted) => return some_inserted(connection, batch, inserted, now),
                Err(error) if error.is_unique_violation() => self.avoid_copy(),
                Err(DbError::Diesel(error)) if refusal(&error).is_some() => {}
                Err(error) => return Err(error),
            }
        }
        // a lookup is cheaper than an insert attempt
        if self.replaying.load(Ordering::Relaxed) {
            let stored = read_stored(connection, rows)?;
            if stored.len() == rows.len() {
                return Ok(InsertOutcome::SomeInserted(0, stored));
            }
            self.replaying.store(false, Ordering::Relaxed);
        }
        match self.commit(connection, |connection| insert_missing(connection, rows)) {
            Ok(inserted) if inserted == rows.len() => {
                self.note_clean_batch();
                Ok(InsertOutcome::AllInserted)
            }
            Ok(inserted) => {
                self.avoid_copy();
                self.replaying.store(inserted == 0, Ordering::Relaxed);
                some_inserted(connection, batch, inserted, now)
            }
            Err(error) if refusal(&error).is_some() => connection
                .transaction(|connection| insert_by_halves(connection, batch.clone(), now))
                .map(InsertOutcome::SomeRefused)
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
        let is_slower = rows.len() < MIN_COPY_ROWS && !is_single;
        if is_slower || self.copy_backoff.load(Ordering::Relaxed) > 0 {
            return Ok(false);
        }
        if self.high_water_marks.all_newer(rows) {
            return Ok(true);
        }
        if is_single {
            // a lookup costs more than the server's own check
            return Ok(false);
        }
        // this process or an earlier one may have sent the batch before: look up its first and last row,
        // which costs little, while a refused `COPY` doubles the cost and leaves dead rows
        let edges = [rows[0].clone(), rows[rows.len() - 1].clone()];
        let stored = read_stored(connection, &edges)?.len();
        if stored == 0 {
            return Ok(true);
        }
        self.avoid_copy();
        self.replaying
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

    pub(super) fn avoid_copy(&self) {
        self.copy_backoff
            .store(COPY_BACKOFF_BATCHES, Ordering::Relaxed);
    }

    pub(super) fn note_clean_batch(&self) {
        // an error means that the counter is zero already
        let _ = self
            .copy_backoff
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

/// The outcome of `batch`, of which `inserted` rows were stored and committed. Rows that are missing afterwards
/// were deleted in between, and stay so. If a trigger discards some, all rows are tried one by one.
pub(super) fn some_inserted<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: &RowBatch<R>,
    inserted: usize,
    now: DateTime<Utc>,
) -> Result<InsertOutcome<R>, DbError> {
    let mut stored = read_stored(connection, &batch.firsts).map_err(after_commit::<R>)?;
    let missing = batch.firsts.iter();
    let missing = missing.filter(|row| !stored.contains_key(&row.key()));
    let missing: Vec<_> = missing.cloned().collect();
    if missing.is_empty() || are_accepted(connection, &missing).map_err(after_commit::<R>)? {
        stored.extend(missing.into_iter().map(|row| (row.key(), row)));
        return Ok(InsertOutcome::SomeInserted(inserted as u64, stored));
    }
    let by_halves = connection
        .transaction(|connection| insert_by_halves(connection, batch.clone(), now))
        .map_err(of_commit);
    match by_halves {
        Ok(receipt) => Ok(InsertOutcome::SomeRefused(with_inserted(receipt, inserted))),
        Err(error) if inserted == 0 => Err(error),
        Err(error) => Err(after_commit::<R>(error)),
    }
}

/// Whether the table accepts all of `rows`, none of which it has. Stores nothing.
fn are_accepted<R: KeyedRow>(connection: &mut PgConnection, rows: &[R]) -> Result<bool, DbError> {
    let mut accepted = 0;
    let tried = connection.transaction::<(), _, _>(|connection| {
        accepted = insert_missing(connection, rows)?;
        Err(DieselError::RollbackTransaction)
    });
    match tried {
        Err(error) if refusal(&error).is_some() => Ok(false),
        Err(DieselError::RollbackTransaction) | Ok(()) => Ok(accepted == rows.len()),
        Err(error) => Err(error.into()),
    }
}

/// Corrects a receipt that counts `inserted` rows as duplicates, since they were inserted a moment before.
pub(super) fn with_inserted<R>(mut receipt: InsertReceipt<R>, inserted: usize) -> InsertReceipt<R> {
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

/// Returns the error of the commit, not the error of the rollback after it: only the first says whether
/// anything may be stored.
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
        let second_call = |inserted, duplicates| InsertReceipt::<Tick> {
            inserted,
            duplicates,
            ..InsertReceipt::default()
        };
        assert_eq!(with_inserted(second_call(0, 10), 4), second_call(4, 6));
        // three of the ten were deleted after their first insert
        assert_eq!(with_inserted(second_call(3, 7), 10), second_call(10, 0));
    }
}
