//! Readiness of the server, probed by a timer and not by health requests.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::postgres::{DatabaseHealth, FailedJob, HealthState, check_health};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::metrics;

/// Interval of the probes.
const EVERY: Duration = Duration::from_secs(2);

/// The state of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseState {
    /// metadata, timeseries or, if configured, replica.
    #[schema(example = "timeseries")]
    pub database: String,
    /// `up`; `down` if it does not respond; `not ready` if it lacks something that the server needs.
    #[schema(example = "up")]
    pub state: String,
    /// The fault and its remedy.
    pub problem: Option<String>,
    /// Version of PostgreSQL.
    #[schema(example = "17.6")]
    pub server_version: Option<String>,
    /// Version of TimescaleDB.
    #[schema(example = "2.19.3")]
    pub timescaledb_version: Option<String>,
    /// Edition of TimescaleDB: apache or community.
    #[schema(example = "apache")]
    pub edition: Option<String>,
    /// Migrations that were not applied.
    pub pending_migrations: Vec<String>,
    /// Migrations that a newer version of the server has applied.
    #[serde(default)]
    pub unknown_migrations: Vec<String>,
    /// The kind of the relation of each timeframe: aggregate, view or missing.
    #[schema(example = json!({"ohlc_1m": "view"}))]
    pub candle_relations: BTreeMap<String, String>,
    /// Jobs of the database whose last run failed. They do not affect readiness.
    pub failed_jobs: Vec<FailedJobState>,
    /// The error of the database or the network, with hosts and users: for the log only.
    #[serde(skip)]
    pub cause: Option<String>,
}

/// A job of a database whose last run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedJobState {
    /// Its number, its procedure and its table.
    #[schema(example = "job 1001, policy_retention of ticks")]
    pub name: String,
    /// Number of failed runs.
    pub failures: i64,
    /// When its last run started, RFC 3339.
    pub last_run: Option<String>,
    /// The error of the last failed run.
    pub error: Option<String>,
}

impl From<FailedJob> for FailedJobState {
    fn from(job: FailedJob) -> Self {
        Self {
            name: job.name,
            failures: job.failures,
            last_run: job.last_run.map(|time| time.to_rfc3339()),
            error: job.error,
        }
    }
}

impl DatabaseState {
    /// Whether it provides everything that the server needs.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.problem.is_none()
    }

    fn new(database: Database, health: DatabaseHealth) -> Self {
        let (state, problem, cause) = match health.state {
            HealthState::Up => ("up", None, None),
            HealthState::Down { reason } => {
                let problem = "it does not respond; the server's log has the cause";
                ("down", Some(problem.to_owned()), Some(reason))
            }
            HealthState::NotReady { reason } => ("not ready", Some(reason), None),
        };
        let (version, edition) = health.timescaledb.map_or((None, None), |timescaledb| {
            let edition = timescaledb.edition.as_str().to_owned();
            (Some(timescaledb.version), Some(edition))
        });
        Self {
            database: database.as_str().to_owned(),
            state: state.to_owned(),
            problem,
            server_version: health.server_version,
            timescaledb_version: version,
            edition,
            pending_migrations: health.pending_migrations,
            unknown_migrations: health.unknown_migrations,
            candle_relations: health
                .candle_relations
                .into_iter()
                .map(|relation| (relation.name, relation.kind.as_str().to_owned()))
                .collect(),
            failed_jobs: health.failed_jobs.into_iter().map(Into::into).collect(),
            cause,
        }
    }
}

/// Probes the databases.
#[async_trait]
pub trait Probe: Debug + Send + Sync + 'static {
    /// The state of each database, within about a second; empty without databases.
    async fn databases(&self) -> Vec<DatabaseState>;
}

#[async_trait]
impl Probe for DatabasePools {
    async fn databases(&self) -> Vec<DatabaseState> {
        let report = check_health(self).await;
        let mut states = vec![
            DatabaseState::new(Database::Metadata, report.metadata),
            DatabaseState::new(Database::Timeseries, report.timeseries),
        ];
        let replica = report.replica;
        states.extend(replica.map(|health| DatabaseState::new(Database::Replica, health)));
        states
    }
}

/// The result of the last probe. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Receiver<Vec<DatabaseState>>);

impl Readiness {
    /// Probes once, then every two seconds until `stop`.
    pub async fn watch(probe: Arc<dyn Probe>, stop: CancellationToken) -> Self {
        let first = probe.databases().await;
        first.iter().for_each(log_state);
        log_failed_jobs(&[], &first);
        let (sender, receiver) = watch::channel(first);
        tokio::spawn(async move {
            let mut timer = interval_at(Instant::now() + EVERY, EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                let found = probe.databases().await;
                let before = sender.send_replace(found.clone());
                log_failed_jobs(&before, &found);
                for state in &found {
                    let was_ready = |other: &DatabaseState| {
                        other.database == state.database && other.is_ready()
                    };
                    if before.iter().any(was_ready) != state.is_ready() {
                        log_state(state);
                    }
                }
            }
        });
        Self(receiver)
    }

    /// Fixed states, which never change; an empty list is always ready.
    #[must_use]
    pub fn fixed(databases: Vec<DatabaseState>) -> Self {
        Self(watch::channel(databases).1)
    }

    /// The state of each database.
    #[must_use]
    pub fn databases(&self) -> Vec<DatabaseState> {
        self.0.borrow().clone()
    }
}

/// Logs each newly failed job, and counts all failed jobs.
fn log_failed_jobs(before: &[DatabaseState], found: &[DatabaseState]) {
    let failed = |states: &[DatabaseState], database: &str| -> BTreeMap<String, FailedJobState> {
        let of_it = states.iter().filter(|state| state.database == database);
        let jobs = of_it.flat_map(|state| state.failed_jobs.iter().cloned());
        jobs.map(|job| (job.name.clone(), job)).collect()
    };
    // the jobs of an unreachable database are unknown
    for state in found.iter().filter(|state| state.state != "down") {
        let database = &state.database;
        let (then, now) = (failed(before, database), failed(found, database));
        metrics::set_failed_jobs(database, now.len());
        for (name, job) in &now {
            if then
                .get(name)
                .is_none_or(|then| then.failures != job.failures)
            {
                let (failures, error) = (job.failures, job.error.as_deref().unwrap_or("unknown"));
                tracing::warn!(database, job = name, failures, error, "a job failed");
            }
        }
        for name in then.keys().filter(|name| !now.contains_key(*name)) {
            tracing::info!(database, job = name, "a failed job has recovered");
        }
    }
}

fn log_state(state: &DatabaseState) {
    let database = &state.database;
    match &state.problem {
        None => tracing::info!(database, "the database is ready"),
        Some(problem) => {
            let problem = state.cause.as_ref().unwrap_or(problem);
            tracing::warn!(database, problem, "the database is not ready");
        }
    }
}
