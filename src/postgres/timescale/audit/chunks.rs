//! Checks of chunks: their length, and whether policies have processed them.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::audit::{FindingKind, StateProblem};
use crate::db::DbError;
use crate::postgres::candle_sql::quoted_relation_names;
use crate::postgres::timescale::retention;
use crate::retention::RetentionPolicies;

use super::{has_table, problem};

/// The tolerance for late jobs that drop or compress.
const PATIENCE: &str = "INTERVAL '1 day'";

#[derive(QueryableByName)]
struct Interval {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    seconds: i64,
}

#[derive(QueryableByName)]
struct Late {
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Bool)]
    to_drop: bool,
    #[diesel(sql_type = Text)]
    end: String,
    #[diesel(sql_type = Text)]
    after: String,
}

pub(super) fn problems(
    connection: &mut PgConnection,
    declared: &RetentionPolicies,
) -> Result<Vec<StateProblem>, DbError> {
    let mut problems = Vec::new();
    let intervals: Vec<Interval> = sql_query(
        "SELECT hypertable_name::text AS name, \
         extract(epoch FROM time_interval)::bigint AS seconds \
         FROM timescaledb_information.dimensions WHERE hypertable_schema = current_schema() \
         AND hypertable_name IN ('ticks', 'trades', 'ohlc_candles', 'order_book_snapshots', \
         'order_book_updates') AND dimension_number = 1 ORDER BY 1",
    )
    .load(connection)?;
    for Interval { name, seconds } in intervals {
        let expected = match name.as_str() {
            "ticks" => declared.ticks.chunk,
            "trades" => declared.trades.chunk,
            "order_book_snapshots" | "order_book_updates" => declared.books.chunk,
            _ => declared.candles.chunk,
        };
        if seconds != expected.as_seconds() {
            let detail = format!(
                "its next chunk will be {seconds} s long, but {} s are declared: run `tickbook \
                 policies apply`",
                expected.as_seconds()
            );
            problems.push(problem(FindingKind::ChunkInterval, name, detail));
        }
    }
    for late in late_chunks(connection)? {
        let (kind, what, remedy) = match late.to_drop {
            true => (
                FindingKind::ChunkNotDropped,
                "still there",
                "see the output of `tickbook maintain`",
            ),
            false => (
                FindingKind::ChunkNotCompressed,
                "not compressed",
                "check whether the job runs",
            ),
        };
        let detail = format!(
            "it ends at {} and is {what}, although its policy applies after {}: {remedy}",
            late.end, late.after
        );
        problems.push(problem(kind, late.object, detail));
    }
    Ok(problems)
}

#[derive(QueryableByName)]
struct CandleLimit {
    #[diesel(sql_type = Timestamptz)]
    limit: DateTime<Utc>,
}

/// The end of the newest candles that the maintenance should have dropped: candles of all timeframes are
/// dropped together.
fn late_candles(connection: &mut PgConnection) -> Result<Option<DateTime<Utc>>, DbError> {
    if !has_table(connection, "applied_policies")? {
        return Ok(None);
    }
    let limits: Vec<CandleLimit> = sql_query(format!(
        "SELECT now() - make_interval(secs => candles_drop_after_seconds) - {PATIENCE} AS limit \
         FROM applied_policies WHERE candles_drop_after_seconds IS NOT NULL"
    ))
    .load(connection)?;
    match limits.first() {
        Some(CandleLimit { limit }) => {
            let limits = retention::RowLimits {
                ticks: Some(*limit),
                trades: Some(*limit),
            };
            retention::candle_cut(connection, *limit, limits)
        }
        None => Ok(None),
    }
}

/// The chunks that a policy should have dropped or compressed, according to database jobs and applied
/// policies.
fn late_chunks(connection: &mut PgConnection) -> Result<Vec<Late>, DbError> {
    let late_candles = late_candles(connection)?;
    let recorded = match has_table(connection, "applied_policies")? {
        true => format!(
            " UNION ALL SELECT current_schema(), 'ticks', 'ticks', true, \
             make_interval(secs => ticks_drop_after_seconds) FROM applied_policies \
             WHERE ticks_drop_after_seconds IS NOT NULL \
             UNION ALL SELECT current_schema(), 'trades', 'trades', true, \
             make_interval(secs => trades_drop_after_seconds) FROM applied_policies \
             WHERE trades_drop_after_seconds IS NOT NULL \
             UNION ALL SELECT current_schema(), books, books, true, \
             make_interval(secs => books_drop_after_seconds) FROM applied_policies, \
             unnest(ARRAY['order_book_snapshots', 'order_book_updates']) AS books \
             WHERE books_drop_after_seconds IS NOT NULL \
             UNION ALL SELECT hypertable_schema, hypertable_name, relation, true, \
             make_interval(secs => candles_drop_after_seconds) FROM applied_policies, relations \
             WHERE candles_drop_after_seconds IS NOT NULL AND $1 IS NOT NULL AND relation IN ('ohlc_candles', {})",
            quoted_relation_names()
        ),
        false => String::new(),
    };
    let late = sql_query(format!(
        "WITH relations AS (SELECT hypertable_schema, hypertable_name, \
             hypertable_name AS relation FROM timescaledb_information.hypertables \
             WHERE hypertable_schema = current_schema() \
             AND hypertable_name IN ('ticks', 'trades', 'ohlc_candles', 'order_book_snapshots', \
             'order_book_updates') \
           UNION ALL SELECT materialization_hypertable_schema, materialization_hypertable_name, \
             view_name FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema()), \
         policies AS (SELECT r.hypertable_schema, r.hypertable_name, relation, \
             proc_name = 'policy_retention' AS to_drop, \
             coalesce(config ->> 'drop_after', config ->> 'compress_after')::interval AS after \
           FROM timescaledb_information.jobs AS j JOIN relations AS r \
           ON (j.hypertable_schema, j.hypertable_name) = (r.hypertable_schema, r.hypertable_name) \
           OR (j.hypertable_schema, j.hypertable_name) = (current_schema(), relation) \
           WHERE proc_name IN ('policy_retention', 'policy_compression'){recorded}) \
         SELECT DISTINCT format('%s, chunk %s', relation, chunk_name) AS object, to_drop, \
           range_end::text AS end, after::text AS after \
         FROM timescaledb_information.chunks AS c JOIN policies AS p \
         USING (hypertable_schema, hypertable_name) \
         WHERE (to_drop OR NOT is_compressed) AND range_end < now() - after - {PATIENCE} \
         AND (NOT to_drop OR relation IN ('ticks', 'trades', 'order_book_snapshots', \
         'order_book_updates') OR coalesce(range_end <= $1, true)) \
         ORDER BY 1, 2"
    ))
    .bind::<Nullable<Timestamptz>, _>(late_candles)
    .load(connection)?;
    Ok(late)
}
