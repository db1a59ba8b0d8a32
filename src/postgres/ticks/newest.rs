//! The newest tick of each of many symbols.

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{SortOrder, Tick, TimeRange};
use crate::postgres::writing::push_names;

use super::row::{COLUMNS, TickRow, TickSqlType};
use super::windows::windows;

/// The newest tick of each of `symbol_ids`, by ascending id.
pub(super) fn newest_of(
    connection: &mut PgConnection,
    mut symbol_ids: Vec<i64>,
    now: DateTime<Utc>,
) -> Result<Vec<Tick>, DbError> {
    let mut ticks: Vec<Tick> = Vec::with_capacity(symbol_ids.len());
    for range in windows(TimeRange::all(), SortOrder::Descending, now, 1) {
        let query = SelectNewest {
            symbol_ids: &symbol_ids,
            from: range.start(),
            to: range.end(),
        };
        let before = ticks.len();
        for row in query.load_iter::<TickRow, PgRowByRowLoadingMode>(connection)? {
            ticks.push(row?.into_tick()?);
        }
        let mut found: Vec<_> = ticks[before..]
            .iter()
            .map(|tick| tick.symbol_id.get())
            .collect();
        found.sort_unstable();
        symbol_ids.retain(|id| found.binary_search(id).is_err());
        if symbol_ids.is_empty() {
            break;
        }
    }
    ticks.sort_unstable_by_key(|tick| tick.symbol_id);
    Ok(ticks)
}

/// Probes the index once for each symbol; `DISTINCT ON` would read every tick of the range.
///
/// The limit is a parameter, so that the server plans for the given range; see `range.rs`.
struct SelectNewest<'a> {
    symbol_ids: &'a [i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl QueryFragment<Pg> for SelectNewest<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT newest.* FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(self.symbol_ids)?;
        out.push_sql(") AS wanted (id) CROSS JOIN LATERAL (SELECT ");
        push_names(COLUMNS, &mut out);
        out.push_sql(" FROM ticks WHERE symbol_id = wanted.id AND tick_time >= ");
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        out.push_sql(" AND tick_time < ");
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        out.push_sql(" ORDER BY tick_time DESC, sequence DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&1)?;
        out.push_sql(") AS newest");
        Ok(())
    }
}

impl QueryId for SelectNewest<'_> {
    type QueryId = SelectNewest<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for SelectNewest<'_> {
    type SqlType = TickSqlType;
}

impl RunQueryDsl<PgConnection> for SelectNewest<'_> {}
