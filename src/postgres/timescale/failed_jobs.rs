//! Database jobs whose last run failed.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;

/// A job of the time-series database whose last run failed.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[non_exhaustive]
pub struct FailedJob {
    /// The number of the job, its procedure and its relation.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The number of failed runs.
    #[diesel(sql_type = BigInt)]
    pub failures: i64,
    /// The start of the last run.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_run: Option<DateTime<Utc>>,
    /// The last error with its SQLSTATE; `None` if this user may not see it or the database has deleted it.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
}

/// The jobs on the current schema, or with a procedure of it, whose last run failed, by number.
pub(crate) fn failed_jobs(connection: &mut PgConnection) -> Result<Vec<FailedJob>, DbError> {
    // depending on the version, a job of an aggregate names the view or its materialization table
    let jobs = sql_query(
        "SELECT concat('job ', j.job_id, ', ', j.proc_name, \
           ' of ' || coalesce(a.view_name, j.hypertable_name)) AS name, \
         coalesce(s.total_failures, 0)::bigint AS failures, \
         CASE WHEN isfinite(s.last_run_started_at) THEN s.last_run_started_at END AS last_run, \
         e.error \
         FROM timescaledb_information.jobs AS j \
         JOIN timescaledb_information.job_stats AS s USING (job_id) \
         LEFT JOIN timescaledb_information.continuous_aggregates AS a \
         ON (a.materialization_hypertable_schema, a.materialization_hypertable_name) = \
         (j.hypertable_schema, j.hypertable_name) \
         LEFT JOIN LATERAL (SELECT concat(err_message, ' (SQLSTATE ' || sqlerrcode || ')') AS error \
           FROM timescaledb_information.job_errors AS all_errors \
           WHERE all_errors.job_id = j.job_id ORDER BY start_time DESC LIMIT 1) AS e ON true \
         WHERE current_schema() IN (a.view_schema, j.hypertable_schema, j.proc_schema) \
         AND s.last_run_status = 'Failed' ORDER BY j.job_id",
    )
    .load(connection)?;
    Ok(jobs)
}
