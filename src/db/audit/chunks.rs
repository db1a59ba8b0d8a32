//! Chunks, and which ticks may have gone with some.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::audit::{FindingKind, StateProblem};
use crate::db::failure::DbError;

use super::{DeclaredChunks, problem};

/// Jobs come late: what should have been dropped or compressed gets a day more.
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
    declared: DeclaredChunks,
) -> Result<Vec<StateProblem>, DbError> {
    let mut problems = Vec::new();
    let intervals: Vec<Interval> = sql_query(
        "SELECT hypertable_name::text AS name, \
         extract(epoch FROM time_interval)::bigint AS seconds \
         FROM timescaledb_information.dimensions WHERE hypertable_schema = current_schema() \
         AND hypertable_name IN ('ticks', 'ohlc_candles') AND dimension_number = 1 ORDER BY 1",
    )
    .load(connection)?;
    for Interval { name, seconds } in intervals {
        let expected = match name.as_str() {
            "ticks" => declared.ticks,
            _ => declared.candles,
        };
        if TimeDelta::seconds(seconds) != expected {
            let detail = format!(
                "its next chunk will be {seconds} s long, {} s are declared: \
                 set_chunk_time_interval makes them equal",
                expected.num_seconds()
            );
            problems.push(problem(FindingKind::ChunkInterval, name, detail));
        }
    }
    for late in late_chunks(connection)? {
        let (kind, what) = match late.to_drop {
            true => (FindingKind::ChunkNotDropped, "still there"),
            false => (FindingKind::ChunkNotCompressed, "not compressed"),
        };
        let detail = format!(
            "it ends at {} and is {what}, which it should not be after {}: see whether the job \
             runs",
            late.end, late.after
        );
        problems.push(problem(kind, late.object, detail));
    }
    Ok(problems)
}

/// Chunks that a policy should have dropped or compressed, by the jobs of the database and by what
/// was applied.
fn late_chunks(connection: &mut PgConnection) -> Result<Vec<Late>, DbError> {
    let recorded = match records_policies(connection)? {
        true => {
            " UNION ALL SELECT current_schema(), 'ticks', 'ticks', true, \
             make_interval(secs => ticks_drop_after_seconds) FROM applied_policies \
             WHERE ticks_drop_after_seconds IS NOT NULL"
        }
        false => "",
    };
    let late = sql_query(format!(
        "WITH relations AS (SELECT hypertable_schema, hypertable_name, \
             hypertable_name AS relation FROM timescaledb_information.hypertables \
             WHERE hypertable_schema = current_schema() \
             AND hypertable_name IN ('ticks', 'ohlc_candles') \
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
         ORDER BY 1, 2"
    ))
    .load(connection)?;
    Ok(late)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// Whether the database keeps a record of applied policies.
fn records_policies(connection: &mut PgConnection) -> Result<bool, DbError> {
    let row: Answer = sql_query(
        "SELECT to_regclass(format('%I.applied_policies', current_schema())) IS NOT NULL AS answer",
    )
    .get_result(connection)?;
    Ok(row.answer)
}

#[derive(QueryableByName)]
struct Time {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    time: Option<DateTime<Utc>>,
}

/// From when on all ticks that ever were there are known to be kept.
///
/// Ticks go with their chunks. A late tick makes a chunk anew in a time that was dropped, so that the
/// first chunk alone proves nothing: where candles lie between two chunks, ticks went from there.
pub(super) fn complete_from(
    connection: &mut PgConnection,
    has_aggregates: bool,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let of_chunks: Time = sql_query(format!(
        "WITH chunks AS (SELECT range_start, lag(range_end) OVER (ORDER BY range_start) AS before \
           FROM timescaledb_information.chunks \
           WHERE hypertable_schema = current_schema() AND hypertable_name = 'ticks') \
         SELECT max(range_start) AS time FROM chunks WHERE before IS NULL \
         OR (before < range_start AND ({}))",
        candles_between(has_aggregates)
    ))
    .get_result(connection)?;
    if !records_policies(connection)? {
        return Ok(of_chunks.time);
    }
    let recorded: Time =
        sql_query("SELECT max(ticks_dropped_before) AS time FROM applied_policies")
            .get_result(connection)?;
    Ok(of_chunks.time.max(recorded.time))
}

/// Whether candles whose ticks have gone lie in `[before, range_start)`.
fn candles_between(has_aggregates: bool) -> &'static str {
    if has_aggregates {
        "EXISTS (SELECT FROM ohlc_1m WHERE open_time >= before AND open_time < range_start)"
    } else {
        "EXISTS (SELECT FROM ohlc_candles WHERE open_time >= before \
         AND open_time < range_start AND source = 'sealed')"
    }
}
