//! The parts in which rows are deleted.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{SortOrder, SymbolId, TimeRange, Timeframe};
use crate::postgres::writing::{KeyedRow, time_column};
use crate::repository::{part_of_a_day, split_at};

use super::range::first_time;

/// The number of rows of a transaction, rounded to whole minutes.
const MAX_ROWS: i64 = 50_000;

#[derive(QueryableByName)]
struct Time {
    #[diesel(sql_type = Timestamptz)]
    time: DateTime<Utc>,
}

/// The first part of `range` that has rows, at most one day of them, and the rest; `None` without rows.
pub(in crate::postgres) fn first_part<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<Option<(TimeRange, Option<TimeRange>)>, DbError> {
    // the start of a search for the newest does not matter here
    let now = range.end();
    let order = SortOrder::Ascending;
    let Some(first) = first_time::<R>(connection, symbol_id, range, order, now)? else {
        return Ok(None);
    };
    let (of_day, behind) = part_of_a_day(range, first)?;
    let (table, time) = (R::TABLE, time_column::<R>());
    let beyond: Option<Time> = sql_query(format!(
        "SELECT {time} AS time FROM {table} WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3 \
         ORDER BY {time} OFFSET $4 LIMIT 1"
    ))
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(first)
    .bind::<Timestamptz, _>(of_day.end())
    .bind::<BigInt, _>(MAX_ROWS)
    .get_result(connection)
    .optional()?;
    let Some(beyond) = beyond else {
        return Ok(Some((of_day, behind)));
    };
    // whole minutes, at least one
    let minute = Timeframe::M1.bucket_start(beyond.time);
    let end = match minute > first {
        true => minute,
        false => minute + TimeDelta::minutes(1),
    };
    Ok(Some(split_at(range, end)?))
}
