//! Deletion of order books.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::book::{BookSnapshot, BookUpdate};
use crate::domain::{SymbolId, TimeRange};
use crate::postgres::reading::first_part;
use crate::postgres::writing::{KeyedRow, time_column};
use crate::repository::{DeletedBooks, TimeSpan, split_at};

use super::intervals;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

impl Counted {
    /// Counts the rows of `part`, and deletes them if that `is_meant`.
    fn rows<R: KeyedRow>(
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        part: TimeRange,
        is_meant: bool,
    ) -> Result<Self, DbError> {
        let (table, time) = (R::TABLE, time_column::<R>());
        let of_part = format!("{table} WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3");
        let source = match is_meant {
            true => format!("WITH found AS (DELETE FROM {of_part} RETURNING {time})"),
            false => format!("WITH found AS (SELECT {time} FROM {of_part})"),
        };
        let counted = sql_query(format!(
            "{source} SELECT count(*) AS rows, min({time}) AS first, max({time}) AS last FROM found"
        ))
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(part.start())
        .bind::<Timestamptz, _>(part.end())
        .get_result(connection)?;
        Ok(counted)
    }

    fn span(&self) -> Option<TimeSpan> {
        let ends = self.first.zip(self.last);
        ends.map(|(first, last)| TimeSpan::new(first, last))
    }
}

/// Deletes the first part of `range` in one transaction.
pub(super) fn delete_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedBooks, DbError> {
    transaction(connection, |connection| {
        let deleted = on_first_part(connection, symbol_id, range, true)?;
        if let Some(span) = deleted.span {
            intervals::cut(connection, symbol_id, span)?;
        }
        Ok(deleted)
    })
}

/// Counts the rows that [`delete_part`] would delete.
pub(super) fn deletable_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedBooks, DbError> {
    on_first_part(connection, symbol_id, range, false)
}

fn on_first_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    is_meant: bool,
) -> Result<DeletedBooks, DbError> {
    let of_snapshots = first_part::<BookSnapshot>(connection, symbol_id, range)?;
    let of_updates = first_part::<BookUpdate>(connection, symbol_id, range)?;
    let ends = of_snapshots.into_iter().chain(of_updates);
    let Some(end) = ends.map(|(part, _)| part.end()).min() else {
        return Ok(DeletedBooks::default());
    };
    let (part, rest) = split_at(range, end)?;
    let snapshots = Counted::rows::<BookSnapshot>(connection, symbol_id, part, is_meant)?;
    let updates = Counted::rows::<BookUpdate>(connection, symbol_id, part, is_meant)?;
    let mut deleted = DeletedBooks {
        span: TimeSpan::joined(snapshots.span(), updates.span()),
        ..DeletedBooks::default()
    };
    deleted.snapshots = snapshots.rows.unsigned_abs();
    deleted.updates = updates.rows.unsigned_abs();
    deleted.rest = rest;
    Ok(deleted)
}
