//! Whether the server can do its work, found out on a timer and not by those who ask.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// How often the databases are asked.
const EVERY: Duration = Duration::from_secs(2);

/// How long they have for an answer.
const DEADLINE: Duration = Duration::from_secs(1);

/// What one database is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseState {
    /// metadata or timeseries.
    #[schema(example = "timeseries")]
    pub database: String,
    /// Whether it does all that the server needs.
    pub ready: bool,
    /// Why not, where that can be told to everybody; the server's log has it in full.
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
    /// What candles are read from: views, continuous aggregates, or nothing yet.
    #[schema(example = "views")]
    pub candle_relations: Option<String>,
}

/// Asks the databases.
#[async_trait]
pub trait Probe: Debug + Send + Sync + 'static {
    /// The state of each database; none where there is no database.
    async fn databases(&self) -> Vec<DatabaseState>;

    /// What to say of each database when that took too long.
    fn silent(&self) -> Vec<DatabaseState>;
}

/// Repositories that live in memory have no database.
#[derive(Debug, Clone, Copy)]
pub struct NoDatabases;

#[async_trait]
impl Probe for NoDatabases {
    async fn databases(&self) -> Vec<DatabaseState> {
        Vec::new()
    }

    fn silent(&self) -> Vec<DatabaseState> {
        Vec::new()
    }
}

/// What the last probe found. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Receiver<Vec<DatabaseState>>);

impl Readiness {
    /// Probes once, then every two seconds until `stop`.
    pub async fn watch(probe: Arc<dyn Probe>, stop: CancellationToken) -> Self {
        let (sender, receiver) = watch::channel(ask(&*probe).await);
        tokio::spawn(async move {
            let mut timer = interval(EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                let found = ask(&*probe).await;
                sender.send_if_modified(|known| {
                    let changed = *known != found;
                    if changed {
                        tell(&found);
                        *known = found;
                    }
                    changed
                });
            }
        });
        Self(receiver)
    }

    /// A state that never changes.
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

async fn ask(probe: &dyn Probe) -> Vec<DatabaseState> {
    timeout(DEADLINE, probe.databases())
        .await
        .unwrap_or_else(|_| probe.silent())
}

fn tell(states: &[DatabaseState]) {
    for state in states {
        let database = &state.database;
        match &state.problem {
            None => tracing::info!(database, "the database is ready"),
            Some(problem) => tracing::warn!(database, problem, "the database is not ready"),
        }
    }
}
