//! Whether both databases can serve.

use std::time::Duration;

use diesel::PgConnection;

use crate::error::{Database, RepositoryError};

use crate::db::DatabasePools;
use crate::db::DbError;
use crate::db::Executor;
use crate::postgres::migrations::pending_migrations;
use crate::postgres::requirements::{check_extension, check_server};
use crate::postgres::timescale::{CandleRelationState, candle_relations};
use crate::postgres::timescale::{FailedJob, failed_jobs};
use crate::postgres::timescale::{TimescaleVersion, detect_edition};

/// How long a database may take to answer.
const DEADLINE: Duration = Duration::from_secs(1);

/// Whether a database can serve. Reasons hold no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthState {
    /// It can.
    Up,
    /// It gives no answer: it cannot be reached, is too slow, or refuses the connection.
    Down {
        /// Why, and what to do.
        reason: String,
    },
    /// It answers, but lacks what this version of the library needs.
    NotReady {
        /// What is missing, and what to do.
        reason: String,
    },
}

/// What is known of one database; everything but the state only as far as it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseHealth {
    /// Whether it can serve.
    pub state: HealthState,
    /// The version of PostgreSQL.
    pub server_version: Option<String>,
    /// The migrations it lacks.
    pub pending_migrations: Vec<String>,
    /// Its TimescaleDB; always `None` for the metadata database.
    pub timescaledb: Option<TimescaleVersion>,
    /// Its candle relations, smallest timeframe first; empty for the metadata database. A missing
    /// one does not make it unready.
    pub candle_relations: Vec<CandleRelationState>,
    /// Its jobs whose last run failed; empty for the metadata database. None makes it unready: what
    /// is stored is read and written all the same.
    pub failed_jobs: Vec<FailedJob>,
}

/// What is known of the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthReport {
    /// The metadata database.
    pub metadata: DatabaseHealth,
    /// The time-series database.
    pub timeseries: DatabaseHealth,
    /// The read replica of the time-series database, where there is one.
    pub replica: Option<DatabaseHealth>,
}

impl HealthReport {
    /// Whether all are up.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        [
            Some(&self.metadata),
            Some(&self.timeseries),
            self.replica.as_ref(),
        ]
        .into_iter()
        .flatten()
        .all(|database| database.state == HealthState::Up)
    }
}

/// Asks all databases at the same time; takes about one second at most, and never fails.
///
/// # Examples
///
/// ```
/// use tickbook::db::DatabasePools;
/// use tickbook::postgres::check_health;
///
/// # async fn is_ready(pools: &DatabasePools) -> bool {
/// check_health(pools).await.is_ready()
/// # }
/// ```
pub async fn check_health(pools: &DatabasePools) -> HealthReport {
    let (metadata, timeseries) = (pools.metadata(), pools.timeseries());
    let replica = async {
        match pools.replica() {
            Some(replica) => Some(probe(replica.executor()).await),
            None => None,
        }
    };
    let (metadata, timeseries, replica) = tokio::join!(
        probe(metadata.executor()),
        probe(timeseries.executor()),
        replica
    );
    HealthReport {
        metadata,
        timeseries,
        replica,
    }
}

async fn probe(executor: &Executor) -> DatabaseHealth {
    let database = executor.database();
    executor
        .probe("check health", DEADLINE, move |connection| {
            examine(connection, database)
        })
        .await
        .unwrap_or_else(|error| {
            DatabaseHealth::new(HealthState::Down {
                reason: error.to_string(),
            })
        })
}

impl DatabaseHealth {
    fn new(state: HealthState) -> Self {
        Self {
            state,
            server_version: None,
            pending_migrations: Vec::new(),
            timescaledb: None,
            candle_relations: Vec::new(),
            failed_jobs: Vec::new(),
        }
    }

    /// Keeps the first lack that is found.
    fn lacks(&mut self, reason: String) {
        if self.state == HealthState::Up {
            self.state = HealthState::NotReady { reason };
        }
    }
}

fn examine(connection: &mut PgConnection, database: Database) -> Result<DatabaseHealth, DbError> {
    let mut health = DatabaseHealth::new(HealthState::Up);
    health.server_version = note(&mut health, check_server(connection, database))?;
    if database != Database::Metadata {
        note(&mut health, check_extension(connection))?;
        health.timescaledb = note(&mut health, detect_edition(connection))?;
        if health.timescaledb.is_some() {
            health.candle_relations = candle_relations(connection)?;
            health.failed_jobs = failed_jobs(connection)?;
        }
    }
    health.pending_migrations = pending_migrations(connection, database)?;
    if !health.pending_migrations.is_empty() {
        let count = health.pending_migrations.len();
        health.lacks(format!(
            "{count} migrations have not run: run `tickbook migrate`"
        ));
    }
    Ok(health)
}

/// Notes in `health` what the database lacks; passes on what keeps it from answering.
fn note<T>(health: &mut DatabaseHealth, result: Result<T, DbError>) -> Result<Option<T>, DbError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(DbError::Repository(
            RepositoryError::Schema { reason, .. } | RepositoryError::Configuration { reason, .. },
        )) => {
            health.lacks(reason);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
