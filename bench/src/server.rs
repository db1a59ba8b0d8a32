//! The measured database, and a schema in it for each contender.

use anyhow::{Context as _, Result, ensure};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::db::{DatabaseConfig, DatabasePools, ScratchSchemas};
use tickbook::postgres;

use crate::cpu;

/// A schema with the table of ticks, and a connection that observes it.
pub(crate) struct Place {
    schemas: ScratchSchemas,
    database: Database,
    observer: PgConnection,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Place {
    /// A schema with the tables of the migrations.
    pub(crate) async fn migrated() -> Result<Self> {
        let place = Self::empty();
        postgres::migrate_timeseries(&place.pools().timeseries())
            .await
            .context("migrations of the time-series database")?;
        Ok(place)
    }

    /// The same without the triggers that note ticks and trades of other programs, which cost them time.
    pub(crate) async fn of_peer() -> Result<Self> {
        let mut place = Self::migrated().await?;
        place.execute(
            "DROP TRIGGER ticks_unrecorded ON ticks; DROP TRIGGER trades_unrecorded ON trades",
        )?;
        Ok(place)
    }

    /// A schema of the metadata database with the tables of the ledger.
    pub(crate) async fn of_ledger() -> Result<Self> {
        let place = Self::in_database(Database::Metadata);
        postgres::migrate_metadata(&place.pools().metadata())
            .await
            .context("migrations of the metadata database")?;
        Ok(place)
    }

    /// An empty schema.
    pub(crate) fn empty() -> Self {
        Self::in_database(Database::Timeseries)
    }

    fn in_database(database: Database) -> Self {
        let schemas = ScratchSchemas::create();
        let observer = schemas.connection(database);
        Self {
            schemas,
            database,
            observer,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.schemas.url(self.database)
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        let mut config = self.schemas.config();
        // as many connections as the other contenders
        config.pool.size = 1;
        config
    }

    pub(crate) fn pools(&self) -> DatabasePools {
        DatabasePools::new(&self.config())
    }

    /// Pools with another number of connections to each database.
    pub(crate) fn pools_of(&self, size: u32) -> DatabasePools {
        let mut config = self.config();
        config.pool.size = size;
        DatabasePools::new(&config)
    }

    pub(crate) fn connection(&self) -> PgConnection {
        self.schemas.connection(self.database)
    }

    pub(crate) fn execute(&mut self, sql: &str) -> Result<()> {
        self.observer.batch_execute(sql).context(sql.to_owned())
    }

    /// Bytes of write-ahead log since the server was created, by all sessions.
    pub(crate) fn wal_bytes(&mut self) -> Result<i64> {
        self.number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS number")
    }

    /// Microseconds of CPU time of the server processes of the database. A process that has ended counts as zero.
    pub(crate) fn server_cpu_micros(&mut self) -> Result<f64> {
        let processes = cpu::serving(&self.database()?)?;
        ensure!(
            !processes.is_empty(),
            "the database server must run on this machine: its CPU time is measured"
        );
        Ok(cpu::of_running(&processes) * 1_000.0)
    }

    pub(crate) fn rows(&mut self) -> Result<i64> {
        self.number("SELECT count(*) AS number FROM ticks")
    }

    /// The number of rows of ticks, trades and order books.
    pub(crate) fn stored(&mut self) -> Result<i64> {
        self.number(
            "SELECT (SELECT count(*) FROM ticks) + (SELECT count(*) FROM trades) \
             + (SELECT count(*) FROM order_book_snapshots) + (SELECT count(*) FROM order_book_updates) \
             + (SELECT count(*) FROM book_intervals) AS number",
        )
    }

    /// The name of the database.
    pub(crate) fn database(&mut self) -> Result<String> {
        let row: Line =
            sql_query("SELECT current_database()::text AS line").get_result(&mut self.observer)?;
        Ok(row.line)
    }

    /// Bytes of the heaps of the chunks of ticks.
    pub(crate) fn heap_bytes(&mut self) -> Result<i64> {
        self.number(
            "SELECT coalesce(sum(pg_relation_size(chunk)), 0)::bigint AS number \
             FROM show_chunks('ticks') AS chunk",
        )
    }

    /// The materialization table of a continuous aggregate, as a qualified name.
    pub(crate) fn materialized(&mut self, aggregate: &str) -> Result<String> {
        let row: Line = sql_query(
            "SELECT format('%I.%I', materialization_hypertable_schema, \
                           materialization_hypertable_name) AS line \
             FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema() AND view_name = $1",
        )
        .bind::<Text, _>(aggregate)
        .get_result(&mut self.observer)?;
        Ok(row.line)
    }

    fn number(&mut self, sql: &str) -> Result<i64> {
        let row: Number = sql_query(sql).get_result(&mut self.observer)?;
        Ok(row.number)
    }
}

/// A heading with versions and settings of the server.
pub(crate) fn describe() -> Result<String> {
    let mut place = Place::empty();
    let row: Line = sql_query(
        "SELECT 'PostgreSQL ' || current_setting('server_version') || ', TimescaleDB ' || \
         (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') || ' (' || \
         current_setting('timescaledb.license') || '), fsync ' || current_setting('fsync') || \
         ', full_page_writes ' || current_setting('full_page_writes') || \
         ', synchronous_commit ' || current_setting('synchronous_commit') || \
         ', shared_buffers ' || current_setting('shared_buffers') AS line",
    )
    .get_result(&mut place.observer)?;
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{}; {cores} cores", row.line))
}
