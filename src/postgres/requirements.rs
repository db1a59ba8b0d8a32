//! Requirements of this library on a database server.

use diesel::sql_types::{Bool, Integer, Nullable, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use crate::db::DbError;

/// The oldest supported PostgreSQL, as `server_version_num`.
const OLDEST_POSTGRESQL: i32 = 150_000;

/// The oldest supported TimescaleDB, major and minor version.
const OLDEST_TIMESCALEDB: (u32, u32) = (2, 19);

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Integer)]
    version_number: i32,
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
}

/// Checks the version of PostgreSQL and that a schema of the `search_path` exists. Returns the version.
pub(super) fn check_server(
    connection: &mut PgConnection,
    database: Database,
) -> Result<String, DbError> {
    let server: Server = sql_query(
        "SELECT current_setting('server_version') AS version, \
         current_setting('server_version_num')::int AS version_number, \
         current_schema()::text AS schema",
    )
    .get_result(connection)?;
    let variable = database.url_variable();
    if server.version_number < OLDEST_POSTGRESQL {
        return Err(configuration(
            database,
            format!("PostgreSQL {} is too old: use 15 or newer", server.version),
        ));
    }
    if server.schema.is_none() {
        return Err(configuration(
            database,
            format!(
                "no schema of the search_path exists: create one, or correct the options in {variable}"
            ),
        ));
    }
    Ok(server.version)
}

#[derive(QueryableByName)]
struct Extension {
    #[diesel(sql_type = Nullable<Text>)]
    installed: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    available: Option<String>,
    #[diesel(sql_type = Bool)]
    preloaded: bool,
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Checks that the TimescaleDB extension is installed in a supported version or can be created.
///
/// Checks first, because `CREATE EXTENSION` ends the connection if the server does not preload the library.
pub(super) fn check_extension(connection: &mut PgConnection) -> Result<(), DbError> {
    // shared_preload_libraries is visible to privileged users only; settings of a preloaded library are in
    // pg_settings for all users
    let extension: Extension = sql_query(
        "SELECT e.extversion AS installed, \
         (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS available, \
         EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.max_background_workers') AS preloaded, \
         s.name::text AS schema, \
         s.name = ANY (current_schemas(true)) AS found \
         FROM (VALUES (1)) AS one \
         LEFT JOIN pg_extension AS e ON e.extname = 'timescaledb' \
         LEFT JOIN pg_namespace AS n ON n.oid = e.extnamespace \
         CROSS JOIN LATERAL (SELECT coalesce(n.nspname, 'public') AS name) AS s",
    )
    .get_result(connection)?;
    let variable = Database::Timeseries.url_variable();
    let Some(version) = extension
        .installed
        .as_ref()
        .or(extension.available.as_ref())
    else {
        return Err(timeseries(format!(
            "the server does not have TimescaleDB: install it there, \
             or point {variable} at a server that has it"
        )));
    };
    if !extension.preloaded {
        return Err(timeseries(format!(
            "the server does not preload TimescaleDB: add timescaledb to its \
             shared_preload_libraries and restart it, or point {variable} at a server that does"
        )));
    }
    if !is_supported(version) {
        let remedy = if extension.installed.is_some() {
            "install a newer one and run ALTER EXTENSION timescaledb UPDATE"
        } else {
            "install a newer one"
        };
        return Err(timeseries(format!(
            "TimescaleDB {version} is older than {}.{}: {remedy}",
            OLDEST_TIMESCALEDB.0, OLDEST_TIMESCALEDB.1
        )));
    }
    if !extension.found {
        return Err(timeseries(format!(
            "TimescaleDB is in the schema {schema}, which is not in the search_path: \
             add it to the options in {variable}",
            schema = extension.schema
        )));
    }
    Ok(())
}

fn is_supported(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST_TIMESCALEDB,
        // an unreadable version is not considered old
        _ => true,
    }
}

fn configuration(database: Database, reason: String) -> DbError {
    RepositoryError::Configuration { database, reason }.into()
}

fn timeseries(reason: String) -> DbError {
    configuration(Database::Timeseries, reason)
}

#[cfg(test)]
mod tests {
    use super::is_supported;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, supported) in [
            ("2.19.0", true),
            ("2.19.3", true),
            ("2.100.0-dev", true),
            ("3.0", true),
            ("2.18.2", false),
            ("2.9.1", false),
            ("1.7.5", false),
        ] {
            assert_eq!(is_supported(version), supported, "{version}");
        }
    }
}
