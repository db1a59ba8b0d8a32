//! The description of a table that the write path fills.

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
use crate::retention::RetentionFloor;

use super::column::{Column, TableRow};

/// Rows with the keys they were given, in key order, each with the index of the row it was made of.
pub(in crate::postgres) type Placed<R> = Vec<(R, usize)>;

/// A row of a table whose rows are written in batches that may be sent again.
///
/// A row has a key, which begins with a symbol and a time. Under a stored key, equal content is a
/// duplicate and other content a conflict.
///
/// [`COLUMNS`](TableRow::COLUMNS) are all columns of the table in the order of the schema module, and
/// begin with the key; `writing/tests.rs` compares them.
pub(in crate::postgres) trait KeyedRow:
    TableRow + Debug + Clone + PartialEq + Send + Sync
{
    /// Identifies a row and orders the rows of a batch: symbol, time, and what orders an instant.
    type Key: Debug + Copy + Ord + Hash + Send + Sync + 'static;

    /// A stored row as the columns are read, in their order, before its values are checked.
    type Stored: FromSqlRow<<Self::Table as AsQuery>::SqlType, Pg>;

    /// How many of the columns, from the first on, are the key: the symbol, the time, and the rest.
    const KEY_COLUMNS: usize;

    /// What writing is called in errors and metrics: `insert ticks`.
    const OPERATION: &'static str;

    /// What a row is called in errors: `tick`.
    const NAME: &'static str;

    /// The table whose column `day` lists the days of late rows, so that what is made of them is
    /// refreshed; `None` where late rows leave no mark.
    const LATE_DAYS: Option<&'static str>;

    /// What identifies it.
    fn key(&self) -> Self::Key;

    /// The first part of the key.
    fn symbol_id(&self) -> SymbolId;

    /// The second part of the key.
    fn time(&self) -> DateTime<Utc>;

    /// The form in which it is stored, or why it can never be.
    fn normalized(&self) -> Result<Self, String>;

    /// Whether what was sent under one key is the same twice.
    fn has_content_of(&self, other: &Self) -> bool;

    /// Reads a stored row.
    ///
    /// # Errors
    /// `Data` where a value cannot be read.
    fn of_stored(stored: Self::Stored) -> Result<Self, RepositoryError>;

    /// The newest stored row of a symbol; most are shortly before `now`.
    fn newest(
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, DbError>;

    /// The same row under another key, which is free as a rule.
    fn under_another_key(self) -> Self;

    /// Whether it brings no key of its own, and is [placed](Self::placed) among the rows that are stored of
    /// its symbol and time.
    fn is_keyless(&self) -> bool {
        false
    }

    /// The rows that `given`, which are keyless, add to `stored`, which are the rows of their symbols and
    /// times; in key order, each with the index of the given row it is of. One that adds none is a
    /// duplicate.
    fn placed(_stored: &[Self], _given: &[Self]) -> Placed<Self> {
        Vec::new()
    }

    /// How old a row may be.
    fn floor(applied: &AppliedPolicies) -> RetentionFloor;
}

/// The columns of the key.
pub(super) fn key_columns<R: KeyedRow>() -> &'static [Column<R>] {
    &R::COLUMNS[..R::KEY_COLUMNS]
}
