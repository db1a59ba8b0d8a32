//! Tests of the executor on a real server: deadlines, dropped callers, panics, exhausted pools.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use diesel::{RunQueryDsl as _, sql_query};
use fault_proxy::FaultProxy;
use tickbook::db::DatabaseConfig;
use tickbook::db::{
    ConnectionCounts, DatabasePools, DbError, MetadataDb, ScratchSchemas, SecretString,
};
use tickbook::{Database, DatabaseUrl, RepositoryError};

/// The time by which a call may exceed its deadline.
const OVERRUN: Duration = Duration::from_millis(250);

fn pool(schemas: &ScratchSchemas, size: u32) -> MetadataDb {
    let mut config = schemas.config();
    config.pool.size = size;
    DatabasePools::new(&config).metadata()
}

async fn sleep_in_database(
    db: &MetadataDb,
    seconds: f64,
    timeout: Duration,
) -> Result<(), RepositoryError> {
    db.run_within("sleep", timeout, move |connection| {
        sql_query(format!("SELECT pg_sleep({seconds})")).execute(connection)?;
        Ok(())
    })
    .await
}

async fn answers(db: &MetadataDb) -> Result<(), RepositoryError> {
    sleep_in_database(db, 0.0, Duration::from_secs(10)).await
}

#[tokio::test]
async fn call_ends_at_its_deadline_and_says_it_had_begun() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, 1);
    answers(&db).await.expect("the database is up");
    let start = suite::Watch::start();
    let deadline = Duration::from_millis(300);
    let error = sleep_in_database(&db, 1.5, deadline)
        .await
        .expect_err("too slow");
    start.assert_within(deadline + OVERRUN);
    assert!(
        matches!(error, RepositoryError::Timeout { begun: true, .. }),
        "{error:?}"
    );
    assert!(error.is_transient() && !error.is_certainly_not_applied());
}

#[tokio::test]
async fn call_waits_for_a_busy_pool_until_its_deadline() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, 1);
    let busy = db.clone();
    let holder =
        tokio::spawn(async move { sleep_in_database(&busy, 1.0, Duration::from_secs(10)).await });
    wait_until(|| db.connections() == ConnectionCounts::new(1, 0)).await;
    let start = suite::Watch::start();
    let deadline = Duration::from_millis(200);
    let error = sleep_in_database(&db, 0.0, deadline)
        .await
        .expect_err("busy");
    start.assert_within(deadline + OVERRUN);
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("busy"), "{error}");
    assert!(error.is_certainly_not_applied());
    holder
        .await
        .expect("not cancelled")
        .expect("the holder is not disturbed");
}

#[tokio::test]
async fn dropped_call_gives_its_connection_back() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, 1);
    for _ in 0..5 {
        let call = sleep_in_database(&db, 0.2, Duration::from_secs(10));
        let dropped = tokio::time::timeout(Duration::from_millis(20), call).await;
        assert!(dropped.is_err());
    }
    answers(&db)
        .await
        .expect("the only connection is free again");
}

#[tokio::test]
async fn panic_in_a_closure_costs_only_one_connection() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, 1);
    let panicked: Result<(), _> = db
        .run("panic", |_| -> Result<(), DbError> { panic!("on purpose") })
        .await;
    assert!(
        matches!(panicked, Err(RepositoryError::Internal { .. })),
        "{panicked:?}"
    );
    answers(&db).await.expect("the pool goes on");
}

#[tokio::test]
async fn terminated_connection_is_replaced() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, 1);
    let killed: Result<(), _> = db
        .run("terminate", |connection| {
            sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(connection)?;
            Ok(())
        })
        .await;
    let error = killed.expect_err("the answer never comes");
    assert!(
        matches!(error, RepositoryError::Ambiguous { .. }),
        "{error:?}"
    );
    answers(&db).await.expect("on a new connection");
}

#[tokio::test]
async fn silent_server_does_not_hang_a_call() {
    let schemas = ScratchSchemas::create();
    let silent = FaultProxy::silent();
    let url = DatabaseUrl::parse(&format!("postgres://u:S3cretPw@{}/d", silent.address()));
    let mut config: DatabaseConfig = schemas.config();
    config.metadata_url = url.expect("valid");
    let db = DatabasePools::new(&config).metadata();
    let start = Instant::now();
    let error = answers(&db).await.expect_err("nobody answers");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("S3cretPw"));
}

#[tokio::test]
async fn refused_connection_gives_every_caller_its_cause() {
    let schemas = ScratchSchemas::create();
    let nobody = FaultProxy::refusing();
    let url = DatabaseUrl::parse(&format!("postgres://u:S3cretPw@{}/d", nobody.address()));
    let mut config = schemas.config();
    config.metadata_url = url.expect("valid");
    let db = DatabasePools::new(&config).metadata();
    let calls = (0..4).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { answers(&db).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let error = call.await.expect("no panic").expect_err("nobody listens");
        assert!(error.to_string().contains("refused"), "{error}");
        assert_eq!(error_database(&error), Some(Database::Metadata));
    }
}

fn error_database(error: &RepositoryError) -> Option<Database> {
    match error {
        RepositoryError::Unavailable { database, .. } => Some(*database),
        _ => None,
    }
}

async fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A thread that is in the TLS library when the process ends would crash it.
#[test]
fn dropped_pools_wait_for_opening_connections() {
    let schemas = ScratchSchemas::create();
    let mut config = schemas.config();
    (config.pool.size, config.pool.min_idle) = (1, 1);
    let (asked, answered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (Arc::clone(&asked), Arc::clone(&answered));
    let (begun, begins) = mpsc::channel();
    let provider = move |database| {
        counts.0.fetch_add(1, Ordering::SeqCst);
        let _ = begun.send(database);
        // long enough to be seen by pools that do not wait
        std::thread::sleep(Duration::from_millis(50));
        counts.1.fetch_add(1, Ordering::SeqCst);
        SecretString::from("unused")
    };
    let pools = DatabasePools::with_passwords(&config, Arc::new(provider));
    for _ in [Database::Metadata, Database::Timeseries] {
        begins.recv().expect("a connection is opened");
    }
    drop(pools);
    let counts = [asked, answered].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts[0], counts[1]);
}
