//! Ticks of one symbol in a range.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::db::DbError;
use crate::domain::{
    Page, PriceBasis, SortOrder, SymbolId, Tick, TickCursor, TimeRange, earliest_time, latest_time,
    truncate_to_micros,
};
use crate::postgres::candle_sql::has_price;
use crate::postgres::symbol_days::SearchWindows;
use crate::postgres::writing::push_names;
use crate::repository::TickQuery;

use super::row::{COLUMNS, TickRow, TickSqlType};

/// Reads one page.
pub(super) fn page(
    connection: &mut PgConnection,
    query: &TickQuery,
    now: DateTime<Utc>,
) -> Result<Page<Tick, TickCursor>, DbError> {
    let mut range = query.range;
    if let Some(after) = query.after {
        let (from, to) = match query.order {
            SortOrder::Ascending => (range.start().max(after.tick_time), range.end()),
            SortOrder::Descending => {
                let behind = after.tick_time.min(range.end()) + TimeDelta::microseconds(1);
                (range.start(), range.end().min(behind))
            }
        };
        // no ticks are left after a cursor outside of the range
        let Ok(rest) = TimeRange::new(from, to) else {
            return Ok(Page::from_limit_plus_one(
                Vec::new(),
                query.limit,
                TickCursor::of,
            ));
        };
        range = rest;
    }
    // outside of the range the bounds suffice, and the cursor may have a time that the database cannot
    // represent
    let after = query.after.filter(|after| range.contains(after.tick_time));
    let select = SelectRange {
        symbol_id: query.symbol_id,
        range,
        order: query.order,
        after,
        limit: query.limit.get() + 1,
        now,
        condition: None,
    };
    let ticks = select.run(connection)?;
    Ok(Page::from_limit_plus_one(
        ticks,
        query.limit,
        TickCursor::of,
    ))
}

/// The newest tick in `range`.
pub(super) fn newest_in(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<Option<Tick>, DbError> {
    let edge = SelectRange::first(symbol_id, range, SortOrder::Descending, now);
    Ok(edge.run(connection)?.pop())
}

/// The time of the first tick of `range` in that order.
pub(in crate::postgres) fn first_tick_time(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let edge = SelectRange::first(symbol_id, range, order, now);
    Ok(edge.run(connection)?.pop().map(|tick| tick.tick_time))
}

/// The time of the first tick of `range` in that order that has the price of `basis`.
pub(in crate::postgres) fn first_tick_time_of_basis(
    connection: &mut PgConnection,
    (symbol_id, basis): (SymbolId, PriceBasis),
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let edge = SelectRange {
        condition: Some(has_price(basis)),
        ..SelectRange::first(symbol_id, range, order, now)
    };
    Ok(edge.run(connection)?.pop().map(|tick| tick.tick_time))
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The number of ticks in `range`.
pub(super) fn count(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<i64, DbError> {
    // not prepared, like `SelectPart`
    let row: CountRow = sql_query(
        "SELECT count(*) AS count FROM ticks \
         WHERE symbol_id = $1 AND tick_time >= $2 AND tick_time < $3",
    )
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(range.start())
    .bind::<Timestamptz, _>(range.end())
    .get_result(connection)?;
    Ok(row.count)
}

/// The times up to and including `at`; `None` if `at` is before the earliest possible tick.
pub(super) fn up_to(at: DateTime<Utc>) -> Option<TimeRange> {
    let end = truncate_to_micros(at.min(latest_time())) + TimeDelta::microseconds(1);
    TimeRange::new(earliest_time(), end).ok()
}

/// The first `limit` ticks of `range` in `order` after the cursor `after`.
struct SelectRange {
    symbol_id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    after: Option<TickCursor>,
    limit: usize,
    /// The start of a search for the newest ticks.
    now: DateTime<Utc>,
    /// A condition on ticks; `None` for all.
    condition: Option<&'static str>,
}

impl SelectRange {
    /// Selects the first tick of `range`.
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

    fn run(self, connection: &mut PgConnection) -> Result<Vec<Tick>, DbError> {
        let mut ticks = Vec::new();
        let (order, now) = (self.order, self.now);
        let mut windows = SearchWindows::new(self.symbol_id, self.range, order, now, self.limit);
        while let Some(range) = windows.next(connection)? {
            let part = SelectPart {
                select: &self,
                symbol_id: self.symbol_id.get(),
                from: range.start(),
                to: range.end(),
                // at most 10,001
                limit: (self.limit - ticks.len()) as i64,
            };
            for row in part.load_iter::<TickRow, PgRowByRowLoadingMode>(connection)? {
                ticks.push(row?.into_tick()?);
            }
            if ticks.len() >= self.limit {
                break;
            }
        }
        Ok(ticks)
    }
}

/// The statement for one window.
///
/// It is not prepared, so the server always plans it for the given values and opens only the chunks of the
/// window. A prepared statement may get a generic plan, which opens all chunks: in a mixture of short and long
/// pages, the average cost of the plans made so far exceeds that of the generic plan.
struct SelectPart<'a> {
    select: &'a SelectRange,
    symbol_id: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
}

impl QueryFragment<Pg> for SelectPart<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (behind, direction) = match self.select.order {
            SortOrder::Ascending => (">", "ASC"),
            SortOrder::Descending => ("<", "DESC"),
        };
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT ");
        push_names(COLUMNS, &mut out);
        out.push_sql(" FROM ticks WHERE symbol_id = ");
        out.push_bind_param::<BigInt, _>(&self.symbol_id)?;
        out.push_sql(" AND tick_time >= ");
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        out.push_sql(" AND tick_time < ");
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        if let Some(after) = &self.select.after {
            out.push_sql(" AND (tick_time, sequence) ");
            out.push_sql(behind);
            out.push_sql(" (");
            out.push_bind_param::<Timestamptz, _>(&after.tick_time)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&after.sequence)?;
            out.push_sql(")");
        }
        if let Some(condition) = self.select.condition {
            out.push_sql(" AND ");
            out.push_sql(condition);
        }
        out.push_sql(" ORDER BY tick_time ");
        out.push_sql(direction);
        out.push_sql(", sequence ");
        out.push_sql(direction);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl QueryId for SelectPart<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectPart<'_> {
    type SqlType = TickSqlType;
}

impl RunQueryDsl<PgConnection> for SelectPart<'_> {}
