//! Invalidation thresholds of TimescaleDB, which decide the changes that inserts log.
//!
//! An insert logs a change only if the change begins below the invalidation threshold of the table, which
//! the first refresh of a range raises. If an insert reads the old threshold and commits after the
//! refresh has read the table, no log and no candle contains it. If the threshold lies beyond every
//! possible tick, no refresh raises it and every insert logs its changes.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;
use crate::postgres::candle_sql::relation_names;
use crate::postgres::timescale::refresh::call::RefreshCall;

/// 2100-01-01 00:00 UTC in seconds since 1970: the tables refuse ticks from then on.
const END_OF_TICKS: i64 = 4_102_444_800;

/// The refreshed range must contain a bucket of the largest timeframe.
const WINDOW: TimeDelta = TimeDelta::days(2);

#[derive(QueryableByName)]
struct Near {
    #[diesel(sql_type = Text)]
    relation: String,
}

/// The continuous aggregates of the current schema whose source has a threshold that ticks may reach,
/// smallest timeframe first.
pub(super) fn near_thresholds(connection: &mut PgConnection) -> Result<Vec<String>, DbError> {
    // a table without a threshold logs nothing either
    let near: Vec<Near> = sql_query(
        "SELECT r.name AS relation \
         FROM unnest($2) WITH ORDINALITY AS r (name, place) \
         JOIN _timescaledb_catalog.continuous_agg AS a \
           ON user_view_schema = current_schema() AND user_view_name = r.name \
         LEFT JOIN _timescaledb_catalog.continuous_aggs_invalidation_threshold AS t \
           ON t.hypertable_id = a.raw_hypertable_id \
         WHERE t.watermark IS NULL OR t.watermark < $1 \
         ORDER BY r.place",
    )
    .bind::<BigInt, _>(END_OF_TICKS * 1_000_000)
    .bind::<Array<Text>, _>(relation_names())
    .load(connection)?;
    Ok(near.into_iter().map(|row| row.relation).collect())
}

/// Whether every insert of the current schema logs its changes. True without aggregates.
pub(crate) fn thresholds_are_far(connection: &mut PgConnection) -> Result<bool, DbError> {
    Ok(near_thresholds(connection)?.is_empty())
}

/// Moves each threshold beyond every possible tick, by refreshes of a range that has no ticks. Computes no
/// candles. If nothing is to do, runs one short query. Cannot run in a transaction.
pub(crate) fn raise_thresholds(connection: &mut PgConnection) -> Result<(), DbError> {
    let near = near_thresholds(connection)?;
    if near.is_empty() {
        return Ok(());
    }
    let from = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(END_OF_TICKS);
    let call = RefreshCall::of(connection)?;
    for relation in near {
        call.run(connection, &relation, (from, from + WINDOW), false)?;
    }
    // a writer that read an old threshold must have committed before the next refresh
    transaction(connection, |connection| {
        connection.batch_execute(
            "SET LOCAL lock_timeout = '5s'; LOCK TABLE ONLY ticks, ONLY trades IN SHARE MODE",
        )?;
        Ok(())
    })
}

#[cfg(all(test, feature = "conformance"))]
mod tests;
