//! Pools for scratch schemas, and access to the sessions of these pools.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::DatabaseConfig;
use tickbook::db::{ConnectionCounts, DatabasePools, MetadataDb, ScratchSchemas};
use tickbook::{Database, DatabaseUrl, RepositoryError};

/// The time by which a call may exceed its deadline.
pub(crate) const OVERRUN: Duration = Duration::from_millis(250);

/// A pool for the metadata schema.
pub(crate) fn pool(
    schemas: &ScratchSchemas,
    change: impl FnOnce(&mut DatabaseConfig),
) -> MetadataDb {
    let mut config = schemas.config();
    change(&mut config);
    DatabasePools::new(&config).metadata()
}

/// A pool over `url`.
pub(crate) fn pool_at(
    schemas: &ScratchSchemas,
    url: &str,
    change: impl FnOnce(&mut DatabaseConfig),
) -> MetadataDb {
    pool(schemas, |config| {
        config.metadata_url = DatabaseUrl::parse(url).expect("a valid URL");
        change(config);
    })
}

/// The URL of the metadata schema with `application_name`, by which its connections are found.
pub(crate) fn named(schemas: &ScratchSchemas) -> (String, String) {
    let name = format!("app_{}", schemas.name());
    let url = schemas.url(Database::Metadata);
    (format!("{url}&application_name={name}"), name)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The column `number` of the only row of a query.
pub(crate) fn number(connection: &mut PgConnection, query: &str) -> diesel::QueryResult<i64> {
    let row: Number = sql_query(query).get_result(connection)?;
    Ok(row.number)
}

pub(crate) async fn read(db: &MetadataDb) -> Result<i64, RepositoryError> {
    db.run_idempotent("read", |connection| {
        Ok(number(connection, "SELECT 7::bigint AS number")?)
    })
    .await
}

pub(crate) async fn execute(db: &MetadataDb, sql: &'static str) -> Result<(), RepositoryError> {
    db.run("execute", move |connection| {
        connection.batch_execute(sql)?;
        Ok(())
    })
    .await
}

/// Opens `count` connections of `db` and leaves them idle.
pub(crate) async fn warm_up(db: &MetadataDb, count: u32) {
    let calls = (0..count).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { execute(&db, "SELECT pg_sleep(0.2)").await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("the database is up");
    }
    wait_until("idle connections", || {
        db.connections() == ConnectionCounts::new(count, count)
    })
    .await;
}

/// Terminates all sessions with the application name `name`, and waits for their end. Returns their
/// number.
pub(crate) fn terminate(connection: &mut PgConnection, name: &str) -> i64 {
    let count = number(
        connection,
        &format!(
            "SELECT count(pg_terminate_backend(pid, 5000)) AS number FROM pg_stat_activity \
             WHERE application_name = '{name}'"
        ),
    );
    count.expect("allowed to")
}

pub(crate) async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
