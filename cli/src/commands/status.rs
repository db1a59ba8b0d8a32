//! `tickbook status`.

use serde::Serialize;
use tickbook::db::DatabasePools;
use tickbook::postgres::{
    CandleRelationKind, DatabaseHealth, FailedJob, HealthState, PolicyStatus, check_health,
    policy_status,
};
use tickbook::{Database, DatabaseUrl};

use crate::Outcome;
use crate::args::StatusArguments;
use crate::opening::{patiently, settings};
use crate::report::{print, print_json};
use crate::times::time_text;

pub(crate) async fn run(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let pools = DatabasePools::new(&config.database);
    let both = [Database::Metadata, Database::Timeseries];
    let health = patiently(&config, &both, check_health(&pools)).await;
    let policies = match health.timeseries.state {
        HealthState::Up => policy_status(&pools.timeseries()).await.ok(),
        _ => None,
    };
    let status = Status {
        policies: policies.as_ref().map(PoliciesState::new),
        ready: health.is_ready(),
        metadata: DatabaseStatus::new(health.metadata, &config.database.metadata_url),
        timeseries: DatabaseStatus::new(health.timeseries, &config.database.timeseries_url),
        replica: health
            .replica
            .zip(config.database.timeseries_read_url.as_ref())
            .map(|(health, url)| DatabaseStatus::new(health, url)),
    };
    if arguments.json {
        print_json(&status)?;
    } else {
        print(&status.describe())?;
    }
    Ok(if status.ready {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

#[derive(Debug, Serialize)]
struct Status {
    ready: bool,
    metadata: DatabaseStatus,
    timeseries: DatabaseStatus,
    /// Null if no replica is configured.
    replica: Option<DatabaseStatus>,
    /// Absent if the database does not respond.
    policies: Option<PoliciesState>,
}

#[derive(Debug, Serialize)]
struct PoliciesState {
    applied_at: Option<String>,
    /// Days with late ticks whose candles wait for a refresh.
    backlog_days: u64,
    backlog_oldest_age_seconds: i64,
}

impl PoliciesState {
    fn new(status: &PolicyStatus) -> Self {
        let applied = status.applied.as_ref();
        let age = status.backlog.oldest.map(|oldest| status.now - oldest);
        Self {
            applied_at: applied.map(|applied| time_text(applied.applied_at)),
            backlog_days: status.backlog.days,
            backlog_oldest_age_seconds: age.map_or(0, |age| age.num_seconds().max(0)),
        }
    }

    fn describe(&self) -> String {
        let applied = self.applied_at.as_deref().unwrap_or("never applied");
        let Self {
            backlog_days,
            backlog_oldest_age_seconds,
            ..
        } = self;
        match backlog_days {
            0 => format!("policies: {applied}"),
            _ => format!(
                "policies: {applied}; {backlog_days} days wait for a refresh, the first for \
                 {backlog_oldest_age_seconds} s"
            ),
        }
    }
}

#[derive(Debug, Serialize)]
struct DatabaseStatus {
    /// `up`, `down` or `not ready`.
    state: &'static str,
    reason: Option<String>,
    /// The password is replaced by `***`.
    url: String,
    server_version: Option<String>,
    timescaledb_version: Option<String>,
    edition: Option<&'static str>,
    pending_migrations: Vec<String>,
    /// Smallest timeframe first.
    candle_relations: Vec<RelationStatus>,
    /// Jobs whose last run failed.
    failed_jobs: Vec<FailedJobStatus>,
}

#[derive(Debug, Serialize)]
struct FailedJobStatus {
    name: String,
    failures: i64,
    last_run: Option<String>,
    error: Option<String>,
}

impl From<FailedJob> for FailedJobStatus {
    fn from(job: FailedJob) -> Self {
        Self {
            name: job.name,
            failures: job.failures,
            last_run: job.last_run.map(time_text),
            error: job.error,
        }
    }
}

#[derive(Debug, Serialize)]
struct RelationStatus {
    name: String,
    /// `aggregate`, `view` or `missing`.
    kind: &'static str,
}

impl DatabaseStatus {
    fn new(health: DatabaseHealth, url: &DatabaseUrl) -> Self {
        let (state, reason) = match health.state {
            HealthState::Up => ("up", None),
            HealthState::Down { reason } => ("down", Some(reason)),
            HealthState::NotReady { reason } => ("not ready", Some(reason)),
        };
        Self {
            state,
            reason,
            url: url.to_string(),
            server_version: health.server_version,
            edition: health
                .timescaledb
                .as_ref()
                .map(|found| found.edition.as_str()),
            timescaledb_version: health.timescaledb.map(|found| found.version),
            pending_migrations: health.pending_migrations,
            candle_relations: health
                .candle_relations
                .into_iter()
                .map(|relation| RelationStatus {
                    name: relation.name,
                    kind: relation.kind.as_str(),
                })
                .collect(),
            failed_jobs: health.failed_jobs.into_iter().map(Into::into).collect(),
        }
    }

    fn describe(&self, name: &str) -> String {
        let mut lines = vec![match &self.reason {
            Some(reason) => format!("{name}: {}: {reason}", self.state),
            None => format!("{name}: {}", self.state),
        }];
        let mut add = |label: &str, text: &str| lines.push(format!("  {label:<20}{text}"));
        add("url", &self.url);
        if let Some(version) = &self.server_version {
            add("PostgreSQL", version);
        }
        if let (Some(version), Some(edition)) = (&self.timescaledb_version, self.edition) {
            add("TimescaleDB", &format!("{version}, {edition} edition"));
        }
        if !self.pending_migrations.is_empty() {
            add("pending migrations", &self.pending_migrations.join(", "));
        }
        if !self.candle_relations.is_empty() {
            let relations: Vec<_> = self
                .candle_relations
                .iter()
                .map(|RelationStatus { name, kind }| format!("{name} {kind}"))
                .collect();
            add("candle relations", &relations.join(", "));
            let is_missing = |it: &RelationStatus| it.kind == CandleRelationKind::Missing.as_str();
            if self.candle_relations.iter().any(is_missing) {
                add(
                    "",
                    "create the missing relations: tickbook aggregates apply",
                );
            }
        }
        for FailedJobStatus {
            name,
            failures,
            error,
            ..
        } in &self.failed_jobs
        {
            let error = error.as_deref().unwrap_or("the database gives no reason");
            add("failed", &format!("{name}, {failures} times: {error}"));
        }
        lines.join("\n")
    }
}

impl Status {
    fn describe(&self) -> String {
        let ready = if self.ready { "yes" } else { "no" };
        let replica = self.replica.as_ref();
        let replica = replica.map_or(String::new(), |one| one.describe("replica") + "\n");
        let policies = self.policies.as_ref().map(PoliciesState::describe);
        format!(
            "{}\n{}\n{replica}{}ready: {ready}",
            self.metadata.describe("metadata"),
            self.timeseries.describe("timeseries"),
            policies.map_or(String::new(), |line| line + "\n")
        )
    }
}
