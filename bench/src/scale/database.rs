//! The large and the small database.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabaseConfig, DatabasePools};
use tickbook::domain::{NewSymbol, Timeframe};
use tickbook::postgres::{self, Edition};
use tickbook::retention::RetentionPolicies;
use tickbook::{Database, DatabaseUrl, Repositories};

use crate::cpu;

/// The symbols with ticks of every day are numbered from 1.
pub(super) const SYMBOLS: u32 = 50;
/// A symbol without ticks.
pub(super) const WITHOUT_TICKS: u32 = SYMBOLS + 1;
/// A symbol whose ticks are all of the first day.
pub(super) const OLD: u32 = SYMBOLS + 2;

/// The days of the small database.
const FEW_DAYS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Large,
}

/// Both databases with the same metadata. Dropped with this value.
pub(super) struct Pair {
    metadata: Created,
    small: Created,
    large: Created,
    pub(super) edition: Edition,
    days: u32,
    pub(super) ticks_per_day: u64,
    /// The midnight before the measurement.
    pub(super) today: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Pair {
    /// Creates and fills the databases: `days` days of `ticks` ticks, and the newest of these days.
    pub(super) async fn create(ticks: u64, days: u32) -> Result<Self> {
        let created = |database: Database, name: &str| Created::create(database, name);
        let now = started()?;
        let mut pair = Self {
            metadata: created(Database::Metadata, "metadata")?,
            small: created(Database::Timeseries, "small")?,
            large: created(Database::Timeseries, "large")?,
            edition: Edition::Apache,
            days,
            ticks_per_day: (ticks / u64::from(days) / u64::from(SYMBOLS)).clamp(40, 80_000),
            today: Timeframe::D1.bucket_start(now),
        };
        let pools = pair.pools(Size::Small, 1)?;
        postgres::migrate_metadata(&pools.metadata()).await?;
        let repositories = Repositories::postgres(&pools);
        for symbol in 1..=OLD {
            let symbol = NewSymbol::named("scale", format!("S{symbol}"));
            repositories.symbols.create(symbol).await?;
        }
        for size in [Size::Small, Size::Large] {
            pair.edition = pair.fill(size, now).await?;
        }
        Ok(pair)
    }

    async fn fill(&self, size: Size, now: DateTime<Utc>) -> Result<Edition> {
        let pools = self.pools(size, 1)?;
        let db = pools.timeseries();
        postgres::migrate_timeseries(&db).await?;
        let edition = postgres::apply_aggregates(&db).await?.edition;
        // sets up compression; the jobs would work beside the measurement
        let mut policies = RetentionPolicies::default();
        policies.ticks.drop_after = None;
        policies.trades.drop_after = None;
        policies.candles.drop_after = None;
        postgres::apply_policies(&db, &policies).await?;
        postgres::remove_policies(&db).await?;
        let mut connection = self.connection(size)?;
        let first = self.first_day(size);
        let step = 86_400_000_000 / self.ticks_per_day;
        let mut days = BTreeSet::new();
        let mut day = first;
        while day <= self.today {
            days.insert(day);
            let symbols = match day == first {
                true => format!("(SELECT generate_series(1, {SYMBOLS}) UNION ALL SELECT {OLD})"),
                false => format!("(SELECT generate_series(1, {SYMBOLS}))"),
            };
            execute(
                &mut connection,
                &format!(
                    "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
                                        bid_volume, ask_volume) \
                     SELECT symbol, time, 0, bid, bid + 0.00007, number % 50, symbol \
                     FROM generate_series(0::bigint, {}) AS number, {symbols} AS symbols (symbol), \
                          LATERAL (SELECT 1.08 + (number * 7919 + symbol * 104729) % 1000 * 0.00001, \
                            timestamptz '{}' + number * interval '{step} microseconds') \
                              AS tick (bid, time) \
                     WHERE time < '{}'",
                    self.ticks_per_day - 1,
                    day.to_rfc3339(),
                    now.to_rfc3339(),
                ),
            )?;
            day += TimeDelta::days(1);
        }
        // records the days of the ticks
        postgres::maintain(&db).await?;
        postgres::refresh_days(&db, days).await?;
        if edition == Edition::Community {
            execute(
                &mut connection,
                &format!(
                    "SELECT compress_chunk(chunk) FROM show_chunks('ticks', \
                     older_than => timestamptz '{}') AS chunk",
                    self.today.to_rfc3339()
                ),
            )?;
        }
        execute(&mut connection, "VACUUM ANALYZE")?;
        Ok(edition)
    }

    /// The first day with ticks.
    pub(super) fn first_day(&self, size: Size) -> DateTime<Utc> {
        let days = match size {
            Size::Small => FEW_DAYS,
            Size::Large => self.days,
        };
        self.today - TimeDelta::days(i64::from(days) - 1)
    }

    pub(super) fn pools(&self, size: Size, connections: u32) -> Result<DatabasePools> {
        let [metadata, timeseries] = self.urls(size);
        let metadata = DatabaseUrl::parse(metadata)?;
        let mut config = DatabaseConfig::new(metadata, DatabaseUrl::parse(timeseries)?);
        config.pool.size = connections;
        Ok(DatabasePools::new(&config))
    }

    /// The URLs of metadata and ticks.
    pub(super) fn urls(&self, size: Size) -> [&str; 2] {
        [&self.metadata.url, &self.database(size).url]
    }

    fn database(&self, size: Size) -> &Created {
        match size {
            Size::Small => &self.small,
            Size::Large => &self.large,
        }
    }

    fn connection(&self, size: Size) -> Result<PgConnection> {
        Ok(PgConnection::establish(&self.database(size).url)?)
    }

    /// The processes that serve this database's clients.
    pub(super) fn processes(&self, size: Size) -> Result<Vec<i32>> {
        cpu::serving(&self.database(size).name)
    }

    /// A heading with versions and sizes.
    pub(super) fn describe(&self) -> Result<String> {
        let line = |size| -> Result<String> {
            let row: Line = sql_query(
                "SELECT 'PostgreSQL ' || current_setting('server_version') || ', TimescaleDB ' || \
                 (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') || '; ' || \
                 (SELECT count(*) FROM show_chunks('ticks')) || ' chunks of ticks, ' || \
                 pg_size_pretty(pg_database_size(current_database())) AS line",
            )
            .get_result(&mut self.connection(size)?)?;
            Ok(row.line)
        };
        Ok(format!(
            "small: {}\nlarge: {}\n{SYMBOLS} symbols, {} ticks of each on a day",
            line(Size::Small)?,
            line(Size::Large)?,
            self.ticks_per_day
        ))
    }
}

/// A database that is dropped with this value.
struct Created {
    name: String,
    /// The database that it was created from.
    server: String,
    url: String,
}

impl Created {
    fn create(database: Database, name: &str) -> Result<Self> {
        let variable = database.url_variable();
        let server = std::env::var(variable).with_context(|| format!("{variable} is not set"))?;
        let (address, parameters) = match server.split_once('?') {
            Some((address, parameters)) => (address, format!("?{parameters}")),
            None => (server.as_str(), String::new()),
        };
        let name = format!("tickbook_scale_{name}_{}", std::process::id());
        let (host, _) = address.rsplit_once('/').context("a URL without database")?;
        let url = format!("{host}/{name}{parameters}");
        let mut connection = PgConnection::establish(&server)?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
            // the processes of parallel plans are not counted
            format!("ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0"),
        ] {
            execute(&mut connection, &statement)?;
        }
        Ok(Self { name, server, url })
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&self.server).map(|mut connection| {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            connection.batch_execute(&drop)
        });
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {} was not dropped", self.name);
        }
    }
}

fn execute(connection: &mut PgConnection, sql: &str) -> Result<()> {
    connection
        .batch_execute(sql)
        .with_context(|| sql.to_owned())
}

/// The present time of the database server.
fn started() -> Result<DateTime<Utc>> {
    let server = std::env::var(Database::Timeseries.url_variable())?;
    let row: Line = sql_query(
        "SELECT to_char(now() AT TIME ZONE 'UTC', \
                               'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS line",
    )
    .get_result(&mut PgConnection::establish(&server)?)?;
    Ok(row.line.parse()?)
}
