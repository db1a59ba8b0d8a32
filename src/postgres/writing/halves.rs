//! Stores batches of which the database refuses rows, and decides whether the row or the table is at fault.
//!
//! If a constraint or a trigger accepts another row, the rows that it refuses are at fault and are rejected.
//! If it accepts no other row, the table is at fault and no row is rejected. The other row is a row of the
//! same batch, else the newest stored row of the same symbol, else any stored row; a stored row is written
//! again under another key, and the write is rolled back. If nothing is stored and no row of the batch is
//! accepted, the table is at fault; for a large batch a sample of its rows is tried first.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, PgConnection, QueryResult};

use crate::db::{Condition, DbError};
use crate::domain::SymbolId;
use crate::error::{Database, RepositoryError};
use crate::repository::{InsertReceipt, RejectedRow};

use super::batch::RowBatch;
use super::stored::{read_any, read_stored};
use super::table::KeyedRow;
use super::unnest::{insert_missing, insert_one};

/// The number of rows that are tried alone before the table counts as faulty, if it refuses a stored row or
/// has none.
const SAMPLE: usize = 16;

/// The reason why the database refuses a row of the failed statement; `None` for other errors.
///
/// Other errors, such as a full disk, must not reject a row, nor must a column that requires a value which no
/// row has.
pub(super) fn refusal(error: &DieselError) -> Option<String> {
    use DatabaseErrorKind as Kind;
    let DieselError::DatabaseError(kind, info) = error else {
        return None;
    };
    let message = info.message();
    let of_a_row = match kind {
        Kind::CheckViolation | Kind::ForeignKeyViolation | Kind::ExclusionViolation => true,
        _ => Condition::of(error) == Condition::NumericOutOfRange,
    };
    of_a_row.then(|| format!("the database refuses it: {message}"))
}

fn leaves_out<R: KeyedRow>() -> String {
    let table = R::TABLE;
    format!("the database discards it: a trigger of the table {table} returns no row")
}

/// The error of a table that accepts no row.
pub(super) fn table_refuses<R: KeyedRow>(reason: &str) -> RepositoryError {
    let (table, row) = (R::TABLE, R::NAME);
    RepositoryError::Schema {
        database: Database::Timeseries,
        reason: format!(
            "the table {table} accepts no {row} ({reason}): check its columns, constraints and \
             triggers"
        ),
    }
}

/// Stores the rows that the database accepts; call it within a transaction.
///
/// # Errors
/// Returns [`table_refuses`] if the database accepts no row.
pub(super) fn insert_by_halves<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: RowBatch<R>,
    now: DateTime<Utc>,
) -> Result<InsertReceipt<R>, DbError> {
    let rows = &batch.firsts;
    let Some(first) = rows.first() else {
        return Ok(batch.into_receipt());
    };
    let stored = try_stored::<R>(connection, first.symbol_id(), now)?;
    // row by row, a large batch without an accepted row takes longer than the deadline of any call
    if !matches!(stored, TrialWrite::Taken)
        && rows.len() > SAMPLE
        && let Some(reason) = refused_sample(connection, rows)?
    {
        return Err(table_refuses::<R>(&reason).into());
    }
    let mut takes_some = matches!(stored, TrialWrite::Taken);
    let receipt = store(connection, batch, &mut takes_some)?;
    match (takes_some, receipt.rejected.first()) {
        (false, Some(rejected)) => Err(table_refuses::<R>(&rejected.reason).into()),
        _ => Ok(receipt),
    }
}

/// Stores the rows that the database accepts. Sets `takes_some` if a row is in the table afterwards.
fn store<R: KeyedRow>(
    connection: &mut PgConnection,
    batch: RowBatch<R>,
    takes_some: &mut bool,
) -> Result<InsertReceipt<R>, DbError> {
    let mut refused = Vec::new();
    let inserted = insert_half(connection, &batch.firsts, &mut refused)?;
    let mut keys: HashSet<_> = refused.iter().map(|refused| refused.row.key()).collect();
    let RowBatch {
        mut firsts,
        mut repeats,
        ..
    } = batch;
    firsts.retain(|row| !keys.contains(&row.key()));
    let stored = read_stored(connection, &firsts)?;
    // no chunk can be dropped before this transaction ends
    let left_out = firsts.extract_if(.., |row| !stored.contains_key(&row.key()));
    refused.extend(left_out.map(|row| RejectedRow {
        row,
        reason: leaves_out::<R>(),
    }));
    keys.extend(refused.iter().map(|refused| refused.row.key()));
    *takes_some |= !firsts.is_empty();
    // if the first row of a key was refused, its next row becomes the first
    let again = repeats.extract_if(.., |row| keys.contains(&row.key()));
    let again = RowBatch::of_sorted(again.collect());
    let accepted = RowBatch::of_parts(firsts, repeats);
    let mut receipt = accepted.compared(inserted, &stored);
    receipt.rejected.extend(refused);
    if !again.has_nothing_to_store() {
        receipt.merge(store(connection, again, takes_some)?);
    }
    Ok(receipt)
}

fn insert_half<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
    refused: &mut Vec<RejectedRow<R>>,
) -> QueryResult<u64> {
    // a nested transaction is a savepoint
    match connection.transaction(|connection| insert_missing(connection, rows)) {
        Ok(inserted) => Ok(inserted as u64),
        Err(error) => match (refusal(&error), rows) {
            (Some(reason), [row]) => {
                let row = row.clone();
                refused.push(RejectedRow { row, reason });
                Ok(0)
            }
            (Some(_), rows) => {
                let (left, right) = rows.split_at(rows.len() / 2);
                Ok(insert_half(connection, left, refused)?
                    + insert_half(connection, right, refused)?)
            }
            (None, _) => Err(error),
        },
    }
}

enum TrialWrite {
    Taken,
    Refused,
    /// No row is stored.
    Nothing,
}

/// Writes a stored row again under another key, and rolls the write back.
fn try_stored<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    now: DateTime<Utc>,
) -> Result<TrialWrite, DbError> {
    let stored = match R::newest(connection, symbol_id, now)? {
        Some(newest) => newest,
        None => match read_any::<R>(connection)? {
            Some(any) => any,
            None => return Ok(TrialWrite::Nothing),
        },
    };
    Ok(match try_one(connection, &stored.under_another_key()) {
        Ok(true) => TrialWrite::Taken,
        Ok(false) => TrialWrite::Refused,
        Err(error) if refusal(&error).is_some() => TrialWrite::Refused,
        // other errors say nothing about the table
        Err(_) => TrialWrite::Taken,
    })
}

/// The reason why the first row of a sample of `rows` is refused alone, if all rows of the sample are
/// refused.
fn refused_sample<R: KeyedRow>(
    connection: &mut PgConnection,
    rows: &[R],
) -> QueryResult<Option<String>> {
    let mut first = None;
    for row in rows.iter().step_by(rows.len().div_ceil(SAMPLE)) {
        let reason = match try_one(connection, row) {
            Ok(true) => return Ok(None),
            Ok(false) => leaves_out::<R>(),
            Err(error) => refusal(&error).ok_or(error)?,
        };
        first.get_or_insert(reason);
    }
    Ok(first)
}

/// Writes a row and rolls the write back. Returns whether the table accepts it; a key that is taken shows
/// that all constraints accepted it.
fn try_one<R: KeyedRow>(connection: &mut PgConnection, row: &R) -> QueryResult<bool> {
    let mut inserted = 0;
    let tried: QueryResult<()> = connection.transaction(|connection| {
        inserted = insert_one(connection, row)?;
        Err(DieselError::RollbackTransaction)
    });
    match tried {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(inserted > 0),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(true),
        Err(error) => Err(error),
    }
}
