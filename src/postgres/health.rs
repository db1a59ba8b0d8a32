//! Health of the databases.

use std::time::Duration;

use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use crate::db::DatabasePools;
use crate::db::DbError;
use crate::db::Executor;
use crate::postgres::migrations::{pending_migrations, unknown_migrations};
use crate::postgres::requirements::{check_extension, check_server};
use crate::postgres::timescale::{CandleRelationState, candle_relations};
use crate::postgres::timescale::{FailedJob, failed_jobs};
use crate::postgres::timescale::{TimescaleVersion, detect_edition};

/// The deadline for an answer of a database.
const DEADLINE: Duration = Duration::from_secs(1);

/// The health of a database. Reasons contain no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthState {
    /// The database can serve.
    Up,
    /// The database does not answer: it is unreachable, too slow, or refuses the connection.
    Down {
        /// The cause and the remedy.
        reason: String,
    },
    /// The database answers, but lacks something that this version of the library needs.
    NotReady {
        /// The missing part and the remedy.
        reason: String,
    },
}

/// The health of one database. All fields except the state are known only as far as the database answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseHealth {
    /// The state.
    pub state: HealthState,
    /// The version of PostgreSQL.
    pub server_version: Option<String>,
    /// The migrations that the database lacks.
    pub pending_migrations: Vec<String>,
    /// The migrations that the database has and this version of the library does not know. They do not make the
    /// database unready: a newer version of the library has run them.
    pub unknown_migrations: Vec<String>,
    /// The TimescaleDB extension; always `None` for the metadata database.
    pub timescaledb: Option<TimescaleVersion>,
    /// The candle relations, smallest timeframe first; empty for the metadata database. A missing relation
    /// does not make the database unready.
    pub candle_relations: Vec<CandleRelationState>,
    /// The jobs whose last run failed; empty for the metadata database. A failed job does not make the
    /// database unready: reads and writes work without it.
    pub failed_jobs: Vec<FailedJob>,
}

/// The health of the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthReport {
    /// The metadata database.
    pub metadata: DatabaseHealth,
    /// The time-series database.
    pub timeseries: DatabaseHealth,
    /// The read replica of the time-series database, if one is configured.
    pub replica: Option<DatabaseHealth>,
}

impl HealthReport {
    /// Whether all databases are up.
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

/// Checks all databases concurrently. Takes about one second at most and never fails.
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
        replica: replica.map(|replica| replica.compared_with(&timeseries)),
        timeseries,
    }
}

async fn probe(executor: &Executor) -> DatabaseHealth {
    let database = executor.database();
    executor
        .probe("check_health", DEADLINE, move |connection| {
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
            unknown_migrations: Vec::new(),
            timescaledb: None,
            candle_relations: Vec::new(),
            failed_jobs: Vec::new(),
        }
    }

    /// Notes that a replica has another version than its primary, as far as both are known.
    fn compared_with(mut self, primary: &Self) -> Self {
        let major = |version: &Option<String>| {
            let version = version.as_deref()?;
            Some(version.split(['.', ' ']).next()?.to_owned())
        };
        let (ours, others) = (major(&self.server_version), major(&primary.server_version));
        if let (Some(ours), Some(others)) = (&ours, &others)
            && ours != others
        {
            self.lacks(format!(
                "the replica has PostgreSQL {ours} and the primary {others}: use the same version"
            ));
        }
        if let (Some(ours), Some(others)) = (&self.timescaledb, &primary.timescaledb)
            && ours != others
        {
            let describe =
                |it: &TimescaleVersion| format!("{} ({})", it.version, it.edition.as_str());
            let (ours, others) = (describe(ours), describe(others));
            self.lacks(format!(
                "the replica has TimescaleDB {ours} and the primary {others}: use the same version and edition"
            ));
        }
        if self.pending_migrations != primary.pending_migrations
            && self.server_version.is_some()
            && primary.server_version.is_some()
        {
            self.lacks(
                "the replica lacks migrations that the primary has: check its replication"
                    .to_owned(),
            );
        }
        self
    }

    /// Notes a missing part, unless one is noted already.
    fn lacks(&mut self, reason: String) {
        if self.state == HealthState::Up {
            self.state = HealthState::NotReady { reason };
        }
    }
}

fn examine(connection: &mut PgConnection, database: Database) -> Result<DatabaseHealth, DbError> {
    let mut health = DatabaseHealth::new(HealthState::Up);
    health.server_version = note(&mut health, check_server(connection, database))?;
    if database != Database::Replica {
        note(&mut health, check_writable(connection, database))?;
    }
    if database != Database::Metadata {
        note(&mut health, check_extension(connection))?;
        health.timescaledb = note(&mut health, detect_edition(connection))?;
        if health.timescaledb.is_some() {
            health.candle_relations = candle_relations(connection)?;
            health.failed_jobs = failed_jobs(connection)?;
        }
    }
    health.pending_migrations = pending_migrations(connection, database)?;
    health.unknown_migrations = unknown_migrations(connection, database)?;
    if !health.pending_migrations.is_empty() {
        let count = health.pending_migrations.len();
        health.lacks(format!(
            "{count} migrations have not run: run `tickbook migrate`"
        ));
    }
    Ok(health)
}

#[derive(QueryableByName)]
struct Writable {
    #[diesel(sql_type = Bool)]
    is_standby: bool,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
}

/// Checks that the server accepts writes.
fn check_writable(connection: &mut PgConnection, database: Database) -> Result<(), DbError> {
    let server: Writable = sql_query(
        "SELECT pg_is_in_recovery() AS is_standby, \
         current_setting('default_transaction_read_only') = 'on' AS is_read_only",
    )
    .get_result(connection)?;
    let variable = database.url_variable();
    let reason = if server.is_standby {
        format!("the server is a standby, which accepts no writes: name the primary in {variable}")
    } else if server.is_read_only {
        "default_transaction_read_only is on: writes are refused".to_owned()
    } else {
        return Ok(());
    };
    Err(RepositoryError::Configuration { database, reason }.into())
}

/// Notes a missing part in `health`; returns errors that keep the database from answering.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Edition;

    fn health(server: &str, timescaledb: &str) -> DatabaseHealth {
        DatabaseHealth {
            server_version: Some(server.to_owned()),
            timescaledb: Some(TimescaleVersion {
                version: timescaledb.to_owned(),
                edition: Edition::Apache,
            }),
            ..DatabaseHealth::new(HealthState::Up)
        }
    }

    fn reason(replica: DatabaseHealth, primary: &DatabaseHealth) -> String {
        match replica.compared_with(primary).state {
            HealthState::NotReady { reason } => reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn replica_of_another_version_is_not_ready() {
        let primary = health("17.6 (Debian 17.6-1)", "2.19.3");
        assert_eq!(reason(health("17.2", "2.19.3"), &primary), "Up");
        let found = reason(health("16.9", "2.19.3"), &primary);
        assert!(
            found.contains("PostgreSQL 16 and the primary 17"),
            "{found}"
        );
        let found = reason(health("17.6", "2.20.0"), &primary);
        let expected = "TimescaleDB 2.20.0 (apache) and the primary 2.19.3 (apache)";
        assert!(found.contains(expected), "{found}");
        let mut behind = health("17.6", "2.19.3");
        behind.pending_migrations = vec!["0001".to_owned()];
        assert!(reason(behind, &primary).contains("lacks migrations"));
    }

    #[test]
    fn unknown_primary_says_nothing_of_its_replica() {
        let down = DatabaseHealth::new(HealthState::Down {
            reason: "refused".to_owned(),
        });
        assert_eq!(reason(health("16.9", "2.20.0"), &down), "Up");
    }
}
