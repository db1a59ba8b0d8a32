//! Drops old snapshots and updates of order books in one transaction, so that no book is computed from an
//! incomplete set of updates.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;

use super::current::{AppliedPolicies, now};
use super::drop_rows::of_a_lock;
use super::report::{LeftChunk, MaintenanceReport};

/// The tables of order books, and the columns of their times.
pub(super) const BOOK_TABLES: [(&str, &str); 2] = [
    ("order_book_snapshots", "snapshot_time"),
    ("order_book_updates", "update_time"),
];

#[derive(QueryableByName)]
struct Cut {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    cut: Option<DateTime<Utc>>,
}

/// Drops the chunks of order books that are old enough, and the intervals that ended before them.
///
/// Requires the lock of the maintenance.
pub(super) fn drop_books(
    connection: &mut PgConnection,
    applied: &AppliedPolicies,
    report: &mut MaintenanceReport,
) -> Result<(), DbError> {
    let Some(drop_after) = applied.books.drop_after else {
        return Ok(());
    };
    let limit = now(connection)? - drop_after.delta();
    let Some(cut) = cut(connection, limit)? else {
        return Ok(());
    };
    match drop_before(connection, cut) {
        Ok(dropped) => report.dropped_books += dropped,
        Err(error) => report.left.push(LeftChunk {
            chunk: format!("order books before {}", cut.to_rfc3339()),
            reason: of_a_lock(error)?,
        }),
    }
    Ok(())
}

/// The latest time, at most `limit`, that cuts no chunk of either table and has a whole chunk before it; `None`
/// if there is no such chunk.
pub(super) fn cut(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let row: Cut = sql_query(
        "WITH pieces AS (SELECT range_start, range_end FROM timescaledb_information.chunks \
           WHERE hypertable_schema = current_schema() \
           AND hypertable_name IN ('order_book_snapshots', 'order_book_updates')) \
         SELECT max(range_end) AS cut FROM pieces AS p WHERE range_end <= $1 \
         AND NOT EXISTS (SELECT FROM pieces AS q \
           WHERE q.range_start < p.range_end AND q.range_end > p.range_end)",
    )
    .bind::<Timestamptz, _>(limit)
    .get_result(connection)?;
    Ok(row.cut)
}

/// Returns the number of dropped chunks.
fn drop_before(connection: &mut PgConnection, cut: DateTime<Utc>) -> Result<u64, DbError> {
    transaction(connection, |connection| {
        connection.batch_execute("SET LOCAL lock_timeout = '5s'")?;
        let mut dropped = 0;
        for (table, _) in BOOK_TABLES {
            dropped += sql_query(format!("SELECT drop_chunks('{table}', older_than => $1)"))
                .bind::<Timestamptz, _>(cut)
                .execute(connection)? as u64;
        }
        // no book is read from rows before this time, even if some are stored later
        sql_query(
            "UPDATE applied_policies \
             SET books_dropped_before = greatest(books_dropped_before, $1)",
        )
        .bind::<Timestamptz, _>(cut)
        .execute(connection)?;
        sql_query("DELETE FROM book_intervals WHERE valid_to <= $1")
            .bind::<Timestamptz, _>(cut)
            .execute(connection)?;
        Ok(dropped)
    })
}
