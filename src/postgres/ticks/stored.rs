//! What is stored under the keys of a batch.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Timestamptz};
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
    let query = SelectByKeys {
        symbol_ids: rows.iter().map(|tick| tick.symbol_id.get()).collect(),
        tick_times: times.collect(),
        sequences: rows.iter().map(|tick| tick.sequence).collect(),
        first,
        last,
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
    sequences: Vec<i32>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl QueryFragment<Pg> for SelectByKeys {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT stored.* FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(&self.symbol_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.tick_times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.sequences)?;
        // the plain bounds exclude chunks, and the limit keeps the planner from joining with all
        // rows of those that are left
        out.push_sql(") AS given (symbol_id, tick_time, sequence) CROSS JOIN LATERAL (SELECT ");
        out.push_sql(COLUMNS);
        out.push_sql(
            " FROM ticks WHERE ticks.symbol_id = given.symbol_id \
             AND ticks.tick_time = given.tick_time AND ticks.sequence = given.sequence \
             AND ticks.tick_time >= ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.first)?;
        out.push_sql(" AND ticks.tick_time <= ");
        out.push_bind_param::<Timestamptz, _>(&self.last)?;
        out.push_sql(" LIMIT 1) AS stored");
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
