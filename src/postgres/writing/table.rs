//! The description of a table for the write path.

use std::fmt::Debug;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::deserialize::FromSqlRow;
use diesel::pg::Pg;
use diesel::query_builder::AsQuery;

use crate::db::DbError;
use crate::domain::SymbolId;
use crate::error::RepositoryError;
use crate::postgres::timescale::AppliedPolicies;
use crate::repository::InsertReceipt;
use crate::retention::RetentionFloor;

use super::column::{Column, TableRow};

/// Rows with assigned keys, in key order, each with the index of the given row.
pub(in crate::postgres) type AssignedKeys<R> = Vec<(R, usize)>;

/// A row of a table whose rows are written in batches that may be resent.
///
/// A row has a key, which begins with a symbol and a time. Under a stored key, equal content is a duplicate
/// and other content a conflict.
///
/// [`COLUMNS`](TableRow::COLUMNS) are all columns of the table in the order of the schema module, and begin
/// with the key; `writing/tests.rs` compares them.
pub(in crate::postgres) trait KeyedRow:
    TableRow + Debug + Clone + PartialEq + Send + Sync
{
    /// Identifies a row and orders the rows of a batch: symbol, time, and the order within an instant.
    type Key: Debug + Copy + Ord + Hash + Send + Sync + 'static;

    /// A stored row as the columns are read, in their order, before its values are checked.
    type Stored: FromSqlRow<<Self::Table as AsQuery>::SqlType, Pg>;

    /// The number of leading columns that form the key: the symbol, the time, and the rest.
    const KEY_COLUMNS: usize;

    /// The name of the write in errors and metrics, in snake case: `insert_batch`.
    const OPERATION: &'static str;

    /// The name of a row in errors: `tick`.
    const NAME: &'static str;

    /// The table whose column `day` lists the days of late rows for a refresh; `None` if late rows leave no
    /// mark.
    const LATE_DAYS: Option<&'static str>;

    /// The key.
    fn key(&self) -> Self::Key;

    /// The first part of the key.
    fn symbol_id(&self) -> SymbolId;

    /// The second part of the key.
    fn time(&self) -> DateTime<Utc>;

    /// The form in which it is stored, or the reason why it can never be.
    fn normalized(&self) -> Result<Self, String>;

    /// Whether two rows with the same key have the same content.
    fn has_content_of(&self, other: &Self) -> bool;

    /// Reads a stored row.
    ///
    /// # Errors
    /// Returns `Data` for an unreadable value.
    fn of_stored(stored: Self::Stored) -> Result<Self, RepositoryError>;

    /// The newest stored row of a symbol, usually shortly before `now`.
    fn newest(
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, DbError>;

    /// The same row under another key, which is usually free.
    fn under_another_key(self) -> Self;

    /// Whether the row has no key and is [placed](Self::assign_keys) among the stored rows of its symbol and time.
    fn is_keyless(&self) -> bool {
        false
    }

    /// Assigns keys to the keyless rows `given`. `stored` are the stored rows of their symbols and times.
    /// Returns the rows to add, in key order, each with the index of its given row; a given row without one
    /// is a duplicate.
    fn assign_keys(_stored: &[Self], _given: &[Self]) -> AssignedKeys<Self> {
        Vec::new()
    }

    /// Whether [`settle`](Self::settle) does anything.
    const IS_SETTLED: bool = false;

    /// Changes rows that were stored and committed with `receipt`, as other tables say. `instants` are the symbols
    /// and times of the rows.
    fn settle(
        _connection: &mut PgConnection,
        _instants: Vec<(SymbolId, DateTime<Utc>)>,
        _receipt: &mut InsertReceipt<Self>,
    ) -> Result<(), DbError> {
        Ok(())
    }

    /// The retention floor of the rows.
    fn floor(applied: &AppliedPolicies) -> RetentionFloor;

    /// The reason why `floor` refuses a row of that time at `now`; `None` if it is accepted.
    fn refusal(floor: &RetentionFloor, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
        floor.refusal(time, now)
    }
}

/// The name of the column of times.
pub(in crate::postgres) fn time_column<R: KeyedRow>() -> &'static str {
    R::COLUMNS[1].name
}

/// The name of the column that orders the rows of an instant.
pub(in crate::postgres) fn sequence_column<R: KeyedRow>() -> &'static str {
    R::COLUMNS[2].name
}

/// The columns of the key.
pub(super) fn key_columns<R: KeyedRow>() -> &'static [Column<R>] {
    &R::COLUMNS[..R::KEY_COLUMNS]
}
