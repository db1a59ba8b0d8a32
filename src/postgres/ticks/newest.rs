//! The newest tick of each of many symbols.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{SymbolId, Tick, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::symbol_days::{NewestDays, newest_days};
use crate::postgres::writing::push_names;

use super::range::newest_in;
use super::row::{COLUMNS, TickRow, TickSqlType};

/// The newest tick of each of `symbol_ids`, by ascending id.
///
/// Searches all symbols together in the last hour and the last day, then each symbol in its newest recorded
/// day. A symbol without ticks in that day, because they were deleted, is searched on its own.
pub(super) fn newest_of(
    connection: &mut PgConnection,
    symbol_ids: Vec<i64>,
    now: DateTime<Utc>,
) -> Result<Vec<Tick>, DbError> {
    let mut search = NewestSearch {
        symbol_ids,
        ticks: Vec::new(),
    };
    let mut reached = TimeRange::all().end();
    for reach in [TimeDelta::hours(1), TimeDelta::days(1)] {
        let from = (now - reach).clamp(TimeRange::all().start(), reached);
        search.read(connection, from, reached)?;
        reached = from;
    }
    if search.symbol_ids.is_empty() {
        return Ok(search.finish());
    }
    match newest_days(connection, &search.symbol_ids, reached)? {
        Some(days) => search.read_days(connection, days, reached, now)?,
        None => {
            let first = TimeRange::all().start();
            for start in [now - TimeDelta::days(7), now - TimeDelta::days(30), first] {
                let from = start.clamp(first, reached);
                search.read(connection, from, reached)?;
                reached = from;
            }
        }
    }
    Ok(search.finish())
}

/// The symbols to search and the ticks found.
struct NewestSearch {
    symbol_ids: Vec<i64>,
    ticks: Vec<Tick>,
}

impl NewestSearch {
    /// Reads the newest tick in `[from, to)` of each symbol.
    fn read(
        &mut self,
        connection: &mut PgConnection,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(), DbError> {
        if self.symbol_ids.is_empty() || from >= to {
            return Ok(());
        }
        let found = read_newest(connection, &self.symbol_ids, from, to)?;
        self.add(found);
        Ok(())
    }

    /// Reads the newest tick before `to` of each symbol, if it is in the symbol's newest recorded day; the
    /// others one by one.
    fn read_days(
        &mut self,
        connection: &mut PgConnection,
        days: NewestDays,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        for (day, symbol_ids) in days {
            let end = to.min(day + TimeDelta::days(1));
            let found = read_newest(connection, &symbol_ids, day, end)?;
            let mut rest = symbol_ids;
            rest.retain(|id| found.iter().all(|tick| tick.symbol_id.get() != *id));
            self.add(found);
            for symbol_id in rest {
                let before = TimeRange::new(TimeRange::all().start(), day);
                let before = before.map_err(RepositoryError::invalid)?;
                self.ticks.extend(newest_in(
                    connection,
                    SymbolId::new(symbol_id),
                    before,
                    now,
                )?);
            }
        }
        Ok(())
    }

    fn add(&mut self, found: Vec<Tick>) {
        let mut ids: Vec<_> = found.iter().map(|tick| tick.symbol_id.get()).collect();
        ids.sort_unstable();
        self.symbol_ids.retain(|id| ids.binary_search(id).is_err());
        self.ticks.extend(found);
    }

    fn finish(mut self) -> Vec<Tick> {
        self.ticks.sort_unstable_by_key(|tick| tick.symbol_id);
        self.ticks
    }
}

fn read_newest(
    connection: &mut PgConnection,
    symbol_ids: &[i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Tick>, DbError> {
    let query = SelectNewest {
        symbol_ids,
        from,
        to,
    };
    let mut ticks = Vec::with_capacity(symbol_ids.len());
    for row in query.load_iter::<TickRow, PgRowByRowLoadingMode>(connection)? {
        ticks.push(row?.into_tick()?);
    }
    Ok(ticks)
}

/// Probes the index once for each symbol; `DISTINCT ON` would read every tick of the range.
///
/// It is not prepared, so that the server plans for the given range; see `range.rs`.
struct SelectNewest<'a> {
    symbol_ids: &'a [i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl QueryFragment<Pg> for SelectNewest<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT newest.* FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(self.symbol_ids)?;
        out.push_sql(") AS wanted (id) CROSS JOIN LATERAL (SELECT ");
        push_names(COLUMNS, &mut out);
        out.push_sql(" FROM ticks WHERE symbol_id = wanted.id AND tick_time >= ");
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        out.push_sql(" AND tick_time < ");
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        out.push_sql(" ORDER BY tick_time DESC, sequence DESC LIMIT 1) AS newest");
        Ok(())
    }
}

impl QueryId for SelectNewest<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectNewest<'_> {
    type SqlType = TickSqlType;
}

impl RunQueryDsl<PgConnection> for SelectNewest<'_> {}
