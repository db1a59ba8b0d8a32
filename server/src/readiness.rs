//! Whether the server can do its work, found out on a timer and not by those who ask.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tickbook::Database;
use tickbook::db::{DatabaseHealth, DatabasePools, HealthState, check_health};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// How often the databases are asked.
const EVERY: Duration = Duration::from_secs(2);

/// What one database is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseState {
    /// metadata, timeseries or, where there is one, replica.
    #[schema(example = "timeseries")]
    pub database: String,
    /// `up`; `down`, when it gives no answer; `not ready`, when it lacks what the server needs.
    #[schema(example = "up")]
    pub state: String,
    /// What is wrong and what to do.
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
    /// Migrations that have not run.
    pub pending_migrations: Vec<String>,
    /// What the relation of each timeframe is: aggregate, view or missing.
    #[schema(example = json!({"ohlc_1m": "view"}))]
    pub candle_relations: BTreeMap<String, String>,
    /// What the database or the network said, with hosts and users: for the log.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl DatabaseState {
    /// Whether it does all that the server needs.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.problem.is_none()
    }

    fn new(database: Database, health: DatabaseHealth) -> Self {
        let (state, problem, cause) = match health.state {
            HealthState::Up => ("up", None, None),
            HealthState::Down { reason } => {
                let problem = "it gives no answer: the server's log says why";
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
            candle_relations: health
                .candle_relations
                .into_iter()
                .map(|(name, kind)| (name, kind.as_str().to_owned()))
                .collect(),
            cause,
        }
    }
}

/// Asks the databases.
#[async_trait]
pub trait Probe: Debug + Send + Sync + 'static {
    /// The state of each database, within about a second; none where there is no database.
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

/// What the last probe found. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Receiver<Vec<DatabaseState>>);

impl Readiness {
    /// Probes once, then every two seconds until `stop`.
    pub async fn watch(probe: Arc<dyn Probe>, stop: CancellationToken) -> Self {
        let first = probe.databases().await;
        first.iter().for_each(tell);
        let (sender, receiver) = watch::channel(first);
        tokio::spawn(async move {
            let mut timer = interval_at(Instant::now() + EVERY, EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                let found = probe.databases().await;
                let before = sender.send_replace(found.clone());
                for state in &found {
                    let was_ready = |other: &DatabaseState| {
                        other.database == state.database && other.is_ready()
                    };
                    if before.iter().any(was_ready) != state.is_ready() {
                        tell(state);
                    }
                }
            }
        });
        Self(receiver)
    }

    /// Databases whose state never changes; none is always ready.
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

fn tell(state: &DatabaseState) {
    let database = &state.database;
    match &state.problem {
        None => tracing::info!(database, "the database is ready"),
        Some(problem) => {
            let problem = state.cause.as_ref().unwrap_or(problem);
            tracing::warn!(database, problem, "the database is not ready");
        }
    }
}
