//! What only the database itself can tell an audit: keys, chunks, aggregates, jobs.

mod chunks;
mod keys;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::audit::{FindingKind, StateProblem};
use crate::error::RepositoryError;

use super::aggregates::{CandleRelationKind, candle_relations};
use super::edition::{Edition, detect_edition};
use super::failure::DbError;
use super::pools::TimeseriesDb;

/// Reads look through every entry of the logs of changes.
const MOST_INVALIDATIONS: i64 = 1_000;

/// What is declared, which what is there is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredChunks {
    /// How long a chunk of `ticks` is.
    pub ticks: TimeDelta,
    /// How long a chunk of `ohlc_candles` is.
    pub candles: TimeDelta,
}

impl Default for DeclaredChunks {
    /// What the migrations make: one day and seven days.
    fn default() -> Self {
        Self {
            ticks: TimeDelta::days(1),
            candles: TimeDelta::days(7),
        }
    }
}

/// The state of the time-series database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeseriesState {
    /// Its edition.
    pub edition: Edition,
    /// Whether every one of `ohlc_1m` to `ohlc_1d` is a continuous aggregate.
    pub has_aggregates: bool,
    /// Ticks before it may have been dropped; `None`: there are no ticks, or none was dropped.
    pub complete_from: Option<DateTime<Utc>>,
    /// Changes of ticks that wait for a refresh.
    pub invalidations: i64,
    /// What is not as it should be.
    pub problems: Vec<StateProblem>,
}

/// Looks at keys, constraints, chunks, aggregates and jobs of the current schema. Changes nothing.
///
/// # Errors
/// Those of any call on a database.
pub async fn timeseries_state(
    db: &TimeseriesDb,
    declared: DeclaredChunks,
) -> Result<TimeseriesState, RepositoryError> {
    db.run_idempotent("look at the state of the database", move |connection| {
        let edition = detect_edition(connection)?.edition;
        let mut problems = keys::problems(connection)?;
        problems.extend(chunks::problems(connection, declared)?);
        let kinds = candle_relations(connection)?;
        let is_aggregate = |(_, kind): &(String, _)| *kind == CandleRelationKind::Aggregate;
        let has_aggregates = kinds.iter().all(is_aggregate);
        problems.extend(relation_problems(edition, &kinds));
        let mut waiting = 0;
        if edition == Edition::Community {
            problems.extend(aggregate_problems(connection)?);
            problems.extend(job_problems(connection)?);
            waiting = invalidations(connection)?;
            problems.extend(backlog(waiting));
        }
        Ok(TimeseriesState {
            edition,
            has_aggregates,
            complete_from: chunks::complete_from(connection, has_aggregates)?,
            invalidations: waiting,
            problems,
        })
    })
    .await
}

fn problem(
    kind: FindingKind,
    object: impl Into<String>,
    detail: impl Into<String>,
) -> StateProblem {
    StateProblem {
        kind,
        object: object.into(),
        detail: detail.into(),
    }
}

/// Some relations without the others, or views where aggregates could be. None at all is a choice.
fn relation_problems(
    edition: Edition,
    relations: &[(String, CandleRelationKind)],
) -> Vec<StateProblem> {
    if relations
        .iter()
        .all(|(_, kind)| *kind == CandleRelationKind::Missing)
    {
        return Vec::new();
    }
    let expected = match edition {
        Edition::Apache => CandleRelationKind::View,
        Edition::Community => CandleRelationKind::Aggregate,
    };
    let wrong = relations.iter().filter(|(_, kind)| *kind != expected);
    wrong
        .map(|(name, kind)| {
            let detail = format!("it is {kind}, not {expected}: run `tickbook aggregates apply`");
            problem(FindingKind::AggregateMissing, name.as_str(), detail)
        })
        .collect()
}

#[derive(QueryableByName)]
struct Aggregate {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    materialized_only: bool,
    #[diesel(sql_type = Bool)]
    has_bucket_index: bool,
}

fn aggregate_problems(connection: &mut PgConnection) -> Result<Vec<StateProblem>, DbError> {
    let aggregates: Vec<Aggregate> = sql_query(
        "SELECT a.view_name::text AS name, a.materialized_only, EXISTS (SELECT FROM pg_index AS i \
           JOIN pg_attribute AS t ON t.attrelid = i.indrelid AND t.attnum = i.indkey[0] \
           WHERE i.indrelid = format('%I.%I', a.materialization_hypertable_schema, \
             a.materialization_hypertable_name)::regclass \
           AND i.indnatts = 1 AND t.attname = 'open_time') AS has_bucket_index \
         FROM timescaledb_information.continuous_aggregates AS a \
         WHERE a.view_schema = current_schema() AND a.view_name IN \
         ('ohlc_1m', 'ohlc_5m', 'ohlc_15m', 'ohlc_30m', 'ohlc_1h', 'ohlc_4h', 'ohlc_1d') \
         ORDER BY 1",
    )
    .load(connection)?;
    let mut problems = Vec::new();
    for aggregate in aggregates {
        let name = aggregate.name;
        if aggregate.materialized_only {
            let detail = format!(
                "it hides candles that no refresh has made yet: ALTER MATERIALIZED VIEW {name} \
                 SET (timescaledb.materialized_only = false)"
            );
            let kind = FindingKind::AggregateNotRealTime;
            problems.push(problem(kind, name.as_str(), detail));
        }
        if aggregate.has_bucket_index {
            let detail = "it has an index on open_time alone, which misleads the planner: \
                          run `tickbook aggregates apply`";
            problems.push(problem(FindingKind::AggregateBucketIndex, name, detail));
        }
    }
    Ok(problems)
}

#[derive(QueryableByName)]
struct Job {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    failures: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_run: Option<DateTime<Utc>>,
}

fn job_problems(connection: &mut PgConnection) -> Result<Vec<StateProblem>, DbError> {
    // a job of an aggregate has the name of its view or of what is behind it, by the version
    let jobs: Vec<Job> = sql_query(
        "SELECT format('job %s, %s of %s', j.job_id, j.proc_name, \
           coalesce(a.view_name, j.hypertable_name)) AS name, \
         coalesce(s.total_failures, 0)::bigint AS failures, \
         CASE WHEN isfinite(s.last_run_started_at) THEN s.last_run_started_at END AS last_run \
         FROM timescaledb_information.jobs AS j \
         JOIN timescaledb_information.job_stats AS s USING (job_id) \
         LEFT JOIN timescaledb_information.continuous_aggregates AS a \
         ON (a.materialization_hypertable_schema, a.materialization_hypertable_name) = \
         (j.hypertable_schema, j.hypertable_name) \
         WHERE current_schema() IN (a.view_schema, j.hypertable_schema) \
         AND s.last_run_status = 'Failed' ORDER BY j.job_id",
    )
    .load(connection)?;
    let describe = |job: Job| {
        let last_run = job
            .last_run
            .map_or_else(String::new, |at| format!(" at {at}"));
        let detail = format!(
            "its last run{last_run} failed, {} did so far: see timescaledb_information.job_errors",
            job.failures
        );
        problem(FindingKind::JobFailed, job.name, detail)
    };
    Ok(jobs.into_iter().map(describe).collect())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn invalidations(connection: &mut PgConnection) -> Result<i64, DbError> {
    let row: Count = sql_query(
        "WITH aggregates AS (SELECT raw_hypertable_id, mat_hypertable_id, watermark \
           FROM _timescaledb_catalog.continuous_agg \
           JOIN _timescaledb_catalog.continuous_aggs_watermark USING (mat_hypertable_id) \
           WHERE user_view_schema = current_schema()) \
         SELECT (SELECT count(*) \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             WHERE hypertable_id IN (SELECT raw_hypertable_id FROM aggregates)) \
           + (SELECT count(*) \
             FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
             JOIN aggregates ON materialization_id = mat_hypertable_id \
             WHERE lowest_modified_value < watermark) AS count",
    )
    .get_result(connection)?;
    Ok(row.count)
}

fn backlog(waiting: i64) -> Option<StateProblem> {
    (waiting > MOST_INVALIDATIONS).then(|| {
        let detail = format!(
            "{waiting} changes wait for a refresh, {MOST_INVALIDATIONS} are much already: reads \
             look through all of them; refresh the candles of old ticks"
        );
        problem(
            FindingKind::InvalidationBacklog,
            "ohlc_1m to ohlc_1d",
            detail,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_of_changes_is_told_beyond_its_limit() {
        assert_eq!(backlog(MOST_INVALIDATIONS), None);
        let told = backlog(MOST_INVALIDATIONS + 1).expect("too many");
        assert_eq!(told.kind, FindingKind::InvalidationBacklog);
        assert!(told.detail.contains("1001 changes"), "{}", told.detail);
    }

    #[test]
    fn candle_relations_are_all_of_one_kind_or_none() {
        let of = |kinds: [CandleRelationKind; 2]| {
            let named = kinds.map(|kind| ("ohlc_1m".to_owned(), kind));
            relation_problems(Edition::Community, &named).len()
        };
        use CandleRelationKind::{Aggregate, Missing, View};
        assert_eq!(of([Missing, Missing]), 0);
        assert_eq!(of([Aggregate, Aggregate]), 0);
        assert_eq!(of([Aggregate, Missing]), 1);
        assert_eq!(of([View, View]), 2);
    }
}
