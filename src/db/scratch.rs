//! Scratch schemas for tests against real databases.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use secrecy::ExposeSecret as _;

use crate::Clock;
use crate::database_url::DatabaseUrl;
use crate::error::Database;

use super::config::DatabaseConfig;

/// Schemas of killed test runs are removed when they are older than this.
const LEFTOVER_SECONDS: i64 = 3_600;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// An empty schema in each of the databases of `DATABASE_URL` and `TIMESCALEDB_URL`. Dropping the value
/// removes the schemas and their contents.
///
/// The TimescaleDB extension exists in the schema `public`; migrations have not run.
#[derive(Debug)]
pub struct ScratchSchemas {
    name: String,
    urls: [String; 2],
}

impl ScratchSchemas {
    /// Creates both schemas.
    ///
    /// # Panics
    /// If a variable is missing or a database does not respond: a test that needs a database must not pass
    /// without one.
    #[must_use]
    pub fn create() -> Self {
        Self::make(None)
    }

    /// Creates both schemas. In the time-series schema, SQL sees the fixed time `time` as the current time.
    /// Jobs of TimescaleDB itself use the system clock.
    ///
    /// # Panics
    /// As [`create`](Self::create).
    #[must_use]
    pub fn create_at(time: DateTime<Utc>) -> Self {
        Self::make(Some(time))
    }

    fn make(time: Option<DateTime<Utc>>) -> Self {
        let seconds = Clock::system().now().timestamp();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickbook_test_{seconds}_{}_{count}", std::process::id());
        let urls = [Database::Metadata, Database::Timeseries].map(|database| {
            let variable = database.url_variable();
            let server = std::env::var(variable).unwrap_or_else(|_| {
                panic!("{variable} is not set: run the tests with `make test`, or set it")
            });
            let mut connection = open(&server);
            if database == Database::Timeseries {
                execute(
                    &mut connection,
                    "BEGIN; SELECT pg_advisory_xact_lock(hashtext('tickbook extension')); \
                     CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public; COMMIT",
                );
            }
            remove_leftovers(&mut connection, seconds);
            execute(&mut connection, &format!("CREATE SCHEMA {name}"));
            let separator = if server.contains('?') { '&' } else { '?' };
            let mut path = format!("{name}%2Cpublic");
            if let (Database::Timeseries, Some(time)) = (database, time) {
                // pg_catalog would be searched first if the path did not name it
                path = format!("{name}%2Cpg_catalog%2Cpublic");
                for clock in ["now", "clock_timestamp"] {
                    let time = time.to_rfc3339();
                    let sql = format!(
                        "CREATE FUNCTION {name}.{clock}() RETURNS timestamptz LANGUAGE sql STABLE \
                         AS $$ SELECT timestamptz '{time}' $$"
                    );
                    execute(&mut connection, &sql);
                }
            }
            format!("{server}{separator}options=-csearch_path%3D{path}")
        });
        Self { name, urls }
    }

    /// The name of the schemas.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the schema in `database`, including the password.
    #[must_use]
    pub fn url(&self, database: Database) -> &str {
        match database {
            Database::Metadata => &self.urls[0],
            Database::Timeseries | Database::Replica => &self.urls[1],
        }
    }

    /// The default settings with both URLs and small pools.
    ///
    /// # Panics
    /// If a URL is malformed.
    #[must_use]
    pub fn config(&self) -> DatabaseConfig {
        let url =
            |database| DatabaseUrl::parse(self.url(database)).expect("the URLs were parsed before");
        let mut config = DatabaseConfig::new(url(Database::Metadata), url(Database::Timeseries));
        config.pool.size = 5;
        // tolerates a machine that is busy with other tests
        config.pool.connect_timeout = Duration::from_secs(10);
        config
    }

    /// Opens a separate connection to the schema of `database`, for checks that bypass the library.
    ///
    /// # Panics
    /// If the database does not respond.
    #[must_use]
    pub fn connection(&self, database: Database) -> PgConnection {
        open(self.url(database))
    }
}

impl Drop for ScratchSchemas {
    fn drop(&mut self) {
        for url in &self.urls {
            let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
            // no panic here, which would abort a failing test; the next run removes the rest
            let done = connect(url).and_then(|mut connection| {
                connection
                    .batch_execute(&drop)
                    .map_err(|error| error.to_string())
            });
            if let Err(error) = done {
                eprintln!("the schema {} was not removed: {error}", self.name);
            }
        }
    }
}

fn connect(url: &str) -> Result<PgConnection, String> {
    let url = DatabaseUrl::parse(url).map_err(|error| error.to_string())?;
    PgConnection::establish(url.connection_string().expose_secret())
        .map_err(|error| url.redact(&error.to_string()))
}

fn open(url: &str) -> PgConnection {
    connect(url).unwrap_or_else(|error| panic!("cannot connect to the test database: {error}"))
}

fn execute(connection: &mut PgConnection, sql: &str) {
    connection
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[derive(QueryableByName)]
struct SchemaName {
    #[diesel(sql_type = diesel::sql_types::Text)]
    nspname: String,
}

fn remove_leftovers(connection: &mut PgConnection, now: i64) {
    let query = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'tickbook\\_test\\_%'";
    let schemas: Vec<SchemaName> = diesel::sql_query(query)
        .load(connection)
        .unwrap_or_default();
    for SchemaName { nspname } in schemas {
        let made = nspname.split('_').nth(2).and_then(|text| text.parse().ok());
        if made.is_none_or(|made: i64| made + LEFTOVER_SECONDS < now) {
            // two runs may remove the same schema
            let _ = connection.batch_execute(&format!("DROP SCHEMA IF EXISTS {nspname} CASCADE"));
        }
    }
}
