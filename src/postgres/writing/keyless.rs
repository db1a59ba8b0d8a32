//! Writes rows without keys, in one transaction with the read of the stored rows of their symbols and times.
//!
//! The writer holds a lock of the symbols until the commit, so that the read sees the rows of other writers.
//! A row with a key may still take a key that was free at the time of the read; then nothing is stored, and
//! the next attempt reads again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt};
use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_query};

use crate::db::{CONFLICT_BACKOFF, DbError, SynchronousCommit};
use crate::error::{Database, RepositoryError};
use crate::repository::{InsertReceipt, RejectedRow};

use super::batch::RowBatch;
use super::halves::{insert_by_halves, refusal, table_refuses};
use super::insert::{ATTEMPTS, MIN_COPY_ROWS, TableWriter, classified, insert_new, of_commit};
use super::retention_guard::{apply_retention, has_old_rows, record_late_days};
use super::stored::{read_instants, read_stored};
use super::table::KeyedRow;
use super::unnest::insert_missing;

/// The number of locks that all symbols share: a lock per symbol would fill the server's lock table for a
/// batch of 10,000 symbols.
const LOCKS: i64 = 64;

/// The strategy of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeylessMethod {
    /// All rows at once.
    Together,
    /// By halves, since the database refuses or discards a row.
    Halves,
}

/// The reason why nothing was stored.
enum NotWritten {
    Failed(DbError),
    /// Another writer took a key that was free.
    Taken,
    /// The database refuses or discards a row.
    Refused,
}

impl From<DbError> for NotWritten {
    fn from(error: DbError) -> Self {
        if error.is_unique_violation() {
            return Self::Taken;
        }
        match &error {
            DbError::Diesel(of_row) if refusal(of_row).is_some() => Self::Refused,
            _ => Self::Failed(of_commit(error)),
        }
    }
}

impl From<DieselError> for NotWritten {
    fn from(error: DieselError) -> Self {
        DbError::from(error).into()
    }
}

impl<R: KeyedRow> TableWriter<R> {
    /// Stores normalized rows without keys: all that can be stored, or nothing.
    pub(super) fn insert_keyless(
        &self,
        connection: &mut PgConnection,
        rows: &[R],
        now: DateTime<Utc>,
    ) -> Result<InsertReceipt<R>, DbError> {
        let mut method = KeylessMethod::Together;
        let mut attempt = 1;
        let mut delays = CONFLICT_BACKOFF.delays();
        loop {
            let batch = RowBatch::of_parts(rows.to_vec(), Vec::new());
            // each statement sees what was committed before it, regardless of the server's default
            let written = connection
                .build_transaction()
                .read_committed()
                .run(|connection| self.write_keyless(connection, batch, method, now));
            let error = match written {
                Ok(receipt) => return Ok(receipt),
                Err(NotWritten::Refused) if method == KeylessMethod::Together => {
                    method = KeylessMethod::Halves;
                    continue;
                }
                Err(NotWritten::Refused) => table_refuses::<R>("it discards rows"),
                Err(NotWritten::Taken) => RepositoryError::Conflict {
                    database: Database::Timeseries,
                    operation: R::OPERATION,
                    source: "another writer took a free key".into(),
                },
                Err(NotWritten::Failed(error)) => classified::<R>(error),
            };
            if !matches!(error, RepositoryError::Conflict { .. }) || attempt == ATTEMPTS {
                return Err(error.into());
            }
            std::thread::sleep(delays.next_delay());
            attempt += 1;
        }
    }

    fn write_keyless(
        &self,
        connection: &mut PgConnection,
        mut batch: RowBatch<R>,
        method: KeylessMethod,
        now: DateTime<Utc>,
    ) -> Result<InsertReceipt<R>, NotWritten> {
        let mut late_before = None;
        if has_old_rows(&batch, now) {
            connection.batch_execute(&format!(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {}",
                self.settings()
            ))?;
            late_before = apply_retention(connection, &mut batch)?;
        } else if self.synchronous_commit == SynchronousCommit::Off {
            connection.batch_execute("SET LOCAL synchronous_commit = off")?;
        }
        let given = std::mem::take(&mut batch.firsts);
        lock(connection, &given)?;
        let stored = read_instants(connection, &given)?;
        let placed = R::assign_keys(&stored, &given);
        let new: BTreeSet<_> = placed.iter().map(|(_, origin)| *origin).collect();
        let mut refused = BTreeMap::new();
        let (rows, origins): (Vec<_>, Vec<_>) = placed.into_iter().unzip();
        if !rows.is_empty() {
            record_late_days(connection, &rows, late_before)?;
            match method {
                KeylessMethod::Together => insert_all(connection, &rows)?,
                KeylessMethod::Halves => {
                    refused = insert_accepted(connection, &rows, &origins, now)?
                }
            }
            self.high_water_marks.advance(&rows);
        }
        let mut receipt = batch.into_receipt();
        receipt.inserted = (new.len() - refused.len()) as u64;
        receipt.duplicates = (given.len() - new.len()) as u64;
        let refused = refused.into_iter().map(|(origin, reason)| RejectedRow {
            row: given[origin].clone(),
            reason,
        });
        receipt.rejected.extend(refused);
        Ok(receipt)
    }
}

/// Locks the symbols of `rows` until the transaction ends, so that other writers of rows without keys wait.
fn lock<R: KeyedRow>(connection: &mut PgConnection, rows: &[R]) -> QueryResult<()> {
    // in ascending order, so that writers cannot deadlock
    let locks: BTreeSet<_> = rows
        .iter()
        .map(|row| row.symbol_id().get() % LOCKS)
        .collect();
    let locks: Vec<_> = locks.into_iter().collect();
    sql_query(format!(
        "SELECT pg_advisory_xact_lock(hashtextextended(\
             'tickbook keys of {} ' || number || ' ' || current_schema(), 0)) \
         FROM unnest($1) AS number",
        R::TABLE
    ))
    .bind::<Array<BigInt>, _>(locks)
    .execute(connection)?;
    Ok(())
}

/// Stores all of `rows` or fails.
fn insert_all<R: KeyedRow>(connection: &mut PgConnection, rows: &[R]) -> Result<(), NotWritten> {
    let inserted = match rows.len() {
        2..MIN_COPY_ROWS => insert_missing(connection, rows)?,
        _ => insert_new(connection, rows)?,
    };
    if inserted == rows.len() {
        return Ok(());
    }
    match read_stored(connection, rows)?.len() == rows.len() {
        true => Err(NotWritten::Taken),
        false => Err(NotWritten::Refused),
    }
}

/// Stores the rows that the database accepts. Returns the origins of the others with the reasons.
fn insert_accepted<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
    origins: &[usize],
    now: DateTime<Utc>,
) -> Result<BTreeMap<usize, String>, NotWritten> {
    let receipt = insert_by_halves(connection, RowBatch::of_sorted(rows.to_vec()), now)?;
    if receipt.duplicates > 0 || !receipt.conflicts.is_empty() {
        return Err(NotWritten::Taken);
    }
    let keys = rows.iter().map(R::key);
    let origins: HashMap<_, _> = keys.zip(origins.iter().copied()).collect();
    let refused = receipt.rejected.into_iter();
    Ok(refused
        .filter_map(|refused| Some((*origins.get(&refused.row.key())?, refused.reason)))
        .collect())
}
