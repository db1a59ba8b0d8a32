//! Rows of one symbol in a range.

use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz, Untyped};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::db::DbError;
use crate::domain::{
    SortOrder, SymbolId, TimeRange, earliest_time, latest_time, truncate_to_micros,
};
use crate::postgres::symbol_days::SearchWindows;
use crate::postgres::writing::{KeyedRow, StoredRow, push_names, sequence_column, time_column};

/// The time and the sequence of a row.
type Place = (DateTime<Utc>, i64);

/// A page of a listing.
#[derive(Debug, Clone, Copy)]
pub(in crate::postgres) struct Listing {
    pub(in crate::postgres) symbol_id: SymbolId,
    pub(in crate::postgres) range: TimeRange,
    pub(in crate::postgres) order: SortOrder,
    pub(in crate::postgres) after: Option<Place>,
    pub(in crate::postgres) limit: usize,
}

/// Reads one page, and one row more if there are more.
pub(in crate::postgres) fn page<R: KeyedRow>(
    connection: &mut PgConnection,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Result<Vec<R>, DbError> {
    page_with(connection, listing, now, |_| ())
}

/// Reads one page like [`page`], and passes each row to `change` as soon as it is read.
pub(in crate::postgres) fn page_with<R: KeyedRow>(
    connection: &mut PgConnection,
    listing: &Listing,
    now: DateTime<Utc>,
    change: impl Fn(&mut R),
) -> Result<Vec<R>, DbError> {
    let mut range = listing.range;
    if let Some((after, _)) = listing.after {
        let (from, to) = match listing.order {
            SortOrder::Ascending => (range.start().max(after), range.end()),
            SortOrder::Descending => {
                let behind = after.min(range.end()) + TimeDelta::microseconds(1);
                (range.start(), range.end().min(behind))
            }
        };
        // no rows are left after a cursor outside of the range
        let Ok(rest) = TimeRange::new(from, to) else {
            return Ok(Vec::new());
        };
        range = rest;
    }
    // outside of the range the bounds suffice, and the cursor may have a time that the database cannot
    // represent
    let after = listing.after.filter(|(time, _)| range.contains(*time));
    let select = SelectRange {
        symbol_id: listing.symbol_id,
        range,
        order: listing.order,
        after,
        limit: listing.limit + 1,
        now,
        condition: None,
    };
    select.run_with(connection, change)
}

/// The newest row in `range`.
pub(in crate::postgres) fn newest_in<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<Option<R>, DbError> {
    let edge = SelectRange::first(symbol_id, range, SortOrder::Descending, now);
    Ok(edge.run(connection)?.pop())
}

/// The time of the first row of `range` in that order.
pub(in crate::postgres) fn first_time<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let edge = SelectRange::first(symbol_id, range, order, now);
    Ok(edge.run::<R>(connection)?.pop().map(|row| row.time()))
}

/// The time of the first row of `range` in that order for which the SQL `condition` is true.
pub(in crate::postgres) fn first_time_with<R: KeyedRow>(
    connection: &mut PgConnection,
    condition: &'static str,
    symbol_id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let edge = SelectRange {
        condition: Some(condition),
        ..SelectRange::first(symbol_id, range, order, now)
    };
    Ok(edge.run::<R>(connection)?.pop().map(|row| row.time()))
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The number of rows in `range`.
pub(in crate::postgres) fn count<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<u64, DbError> {
    let (table, time) = (R::TABLE, time_column::<R>());
    let row: CountRow = sql_query(format!(
        "SELECT count(*) AS count FROM {table} \
         WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3"
    ))
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(range.start())
    .bind::<Timestamptz, _>(range.end())
    .get_result(connection)?;
    // a count is never negative
    Ok(row.count.unsigned_abs())
}

/// The times up to and including `at`; `None` if `at` is before the earliest possible row.
pub(in crate::postgres) fn up_to(at: DateTime<Utc>) -> Option<TimeRange> {
    let end = truncate_to_micros(at.min(latest_time())) + TimeDelta::microseconds(1);
    TimeRange::new(earliest_time(), end).ok()
}

/// The first `limit` rows of `range` in `order` after the cursor `after`.
struct SelectRange {
    symbol_id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    after: Option<Place>,
    limit: usize,
    /// The start of a search for the newest rows.
    now: DateTime<Utc>,
    /// A condition on rows; `None` for all.
    condition: Option<&'static str>,
}

impl SelectRange {
    /// Selects the first row of `range`.
    fn first(symbol_id: SymbolId, range: TimeRange, order: SortOrder, now: DateTime<Utc>) -> Self {
        Self {
            symbol_id,
            range,
            order,
            after: None,
            limit: 1,
            now,
            condition: None,
        }
    }

    fn run<R: KeyedRow>(self, connection: &mut PgConnection) -> Result<Vec<R>, DbError> {
        self.run_with(connection, |_| ())
    }

    fn run_with<R: KeyedRow>(
        self,
        connection: &mut PgConnection,
        change: impl Fn(&mut R),
    ) -> Result<Vec<R>, DbError> {
        let mut rows = Vec::new();
        let (order, now) = (self.order, self.now);
        let mut windows =
            SearchWindows::new(R::DAYS, self.symbol_id, self.range, order, now, self.limit);
        while let Some(range) = windows.next(connection)? {
            let part = SelectPart {
                select: &self,
                symbol_id: self.symbol_id.get(),
                from: range.start(),
                to: range.end(),
                // at most 10,001
                limit: (self.limit - rows.len()) as i64,
                of: PhantomData::<R>,
            };
            for row in part.load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)? {
                let mut row = R::of_stored(row?.0)?;
                change(&mut row);
                rows.push(row);
            }
            if rows.len() >= self.limit {
                break;
            }
        }
        Ok(rows)
    }
}

/// The statement for one window.
///
/// The sessions of time-series databases always plan for the given values, so the server opens only the chunks of the
/// window. A generic plan would open all chunks, and the server would choose it: in a mixture of short and long pages,
/// the average cost of the plans made so far exceeds that of the generic plan.
///
/// The limit is a subquery, whose value the planner does not know. It then reads the index in order, and stops at
/// the limit. With a large limit it would read all rows of the window by a bitmap and sort them, which costs two to
/// three times as much.
struct SelectPart<'a, R> {
    select: &'a SelectRange,
    symbol_id: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
    of: PhantomData<R>,
}

impl<R: KeyedRow> QueryFragment<Pg> for SelectPart<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (behind, direction) = match self.select.order {
            SortOrder::Ascending => (">", " ASC"),
            SortOrder::Descending => ("<", " DESC"),
        };
        let (time, sequence) = (time_column::<R>(), sequence_column::<R>());
        out.push_sql("SELECT ");
        push_names(R::COLUMNS, &mut out);
        out.push_sql(" FROM ");
        out.push_sql(R::TABLE);
        out.push_sql(" WHERE symbol_id = ");
        out.push_bind_param::<BigInt, _>(&self.symbol_id)?;
        push_all(&mut out, &[" AND ", time, " >= "]);
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        push_all(&mut out, &[" AND ", time, " < "]);
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        if let Some((after, after_sequence)) = &self.select.after {
            push_all(
                &mut out,
                &[" AND (", time, ", ", sequence, ") ", behind, " ("],
            );
            out.push_bind_param::<Timestamptz, _>(after)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(after_sequence)?;
            out.push_sql(")");
        }
        if let Some(condition) = self.select.condition {
            push_all(&mut out, &[" AND ", condition]);
        }
        push_all(
            &mut out,
            &[" ORDER BY ", time, direction, ", ", sequence, direction],
        );
        if self.limit == 1 {
            out.push_sql(" LIMIT 1");
            return Ok(());
        }
        // with a known limit the planner prefers to sort all rows of the window
        out.push_sql(" LIMIT (SELECT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(")");
        Ok(())
    }
}

pub(super) fn push_all(out: &mut AstPass<'_, '_, Pg>, texts: &[&str]) {
    for text in texts {
        out.push_sql(text);
    }
}

impl<R> QueryId for SelectPart<'_, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for SelectPart<'_, R> {
    type SqlType = Untyped;
}

impl<R> RunQueryDsl<PgConnection> for SelectPart<'_, R> {}
