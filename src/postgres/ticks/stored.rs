//! What is stored under the keys of a batch.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{Tick, TickKey};

use super::row::{COLUMNS, TickRow, TickSqlType};

/// The stored ticks that have the key of one of `rows`.
pub(super) fn read_stored(
    connection: &mut PgConnection,
    rows: &[Tick],
) -> Result<HashMap<TickKey, Tick>, DbError> {
    let times = rows.iter().map(|tick| tick.tick_time);
    let (Some(first), Some(last)) = (times.clone().min(), times.clone().max()) else {
        return Ok(HashMap::new());
    };
    let symbols: BTreeSet<_> = rows.iter().map(|tick| tick.symbol_id.get()).collect();
    let query = SelectByKeys {
        symbol_ids: rows.iter().map(|tick| tick.symbol_id.get()).collect(),
        tick_times: times.collect(),
        sequences: rows.iter().map(|tick| tick.sequence).collect(),
        symbols: symbols.into_iter().collect(),
        first,
        last,
        most: rows.len() as i64,
    };
    let mut stored = HashMap::with_capacity(rows.len());
    for row in query.load_iter::<TickRow, PgRowByRowLoadingMode>(connection)? {
        let tick = row?.into_tick()?;
        stored.insert(tick.key(), tick);
    }
    Ok(stored)
}

struct SelectByKeys {
    symbol_ids: Vec<i64>,
    tick_times: Vec<DateTime<Utc>>,
    sequences: Vec<i64>,
    symbols: Vec<i64>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    most: i64,
}

impl QueryFragment<Pg> for SelectByKeys {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(COLUMNS);
        out.push_sql(" FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(&self.symbol_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.tick_times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.sequences)?;
        // a batch that was sent before is most of what its symbols have between its first and its
        // last time; the planner can tell, and reads that part of the index instead of every key
        out.push_sql(
            ") AS given (symbol_id, tick_time, sequence) \
             JOIN ticks USING (symbol_id, tick_time, sequence) WHERE ticks.symbol_id = ANY(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.symbols)?;
        out.push_sql(") AND ticks.tick_time >= ");
        out.push_bind_param::<Timestamptz, _>(&self.first)?;
        out.push_sql(" AND ticks.tick_time <= ");
        out.push_bind_param::<Timestamptz, _>(&self.last)?;
        // as a parameter it makes the server plan for the values at hand, see `range.rs`
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        Ok(())
    }
}

impl QueryId for SelectByKeys {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for SelectByKeys {
    type SqlType = TickSqlType;
}

impl RunQueryDsl<PgConnection> for SelectByKeys {}
