//! The table of intervals.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::book::{BookInterval, EndReason, UnknownEndReason};
use crate::domain::{SortOrder, SymbolId, TimeRange};
use crate::error::{Entity, RepositoryError};
use crate::repository::{
    BookIntervalQuery, InsertConflict, InsertReceipt, PutInterval, RejectedRow, TimeSpan, after,
    without_deleted,
};

const COLUMNS: &str = "symbol_id, valid_from, valid_to, reason";

#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct IntervalRow {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    valid_from: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    valid_to: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

impl IntervalRow {
    fn into_interval(self) -> Result<BookInterval, RepositoryError> {
        let interval = BookInterval::open(SymbolId::new(self.symbol_id), self.valid_from);
        let Some((to, reason)) = self.valid_to.zip(self.reason) else {
            return Ok(interval);
        };
        let reason: Result<EndReason, UnknownEndReason> = reason.parse();
        let reason = reason.map_err(|error| RepositoryError::Data {
            entity: Entity::Book,
            key: format!(
                "(interval) of symbol {} from {}",
                self.symbol_id, self.valid_from
            ),
            reason: error.to_string(),
        })?;
        Ok(interval.closed(to, reason))
    }
}

fn intervals(rows: Vec<IntervalRow>) -> Result<Vec<BookInterval>, DbError> {
    let rows = rows.into_iter().map(IntervalRow::into_interval);
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes the lock of the intervals of the schema until the transaction ends, so that two writers do not decide on
/// one interval at once. Intervals change rarely.
fn lock(connection: &mut PgConnection) -> Result<(), DbError> {
    sql_query(
        "SELECT pg_advisory_xact_lock(hashtextextended(\
         'tickbook book intervals ' || current_schema(), 0))",
    )
    .execute(connection)?;
    Ok(())
}

/// Stores intervals as the contract of the repository says.
pub(super) fn put(
    connection: &mut PgConnection,
    given: &[BookInterval],
) -> Result<InsertReceipt<BookInterval>, DbError> {
    let mut receipt = InsertReceipt::default();
    let mut valid = Vec::with_capacity(given.len());
    for one in given {
        match one.normalized() {
            Ok(interval) => valid.push(interval),
            Err(reason) => receipt.rejected.push(RejectedRow::invalid(one, reason)),
        }
    }
    if valid.is_empty() {
        return Ok(receipt);
    }
    transaction(connection, |connection| {
        lock(connection)?;
        let mut stored = of_keys(connection, &valid)?;
        for interval in valid {
            let found = stored.get(&interval.key()).copied();
            let put = match PutInterval::of(found.as_ref(), &interval) {
                PutInterval::Continues if has_later(connection, &interval)? => {
                    PutInterval::followed(&interval)
                }
                put => put,
            };
            match (put, found) {
                (PutInterval::Stored | PutInterval::Continues, _) => {
                    upsert(connection, &[interval])?;
                    stored.insert(interval.key(), interval);
                    receipt.inserted += 1;
                }
                (PutInterval::ClosesLater, _) => {
                    close_later(connection, &interval)?;
                    receipt.duplicates += 1;
                }
                (PutInterval::Conflict, Some(stored)) => {
                    let conflict = InsertConflict::new(stored, interval);
                    receipt.conflicts.push(conflict);
                }
                (PutInterval::Conflict | PutInterval::Duplicate, _) => receipt.duplicates += 1,
            }
        }
        Ok(receipt)
    })
}

/// The stored intervals with the keys of `given`.
fn of_keys(
    connection: &mut PgConnection,
    given: &[BookInterval],
) -> Result<HashMap<(SymbolId, DateTime<Utc>), BookInterval>, DbError> {
    let keys = given.iter().map(BookInterval::key);
    let (symbols, starts): (Vec<_>, Vec<_>) = keys.map(|(id, from)| (id.get(), from)).unzip();
    let rows = sql_query(format!(
        "SELECT {COLUMNS} FROM book_intervals WHERE (symbol_id, valid_from) IN \
         (SELECT * FROM UNNEST($1, $2))"
    ))
    .bind::<Array<BigInt>, _>(symbols)
    .bind::<Array<Timestamptz>, _>(starts)
    .load(connection)?;
    let stored = intervals(rows)?.into_iter();
    Ok(stored.map(|interval| (interval.key(), interval)).collect())
}

/// Whether an interval of the symbol of `given` begins after it.
fn has_later(connection: &mut PgConnection, given: &BookInterval) -> Result<bool, DbError> {
    let later: Vec<IntervalRow> = sql_query(format!(
        "SELECT {COLUMNS} FROM book_intervals WHERE symbol_id = $1 AND valid_from > $2 LIMIT 1"
    ))
    .bind::<BigInt, _>(given.symbol_id.get())
    .bind::<Timestamptz, _>(given.valid_from)
    .load(connection)?;
    Ok(!later.is_empty())
}

fn upsert(connection: &mut PgConnection, changed: &[BookInterval]) -> Result<(), DbError> {
    for interval in changed {
        sql_query(
            "INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (symbol_id, valid_from) \
             DO UPDATE SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason",
        )
        .bind::<BigInt, _>(interval.symbol_id.get())
        .bind::<Timestamptz, _>(interval.valid_from)
        .bind::<Nullable<Timestamptz>, _>(interval.end.map(|end| end.at))
        .bind::<Nullable<Text>, _>(interval.end.map(|end| end.reason.as_str()))
        .execute(connection)?;
    }
    Ok(())
}

/// Closes the open intervals of the symbol that begin within `given`.
fn close_later(connection: &mut PgConnection, given: &BookInterval) -> Result<(), DbError> {
    if let Some(end) = given.end {
        sql_query(
            "UPDATE book_intervals SET valid_to = $3, reason = $4 \
             WHERE symbol_id = $1 AND valid_from >= $2 AND valid_from <= $3 AND valid_to IS NULL",
        )
        .bind::<BigInt, _>(given.symbol_id.get())
        .bind::<Timestamptz, _>(given.valid_from)
        .bind::<Timestamptz, _>(end.at)
        .bind::<Text, _>(end.reason.as_str())
        .execute(connection)?;
    }
    Ok(())
}

/// Removes the time from the first to the last deleted row from the intervals of a symbol; call it in the
/// transaction that deletes the rows.
pub(super) fn cut(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    deleted: TimeSpan,
) -> Result<(), DbError> {
    lock(connection)?;
    let rows = sql_query(format!(
        "SELECT {COLUMNS} FROM book_intervals \
         WHERE symbol_id = $1 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $2)"
    ))
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(deleted.first)
    .bind::<Timestamptz, _>(after(deleted.last))
    .load(connection)?;
    for interval in intervals(rows)? {
        if let Some((before, later)) = without_deleted(&interval, deleted) {
            let changed: Vec<_> = [Some(before), later].into_iter().flatten().collect();
            upsert(connection, &changed)?;
        }
    }
    Ok(())
}

/// A page of intervals, and one more if there are more.
pub(super) fn list(
    connection: &mut PgConnection,
    query: &BookIntervalQuery,
) -> Result<Vec<BookInterval>, DbError> {
    let (comparison, direction, none) = match query.order {
        SortOrder::Ascending => (">", "ASC", "-infinity"),
        SortOrder::Descending => ("<", "DESC", "infinity"),
    };
    let rows = sql_query(format!(
        "SELECT {COLUMNS} FROM book_intervals WHERE symbol_id = $1 AND valid_from < $3 \
         AND (valid_to IS NULL OR valid_to > $2 OR valid_from >= $2) \
         AND $2 < $3 AND valid_from {comparison} coalesce($4, '{none}') \
         ORDER BY valid_from {direction} LIMIT $5"
    ))
    .bind::<BigInt, _>(query.symbol_id.get())
    .bind::<Timestamptz, _>(query.range.start())
    .bind::<Timestamptz, _>(query.range.end())
    .bind::<Nullable<Timestamptz>, _>(query.after)
    // at most 10,001
    .bind::<BigInt, _>(query.limit.get() as i64 + 1)
    .load(connection)?;
    intervals(rows)
}

/// What decides whether a book is known at a time.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(super) struct KnownInterval {
    #[diesel(sql_type = Timestamptz)]
    valid_from: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    valid_to: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    dropped_before: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
}

/// The last interval that begins by a time, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastInterval(Option<KnownInterval>);

impl LastInterval {
    /// The time from which on the book is known without interruption until the time; `None` if it is not known at
    /// the time.
    pub(super) fn valid_from(&self) -> Option<DateTime<Utc>> {
        let known = self.0.as_ref()?;
        let is_valid = known.valid_to.is_none_or(|to| known.at < to);
        let from = Some(known.valid_from).max(known.dropped_before);
        from.filter(|from| is_valid && *from <= known.at)
    }
}

/// The last interval of a symbol that begins before the end of `range`, and the time before which rows were
/// dropped.
pub(super) fn known_interval(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<LastInterval, DbError> {
    let known = sql_query(
        "SELECT valid_from, valid_to, \
         (SELECT max(books_dropped_before) FROM applied_policies) AS dropped_before, \
         $2 - INTERVAL '1 microsecond' AS at FROM book_intervals \
         WHERE symbol_id = $1 AND valid_from < $2 ORDER BY valid_from DESC LIMIT 1",
    )
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(range.end())
    .get_result(connection)
    .optional()?;
    Ok(LastInterval(known))
}
