//! The embedded migrations of both databases.

mod relations;

use std::collections::BTreeSet;
use std::error::Error as StdError;

use diesel::migration::{Migration, MigrationSource as _};
use diesel::pg::Pg;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::error::{Database, RepositoryError};

use crate::db::DbError;
use crate::db::Executor;
use crate::db::{MetadataDb, TimeseriesDb};
use crate::postgres::requirements::{check_extension, check_server};
use relations::made_by;

const METADATA: EmbeddedMigrations = embed_migrations!("migrations_metadata");
const TIMESERIES: EmbeddedMigrations = embed_migrations!("migrations_timeseries");

type BoxedMigration = Box<dyn Migration<Pg>>;

/// The result of running the migrations of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The database.
    pub database: Database,
    /// The migrations that this call ran, in order.
    pub applied: Vec<String>,
    /// The number of migrations that had been run before, by any process.
    pub already_applied: usize,
}

/// Runs the pending migrations of the metadata database, each in its own transaction.
///
/// Several processes may call this concurrently: one runs the migrations, and the others wait and find none
/// pending.
///
/// # Errors
/// Returns `Configuration` if the server is older than PostgreSQL 15 or the user lacks a privilege. Returns
/// the error of a failed migration; the migrations before it stay applied.
pub async fn migrate_metadata(db: &MetadataDb) -> Result<MigrationReport, RepositoryError> {
    migrate(db.executor()).await
}

/// Runs the pending migrations of the time-series database, each in its own transaction.
///
/// Several processes may call this concurrently: one runs the migrations, and the others wait and find none
/// pending.
///
/// # Errors
/// As [`migrate_metadata`]. Also returns `Configuration` if TimescaleDB 2.19 or newer is not installed on the
/// server, not preloaded, or in a schema outside of the `search_path`.
pub async fn migrate_timeseries(db: &TimeseriesDb) -> Result<MigrationReport, RepositoryError> {
    migrate(db.executor()).await
}

/// Lists the migrations that the metadata database lacks, in the order in which they would run. Changes
/// nothing.
///
/// # Errors
/// Returns database errors.
pub async fn pending_metadata_migrations(db: &MetadataDb) -> Result<Vec<String>, RepositoryError> {
    pending(db.executor()).await
}

/// Lists the migrations that the time-series database lacks, in the order in which they would run. Changes
/// nothing.
///
/// # Errors
/// Returns database errors.
pub async fn pending_timeseries_migrations(
    db: &TimeseriesDb,
) -> Result<Vec<String>, RepositoryError> {
    pending(db.executor()).await
}

/// Reverts all migrations of the metadata database, the last one first, and deletes all symbols. Returns the
/// names of the reverted migrations.
///
/// # Errors
/// Returns database errors and the error of a failed migration; the migrations before it stay applied.
pub async fn revert_all_metadata_migrations(
    db: &MetadataDb,
) -> Result<Vec<String>, RepositoryError> {
    revert_all(db.executor()).await
}

/// Reverts all migrations of the time-series database, the last one first, and deletes all ticks and stored
/// candles. Returns the names of the reverted migrations.
///
/// Keeps the TimescaleDB extension, since other schemas may use it.
///
/// # Errors
/// As [`revert_all_metadata_migrations`]. Fails while candle relations over the ticks exist.
pub async fn revert_all_timeseries_migrations(
    db: &TimeseriesDb,
) -> Result<Vec<String>, RepositoryError> {
    revert_all(db.executor()).await
}

async fn migrate(executor: &Executor) -> Result<MigrationReport, RepositoryError> {
    let database = executor.database();
    executor
        .run_dedicated("migrate", move |connection| {
            run_pending(connection, database)
        })
        .await
}

async fn pending(executor: &Executor) -> Result<Vec<String>, RepositoryError> {
    let database = executor.database();
    executor
        .run_idempotent("pending_migrations", move |connection| {
            pending_migrations(connection, database)
        })
        .await
}

async fn revert_all(executor: &Executor) -> Result<Vec<String>, RepositoryError> {
    let database = executor.database();
    executor
        .run_dedicated("revert_migrations", move |connection| {
            revert_applied(connection, database)
        })
        .await
}

fn run_pending(
    connection: &mut PgConnection,
    database: Database,
) -> Result<MigrationReport, DbError> {
    check_server(connection, database)?;
    lock_schema(connection)?;
    if database == Database::Timeseries {
        check_extension(connection)?;
    }
    refuse_foreign_tables(connection, database)?;
    // creates the table of applied migrations if it is missing
    connection.applied_migrations().map_err(failure)?;
    let (pending, applied) = partition(connection, database)?;
    let mut report = MigrationReport {
        database,
        applied: Vec::new(),
        already_applied: applied.len(),
    };
    for migration in pending {
        connection.run_migration(&migration).map_err(failure)?;
        let name = migration.name().to_string();
        tracing::info!(%database, migration = name, "applied");
        report.applied.push(name);
    }
    Ok(report)
}

fn revert_applied(
    connection: &mut PgConnection,
    database: Database,
) -> Result<Vec<String>, DbError> {
    check_server(connection, database)?;
    lock_schema(connection)?;
    let (_, applied) = partition(connection, database)?;
    let mut reverted = Vec::new();
    for migration in applied.into_iter().rev() {
        connection.revert_migration(&migration).map_err(failure)?;
        let name = migration.name().to_string();
        tracing::info!(%database, migration = name, "reverted");
        reverted.push(name);
    }
    Ok(reverted)
}

/// Waits until no other process migrates this schema, and locks it until the connection ends.
pub(super) fn lock_schema(connection: &mut PgConnection) -> Result<(), DbError> {
    sql_query(
        "SELECT pg_advisory_lock(hashtextextended('tickbook migrations ' || current_schema(), 0))",
    )
    .execute(connection)?;
    Ok(())
}

/// The names of the migrations that have not run in the current schema.
pub(super) fn pending_migrations(
    connection: &mut PgConnection,
    database: Database,
) -> Result<Vec<String>, DbError> {
    let (pending, _) = partition(connection, database)?;
    Ok(pending
        .iter()
        .map(|migration| migration.name().to_string())
        .collect())
}

/// The applied migrations that this version of the library does not have, in the order of their versions.
pub(super) fn unknown_migrations(
    connection: &mut PgConnection,
    database: Database,
) -> Result<Vec<String>, DbError> {
    let (pending, known) = partition(connection, database)?;
    let of_set: BTreeSet<_> = pending
        .iter()
        .chain(&known)
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = applied_versions(connection)?;
    Ok(applied.difference(&of_set).cloned().collect())
}

/// The pending and the applied migrations, each in the order in which they run.
fn partition(
    connection: &mut PgConnection,
    database: Database,
) -> Result<(Vec<BoxedMigration>, Vec<BoxedMigration>), DbError> {
    let applied = applied_versions(connection)?;
    let set = match database {
        Database::Metadata => &METADATA,
        Database::Timeseries | Database::Replica => &TIMESERIES,
    };
    let mut migrations = set.migrations().map_err(failure)?;
    migrations.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
    Ok(migrations
        .into_iter()
        .partition(|migration| !applied.contains(&migration.name().version().to_string())))
}

/// Checks, before any migration runs, that the schema has no relation with the name of one that a pending
/// migration creates.
fn refuse_foreign_tables(connection: &mut PgConnection, database: Database) -> Result<(), DbError> {
    let (pending, _) = partition(connection, database)?;
    let wanted: Vec<_> = pending
        .iter()
        .filter_map(|migration| made_by(&migration.name().to_string()))
        .flatten()
        .copied()
        .collect();
    let found: Vec<Foreign> = sql_query(
        "SELECT current_schema()::text AS schema, relname::text AS name FROM pg_class \
         WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1) \
         ORDER BY relname",
    )
    .bind::<Array<Text>, _>(wanted)
    .load(connection)?;
    let Some(first) = found.first() else {
        return Ok(());
    };
    let names: Vec<_> = found.iter().map(|foreign| foreign.name.as_str()).collect();
    let (schema, names) = (&first.schema, names.join(", "));
    let variable = database.url_variable();
    Err(RepositoryError::Configuration {
        database,
        reason: format!(
            "the schema {schema} has {names} already, which another program made: nothing was \
             changed; use a database of its own, or CREATE SCHEMA tickbook and add \
             ?options=-csearch_path%3Dtickbook,public to {variable}"
        ),
    }
    .into())
}

#[derive(QueryableByName)]
struct Foreign {
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

fn applied_versions(connection: &mut PgConnection) -> Result<BTreeSet<String>, DbError> {
    // another schema of the search_path may have a table of the same name
    let table: Exists = sql_query(
        "SELECT EXISTS (SELECT FROM pg_tables \
         WHERE schemaname = current_schema() AND tablename = '__diesel_schema_migrations') AS exists",
    )
    .get_result(connection)?;
    if !table.exists {
        return Ok(BTreeSet::new());
    }
    let applied: Vec<Applied> =
        sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?;
    Ok(applied.into_iter().map(|row| row.version).collect())
}

/// Classifies the error of a migration by its text, which names the migration, since diesel erases the type.
fn failure(error: Box<dyn StdError + Send + Sync>) -> DbError {
    let text: Box<dyn DatabaseErrorInformation + Send + Sync> = Box::new(error.to_string());
    DieselError::DatabaseError(DatabaseErrorKind::Unknown, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_of_every_migration_are_known() {
        for set in [&METADATA, &TIMESERIES] {
            let migrations: Vec<BoxedMigration> = set.migrations().expect("embedded");
            for migration in migrations {
                let name = migration.name().to_string();
                let makes_none = [
                    "create_extension_timescaledb",
                    "create_tick_order_key",
                    "fill_feed_gaps",
                    "create_candles_are_settled",
                ];
                let makes_none = makes_none.iter().any(|end| name.ends_with(end));
                assert_eq!(made_by(&name).is_none(), makes_none, "{name}");
            }
        }
    }
}
