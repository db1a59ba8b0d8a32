//! Rows that the next maintenance drops.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleInput, Timeframe};
use crate::postgres::candle_sql::{minutes, relation_names};
use crate::retention::{PolicyChange, PolicyKind, PolicyValue};

use super::current::CurrentPolicies;
use super::drop_books::{BOOK_TABLES, cut as books_cut};
use super::drop_candles::{RowLimits, cut};

/// Rows of a relation that the next maintenance drops, with their chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueDrop {
    /// `ticks`, `trades`, `ohlc_candles`, `order_book_snapshots`, `order_book_updates`, or one of the candle
    /// relations.
    pub relation: String,
    /// The number of chunks; 0 for candles that are computed from ticks or trades and not in a chunk.
    pub chunks: u64,
    /// The number of rows.
    pub rows: u64,
    /// The upper bound of their times, exclusive.
    pub before: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct HypertableRow {
    #[diesel(sql_type = Text)]
    relation: String,
    /// The quoted name.
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    chunks: i64,
    #[diesel(sql_type = Timestamptz)]
    before: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// The rows that are dropped once `changes` are made, ticks and trades first. Reads all of them.
pub(super) fn due_drops(
    connection: &mut PgConnection,
    changes: &[PolicyChange],
    current: &CurrentPolicies,
) -> Result<Vec<DueDrop>, DbError> {
    let limit = |relation: &str| {
        let change = changes
            .iter()
            .find(|it| it.key.relation == relation && it.key.kind == PolicyKind::DropAfter)?;
        match change.to {
            Some(PolicyValue::Length(duration)) => Some(current.now - duration.delta()),
            _ => None,
        }
    };
    let mut drops = Vec::new();
    let candle_limit = limit("ohlc_candles");
    for &input in CandleInput::ALL {
        let (table, time) = (input.table(), input.time_column());
        let Some(limit) = limit(table) else {
            continue;
        };
        let of_rows = drops_before(connection, vec![table], time, limit)?;
        let before = of_rows.first().map(|drop| drop.before);
        drops.extend(of_rows);
        if !current.has_aggregates
            && let (Some(before), Some(limit)) = (before, candle_limit)
        {
            let before = Timeframe::M1.bucket_start(limit.min(before));
            drops.extend(downsampled_in_vain(connection, input, before)?);
        }
    }
    let limits = RowLimits {
        ticks: limit("ticks"),
        trades: limit("trades"),
    };
    if let Some(limit) = candle_limit
        && let Some(cut) = cut(connection, limit, limits)?
    {
        let mut relations = relation_names();
        relations.push("ohlc_candles");
        drops.extend(drops_before(connection, relations, "open_time", cut)?);
    }
    let limit = limit("order_book_snapshots").or_else(|| limit("order_book_updates"));
    if let Some(limit) = limit
        && let Some(cut) = books_cut(connection, limit)?
    {
        for (relation, time) in BOOK_TABLES {
            drops.extend(drops_before(connection, vec![relation], time, cut)?);
        }
    }
    Ok(drops)
}

/// The number of one-minute candles that are stored when their ticks or trades are dropped, but are old enough to be
/// dropped themselves.
fn downsampled_in_vain(
    connection: &mut PgConnection,
    input: CandleInput,
    before: DateTime<Utc>,
) -> Result<Option<DueDrop>, DbError> {
    let (table, time) = (input.table(), input.time_column());
    let count: Count = sql_query(format!(
        "SELECT count(*) AS rows FROM (SELECT DISTINCT symbol_id, \
         time_bucket(INTERVAL '1 minute', {time}) FROM {table} WHERE {time} < $1) AS minutes"
    ))
    .bind::<Timestamptz, _>(before)
    .get_result(connection)?;
    Ok((count.rows > 0).then(|| DueDrop {
        relation: minutes(input).name.to_owned(),
        chunks: 0,
        rows: count.rows.unsigned_abs(),
        before,
    }))
}

/// The chunks of `relations` of this schema that end by `limit`.
fn drops_before(
    connection: &mut PgConnection,
    relations: Vec<&str>,
    time_column: &str,
    limit: DateTime<Utc>,
) -> Result<Vec<DueDrop>, DbError> {
    let tables: Vec<HypertableRow> = sql_query(
        "WITH tables AS (SELECT hypertable_schema, hypertable_name, hypertable_name AS relation \
             FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema() \
           UNION ALL SELECT materialization_hypertable_schema, materialization_hypertable_name, \
             view_name FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema()) \
         SELECT relation::text, format('%I.%I', hypertable_schema, hypertable_name) AS name, \
         count(*) AS chunks, max(range_end) AS before \
         FROM tables JOIN timescaledb_information.chunks \
         USING (hypertable_schema, hypertable_name) \
         WHERE relation = ANY($1) AND range_end <= $2 GROUP BY 1, 2 ORDER BY min(range_end), 1",
    )
    .bind::<Array<Text>, _>(relations)
    .bind::<Timestamptz, _>(limit)
    .load(connection)?;
    let mut drops = Vec::new();
    for table in tables {
        let count: Count = sql_query(format!(
            "SELECT count(*) AS rows FROM {} WHERE {time_column} < $1",
            table.name
        ))
        .bind::<Timestamptz, _>(table.before)
        .get_result(connection)?;
        drops.push(DueDrop {
            relation: table.relation,
            chunks: table.chunks.unsigned_abs(),
            rows: count.rows.unsigned_abs(),
            before: table.before,
        });
    }
    Ok(drops)
}
