//! How a batch is stored of which the database refuses rows, and how a row that is refused is told
//! from a table that refuses all.
//!
//! A constraint or a trigger that lets another tick pass judges ticks, so that those it refuses are
//! rejected. One that lets none pass is a mistake in the table, and costs no tick. Another tick is
//! one of the same batch, or the newest one stored of the same symbol, or any that is stored: it is
//! written once more under another sequence, and taken back. Where nothing is stored and nothing of
//! the batch passes, nothing speaks for the table; of a large batch some rows from all over are tried
//! first.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, PgConnection, QueryDsl as _, QueryResult, RunQueryDsl as _};

use super::batch::Batch;
use super::range::newest_in;
use super::row::TickRow;
use super::stored::read_stored;
use super::unnest::{insert_missing, insert_one};
use crate::db::{Condition, DbError};
use crate::domain::{SymbolId, Tick, TimeRange};
use crate::error::{Database, RepositoryError};
use crate::postgres::schema::timeseries::ticks;
use crate::repository::{InsertReceipt, RejectedTick};

/// So many rows of a batch are tried alone before a table is given up that refuses a stored one, or
/// has none.
const SAMPLE: usize = 16;

/// Why the database will not take a row of the statement that failed so, if that is why it did.
///
/// Anything else, such as a full disk, must not cost a tick; nor must a column that wants a value
/// which no tick has.
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

const LEFT_OUT: &str = "the database leaves it out: a trigger of the table ticks returns no row";

/// The error of a table that takes no tick.
pub(super) fn table_refuses(reason: &str) -> RepositoryError {
    RepositoryError::Schema {
        database: Database::Timeseries,
        reason: format!(
            "the table ticks takes no tick ({reason}): see to its columns, constraints and triggers"
        ),
    }
}

/// Stores what the database takes; for use within a transaction.
///
/// # Errors
/// [`table_refuses`] where it takes nothing at all.
pub(super) fn insert_by_halves(
    connection: &mut PgConnection,
    batch: Batch,
    now: DateTime<Utc>,
) -> Result<InsertReceipt, DbError> {
    let rows = &batch.firsts;
    let Some(first) = rows.first() else {
        return Ok(batch.into_receipt());
    };
    let stored = try_stored(connection, first.symbol_id, now)?;
    // row by row, a large batch of which none passes takes longer than any call may
    if !matches!(stored, Stored::Taken)
        && rows.len() > SAMPLE
        && let Some(reason) = refused_sample(connection, rows)?
    {
        return Err(table_refuses(&reason).into());
    }
    let mut takes_some = matches!(stored, Stored::Taken);
    let receipt = store(connection, batch, &mut takes_some)?;
    match (takes_some, receipt.rejected.first()) {
        (false, Some(rejected)) => Err(table_refuses(&rejected.reason).into()),
        _ => Ok(receipt),
    }
}

/// `takes_some`: set where a row is in the table afterwards.
fn store(
    connection: &mut PgConnection,
    batch: Batch,
    takes_some: &mut bool,
) -> Result<InsertReceipt, DbError> {
    let mut refused = Vec::new();
    let inserted = insert_half(connection, &batch.firsts, &mut refused)?;
    let mut keys: HashSet<_> = refused.iter().map(|refused| refused.tick.key()).collect();
    let Batch {
        mut firsts,
        mut repeats,
        ..
    } = batch;
    firsts.retain(|tick| !keys.contains(&tick.key()));
    let stored = read_stored(connection, &firsts)?;
    // nothing can be dropped before this transaction ends
    let left_out = firsts.extract_if(.., |tick| !stored.contains_key(&tick.key()));
    refused.extend(left_out.map(|tick| RejectedTick {
        tick,
        reason: LEFT_OUT.to_owned(),
    }));
    keys.extend(refused.iter().map(|refused| refused.tick.key()));
    *takes_some |= !firsts.is_empty();
    // where the first tick of a key was refused, the next one of it is the first
    let again = repeats.extract_if(.., |tick| keys.contains(&tick.key()));
    let again = Batch::of_sorted(again.collect());
    let accepted = Batch::of_parts(firsts, repeats);
    let mut receipt = accepted.compared(inserted, &stored);
    receipt.rejected.extend(refused);
    if !again.has_nothing_to_store() {
        receipt.merge(store(connection, again, takes_some)?);
    }
    Ok(receipt)
}

fn insert_half(
    connection: &mut PgConnection,
    rows: &[Tick],
    refused: &mut Vec<RejectedTick>,
) -> QueryResult<u64> {
    // a transaction within a transaction is a savepoint
    match connection.transaction(|connection| insert_missing(connection, rows)) {
        Ok(inserted) => Ok(inserted as u64),
        Err(error) => match (refusal(&error), rows) {
            (Some(reason), [tick]) => {
                refused.push(RejectedTick {
                    tick: tick.clone(),
                    reason,
                });
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

enum Stored {
    Taken,
    Refused,
    /// There is none.
    Nothing,
}

/// What the table does with a tick that it has already, under another sequence.
fn try_stored(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    now: DateTime<Utc>,
) -> Result<Stored, DbError> {
    let newest = newest_in(connection, symbol_id, TimeRange::all(), now)?;
    let stored = match newest {
        Some(newest) => newest,
        None => {
            let any: Vec<TickRow> = ticks::table.limit(1).load(connection)?;
            match any.into_iter().next() {
                Some(row) => row.into_tick()?,
                None => return Ok(Stored::Nothing),
            }
        }
    };
    let next = stored.sequence.saturating_add(1);
    let probe = stored.with_sequence(next);
    Ok(match try_one(connection, &probe) {
        Ok(true) => Stored::Taken,
        Ok(false) => Stored::Refused,
        Err(error) if refusal(&error).is_some() => Stored::Refused,
        // what is no refusal says nothing against the table
        Err(_) => Stored::Taken,
    })
}

/// Why the first of some of `rows`, from all over, does not pass alone, where none of them does.
fn refused_sample(connection: &mut PgConnection, rows: &[Tick]) -> QueryResult<Option<String>> {
    let mut first = None;
    for tick in rows.iter().step_by(rows.len().div_ceil(SAMPLE)) {
        let reason = match try_one(connection, tick) {
            Ok(true) => return Ok(None),
            Ok(false) => LEFT_OUT.to_owned(),
            Err(error) => refusal(&error).ok_or(error)?,
        };
        first.get_or_insert(reason);
    }
    Ok(first)
}

/// Writes a tick and takes it back. Whether the table would have taken it; a taken key is behind all
/// that could refuse it.
fn try_one(connection: &mut PgConnection, tick: &Tick) -> QueryResult<bool> {
    let mut inserted = 0;
    let tried: QueryResult<()> = connection.transaction(|connection| {
        inserted = insert_one(connection, tick)?;
        Err(DieselError::RollbackTransaction)
    });
    match tried {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(inserted > 0),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(true),
        Err(error) => Err(error),
    }
}
