//! Drops old candles of all timeframes in one transaction, so that no candle is computed from an incomplete
//! set of smaller ones.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;
use crate::domain::CandleRelation;
use crate::postgres::candle_sql::quoted_relation_names;

use super::current::{AppliedPolicies, now};
use super::drop_rows::of_a_lock;
use super::report::{LeftChunk, MaintenanceReport};

#[derive(QueryableByName)]
struct Cut {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    cut: Option<DateTime<Utc>>,
}

/// Drops the chunks of candles that are old enough, on the Community edition.
///
/// Requires the lock of the maintenance. Call it after ticks and trades were dropped.
pub(super) fn drop_candles(
    connection: &mut PgConnection,
    applied: &AppliedPolicies,
    report: &mut MaintenanceReport,
) -> Result<(), DbError> {
    let Some(drop_after) = applied.candles.drop_after else {
        return Ok(());
    };
    let limit = now(connection)? - drop_after.delta();
    let Some(cut) = cut(connection, limit, RowLimits::default())? else {
        return Ok(());
    };
    match drop_before(connection, cut) {
        Ok(dropped) => report.dropped_candles += dropped,
        Err(error) => report.left.push(LeftChunk {
            chunk: format!("candles before {}", cut.to_rfc3339()),
            reason: of_a_lock(error)?,
        }),
    }
    Ok(())
}

/// The ends of the chunks of ticks and of trades that are dropped before the candles.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::postgres::timescale) struct RowLimits {
    pub(in crate::postgres::timescale) ticks: Option<DateTime<Utc>>,
    pub(in crate::postgres::timescale) trades: Option<DateTime<Utc>>,
}

/// The latest time, at most `limit`, that cuts no chunk and has only whole chunks and no retained tick or trade
/// before it; `None` if there is no such chunk. Ticks and trades in chunks that
/// end by `limits` do not count as retained.
pub(in crate::postgres::timescale) fn cut(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    limits: RowLimits,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let row: Cut = sql_query(format!(
        "WITH relations AS (SELECT hypertable_schema, hypertable_name \
             FROM timescaledb_information.hypertables \
             WHERE hypertable_schema = current_schema() AND hypertable_name = 'ohlc_candles' \
           UNION ALL SELECT materialization_hypertable_schema, materialization_hypertable_name \
             FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema() AND view_name IN ({})), \
         pieces AS (SELECT range_start, range_end FROM timescaledb_information.chunks \
           JOIN relations USING (hypertable_schema, hypertable_name)) \
         SELECT max(range_end) AS cut FROM pieces AS p WHERE range_end <= $1 \
         AND NOT EXISTS (SELECT FROM pieces AS q \
           WHERE q.range_start < p.range_end AND q.range_end > p.range_end) \
         AND NOT EXISTS (SELECT FROM timescaledb_information.chunks AS t \
           WHERE t.hypertable_schema = current_schema() AND t.hypertable_name IN ('ticks', 'trades') \
           AND t.range_start < p.range_end AND coalesce(t.range_end > \
           CASE t.hypertable_name WHEN 'ticks' THEN $2 ELSE $3 END, true))",
        quoted_relation_names()
    ))
    .bind::<Timestamptz, _>(limit)
    .bind::<Nullable<Timestamptz>, _>(limits.ticks)
    .bind::<Nullable<Timestamptz>, _>(limits.trades)
    .get_result(connection)?;
    Ok(row.cut)
}

/// Returns the number of dropped chunks.
fn drop_before(connection: &mut PgConnection, cut: DateTime<Utc>) -> Result<u64, DbError> {
    transaction(connection, |connection| {
        connection.batch_execute("SET LOCAL lock_timeout = '5s'")?;
        let mut dropped = 0;
        let aggregates = CandleRelation::all().map(|relation| relation.name);
        for relation in aggregates.chain(["ohlc_candles"]) {
            dropped += sql_query(format!(
                "SELECT drop_chunks('{relation}', older_than => $1)"
            ))
            .bind::<Timestamptz, _>(cut)
            .execute(connection)? as u64;
        }
        sql_query(
            "UPDATE applied_policies \
             SET candles_dropped_before = greatest(candles_dropped_before, $1)",
        )
        .bind::<Timestamptz, _>(cut)
        .execute(connection)?;
        Ok(dropped)
    })
}
