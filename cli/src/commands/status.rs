//! `tickbook status`

use serde::Serialize;
use tickbook::DatabaseUrl;
use tickbook::config::Config;
use tickbook::db::{DatabaseHealth, DatabasePools, HealthState, check_health};

use crate::Outcome;
use crate::args::StatusArguments;
use crate::report::{print, print_json};

pub(crate) async fn run(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = Config::load()?;
    let health = check_health(&DatabasePools::new(&config)).await;
    let status = Status {
        ready: health.is_ready(),
        metadata: DatabaseStatus::new(health.metadata, &config.metadata_url),
        timeseries: DatabaseStatus::new(health.timeseries, &config.timeseries_url),
        replica: health
            .replica
            .zip(config.timeseries_read_url.as_ref())
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
    /// Null where the settings name none.
    replica: Option<DatabaseStatus>,
}

#[derive(Debug, Serialize)]
struct DatabaseStatus {
    /// `up`, `down` or `not ready`.
    state: &'static str,
    reason: Option<String>,
    /// With `***` for the password.
    url: String,
    server_version: Option<String>,
    timescaledb_version: Option<String>,
    edition: Option<&'static str>,
    pending_migrations: Vec<String>,
    /// Smallest timeframe first.
    candle_relations: Vec<CandleRelation>,
}

#[derive(Debug, Serialize)]
struct CandleRelation {
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
                .map(|(name, kind)| CandleRelation {
                    name,
                    kind: kind.as_str(),
                })
                .collect(),
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
                .map(|CandleRelation { name, kind }| format!("{name} {kind}"))
                .collect();
            add("candle relations", &relations.join(", "));
        }
        lines.join("\n")
    }
}

impl Status {
    fn describe(&self) -> String {
        let ready = if self.ready { "yes" } else { "no" };
        let replica = self.replica.as_ref();
        let replica = replica.map_or(String::new(), |one| one.describe("replica") + "\n");
        format!(
            "{}\n{}\n{replica}ready: {ready}",
            self.metadata.describe("metadata"),
            self.timeseries.describe("timeseries")
        )
    }
}
