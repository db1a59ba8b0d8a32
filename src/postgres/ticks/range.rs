//! Ticks of one symbol in a range.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{
    Page, PriceBasis, SortOrder, SymbolId, Tick, TickCursor, TimeRange, earliest_time, latest_time,
    truncate_to_micros,
};
use crate::postgres::candle_sql::has_price;
use crate::postgres::writing::push_names;
use crate::repository::TickQuery;

use super::row::{COLUMNS, TickRow, TickSqlType};
use super::windows::windows;

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
        symbol_id: query.symbol_id.get(),
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

/// The times up to and including `at`; `None` if `at` is before the earliest possible tick.
pub(super) fn up_to(at: DateTime<Utc>) -> Option<TimeRange> {
    let end = truncate_to_micros(at.min(latest_time())) + TimeDelta::microseconds(1);
    TimeRange::new(earliest_time(), end).ok()
}

/// The first `limit` ticks of `range` in `order` after the cursor `after`.
struct SelectRange {
    symbol_id: i64,
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
            symbol_id: symbol_id.get(),
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
        for range in windows(self.range, self.order, self.now, self.limit) {
            let part = SelectPart {
                select: &self,
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
/// It is prepared with the limit as a parameter, which makes a generic plan look expensive, so the server
/// plans for the given values. The cost then does not depend on the number of chunks, because the planner
/// excludes chunks outside of the window; a generic plan opens all of them.
struct SelectPart<'a> {
    select: &'a SelectRange,
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
        out.push_sql("SELECT ");
        push_names(COLUMNS, &mut out);
        out.push_sql(" FROM ticks WHERE symbol_id = ");
        out.push_bind_param::<BigInt, _>(&self.select.symbol_id)?;
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

// diesel identifies prepared statements by their text, of which there are ten
impl QueryId for SelectPart<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectPart<'_> {
    type SqlType = TickSqlType;
}

impl RunQueryDsl<PgConnection> for SelectPart<'_> {}
