//! The status of policies.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::TimeseriesDb;
use crate::error::RepositoryError;
use crate::postgres::timescale::edition::Edition;
use crate::postgres::timescale::invalidations::waiting_changes;
use crate::retention::PolicySet;

use super::current::{AppliedPolicies, CurrentPolicies};
use super::refresh::{RefreshBacklog, refresh_backlog};

/// The policies of a database and the state of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyStatus {
    /// The edition.
    pub edition: Edition,
    /// The policies that were applied last; `None` for none.
    pub applied: Option<AppliedPolicies>,
    /// The present settings.
    pub settings: PolicySet,
    /// The jobs, by number.
    pub jobs: Vec<JobStatus>,
    /// Days that wait for a refresh.
    pub backlog: RefreshBacklog,
    /// The number of tick changes that wait for a refresh, old and new.
    pub waiting_changes: u64,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// A job of the database.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[non_exhaustive]
pub struct JobStatus {
    /// The number of the job.
    #[diesel(sql_type = Integer)]
    pub job_id: i32,
    /// The relation that it processes.
    #[diesel(sql_type = Text)]
    pub relation: String,
    /// The procedure that it runs, such as `policy_retention`.
    #[diesel(sql_type = Text)]
    pub procedure: String,
    /// The result of the last run, such as `Success`.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_run_status: Option<String>,
    /// The start of the last run.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_run: Option<DateTime<Utc>>,
    /// The start of the next run.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub next_run: Option<DateTime<Utc>>,
    /// The number of failed runs.
    #[diesel(sql_type = BigInt)]
    pub failures: i64,
}

/// Reads the present settings and the state of the jobs. Changes nothing.
///
/// # Errors
/// Returns database errors.
pub async fn policy_status(db: &TimeseriesDb) -> Result<PolicyStatus, RepositoryError> {
    db.read("policy_status", |connection| {
        let current = CurrentPolicies::read(connection)?;
        // minus infinity marks a job that has not run
        let jobs = sql_query(
            "SELECT j.job_id, coalesce(a.view_name, j.hypertable_name)::text AS relation, \
             j.proc_name::text AS procedure, s.last_run_status, \
             CASE WHEN isfinite(s.last_run_started_at) THEN s.last_run_started_at END AS last_run, \
             CASE WHEN isfinite(s.next_start) THEN s.next_start END AS next_run, \
             coalesce(s.total_failures, 0)::bigint AS failures \
             FROM timescaledb_information.jobs AS j \
             LEFT JOIN timescaledb_information.job_stats AS s USING (job_id) \
             LEFT JOIN timescaledb_information.continuous_aggregates AS a \
             ON (a.materialization_hypertable_schema, a.materialization_hypertable_name) = \
             (j.hypertable_schema, j.hypertable_name) \
             WHERE current_schema() IN (a.view_schema, j.hypertable_schema) ORDER BY j.job_id",
        )
        .load(connection)?;
        Ok(PolicyStatus {
            edition: current.edition,
            backlog: refresh_backlog(connection)?,
            waiting_changes: waiting_changes(connection)?,
            applied: current.applied,
            settings: current.settings,
            jobs,
            now: current.now,
        })
    })
    .await
}
