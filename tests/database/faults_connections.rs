//! Tests of connections that break, hang or cannot be opened.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use fault_proxy::FaultProxy;
use tickbook::db::ConnectionCounts;
use tickbook::db::ScratchSchemas;
use tickbook::{Database, RepositoryError};

use crate::support::heartbeat::Heartbeat;
use crate::support::pool::{
    OVERRUN, execute, named, number, pool_at, read, terminate, wait_until, warm_up,
};

#[tokio::test]
async fn fault_02_call_waits_for_a_known_database() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let proxy = FaultProxy::builder_of_url(url).ends_together().start();
    let db = pool_at(&schemas, &proxy.url(url), |_| ());
    read(&db).await.expect("the database is up");
    proxy.close();
    let heartbeat = Heartbeat::start();
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { read(&db).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!waiting.is_finished());
    heartbeat.assert_steady().await;
    proxy.open();
    let opened = suite::Watch::start();
    let answer = read(&db).await;
    opened.assert_within(Duration::from_millis(1_500));
    assert_eq!(answer.expect("it is up again"), 7);
    let answer = waiting.await.expect("no panic");
    assert_eq!(answer.expect("within its deadline"), 7);
}

#[tokio::test]
async fn fault_27_busy_pool_error_counts_its_connections() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let db = pool_at(&schemas, url, |config| config.pool.size = 1);
    read(&db).await.expect("the database is up");
    let holder = tokio::spawn({
        let db = db.clone();
        async move { execute(&db, "SELECT pg_sleep(1)").await }
    });
    wait_until("a busy connection", || {
        db.connections() == ConnectionCounts::new(1, 0)
    })
    .await;
    let short = Duration::from_millis(500);
    let (heartbeat, begun) = (Heartbeat::start(), suite::Watch::start());
    let error = db.run_within("wait", short, |_| Ok(())).await;
    begun.assert_within(short + OVERRUN);
    heartbeat.assert_steady().await;
    let text = error.expect_err("busy").to_string();
    for part in ["all 1 connections", "waited 0.5 s", "1 in use", "0 others"] {
        assert!(text.contains(part), "{text}");
    }
    holder.await.expect("no panic").expect("not disturbed");
}

#[tokio::test]
async fn fault_05_connected_clients_survive_the_limit() {
    let schemas = ScratchSchemas::create();
    let mut admin = schemas.connection(Database::Metadata);
    let role = format!("limited_{}", schemas.name());
    admin
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 1"
        ))
        .expect("may create roles");
    let url = with_user(schemas.url(Database::Metadata), &role, "limited");
    let first = pool_at(&schemas, &url, |_| ());
    let second = pool_at(&schemas, &url, |_| ());
    // occupies the only connection
    read(&first).await.expect("one is allowed");
    let error = read(&second).await.expect_err("a second one is not");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("too many connections"),
        "{error}"
    );
    assert!(error.is_transient() && error.is_certainly_not_applied());
    read(&first).await.expect("not disturbed");
    drop((first, second));
    wait_until("no sessions", || {
        let query =
            format!("SELECT count(*) AS number FROM pg_stat_activity WHERE usename = '{role}'");
        number(&mut admin, &query) == Ok(0)
    })
    .await;
    admin
        .batch_execute(&format!("DROP ROLE {role}"))
        .expect("dropped");
}

fn with_user(url: &str, user: &str, password: &str) -> String {
    let (_, rest) = url.split_once('@').expect("credentials");
    format!("postgresql://{user}:{password}@{rest}")
}

#[tokio::test]
async fn fault_07_terminated_idle_connections_are_replaced() {
    let schemas = ScratchSchemas::create();
    let mut admin = schemas.connection(Database::Metadata);
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |config| config.pool.size = 5);
    for pause in [0, 1_200] {
        warm_up(&db, 5).await;
        assert_eq!(terminate(&mut admin, &name), 5);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let begun = suite::Watch::start();
        for _ in 0..5 {
            assert_eq!(read(&db).await.expect("on a new connection"), 7);
        }
        begun.assert_within(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn fault_08_read_survives_a_terminated_backend() {
    let schemas = ScratchSchemas::create();
    let mut admin = schemas.connection(Database::Metadata);
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |_| ());
    let slow = |sql: &'static str| {
        let db = db.clone();
        tokio::spawn(async move {
            db.run_idempotent("read slowly", move |connection| {
                Ok(number(connection, sql)?)
            })
            .await
        })
    };
    let reading = slow("SELECT 8::bigint AS number FROM pg_sleep(0.5)");
    let sleeping = format!(
        "SELECT count(*) AS number FROM pg_stat_activity \
         WHERE application_name = '{name}' AND query LIKE '%pg_sleep%' AND state = 'active'"
    );
    wait_until("a read", || number(&mut admin, &sleeping) == Ok(1)).await;
    assert_eq!(terminate(&mut admin, &name), 1);
    let answer = reading.await.expect("no panic");
    assert_eq!(answer.expect("repeated on a new connection"), 8);
}

#[tokio::test]
async fn fault_08_unrepeatable_write_is_ambiguous() {
    let schemas = ScratchSchemas::create();
    let mut admin = schemas.connection(Database::Metadata);
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |_| ());
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let writing = tokio::spawn({
        let db = db.clone();
        async move { execute(&db, "INSERT INTO t SELECT 1 FROM pg_sleep(5)").await }
    });
    let sleeping = format!(
        "SELECT count(*) AS number FROM pg_stat_activity \
         WHERE application_name = '{name}' AND query LIKE 'INSERT%' AND state = 'active'"
    );
    wait_until("a write", || number(&mut admin, &sleeping) == Ok(1)).await;
    assert_eq!(terminate(&mut admin, &name), 1);
    let error = writing.await.expect("no panic").expect_err("no answer");
    assert!(
        matches!(error, RepositoryError::Ambiguous { .. }),
        "{error:?}"
    );
    assert!(!error.is_certainly_not_applied());
}

#[tokio::test]
async fn fault_15_stuck_pool_is_replaced() {
    let schemas = ScratchSchemas::create();
    let (url, name) = named(&schemas);
    let proxy = FaultProxy::builder_of_url(&url).ends_together().start();
    let size = 3;
    let db = pool_at(&schemas, &proxy.url(&url), |config| {
        config.pool.size = size;
        config.pool.stuck_after = Duration::from_millis(800);
    });
    warm_up(&db, size).await;
    proxy.freeze();
    let heartbeat = Heartbeat::start();
    let deadline = Duration::from_millis(300);
    let stuck = || {
        let db = db.clone();
        tokio::spawn(async move {
            let begun = suite::Watch::start();
            let result = db
                .run_within("hang", deadline, |connection| {
                    Ok(number(connection, "SELECT 1::bigint AS number")?)
                })
                .await;
            (result, begun.of_ours())
        })
    };
    for call in (0..size).map(|_| stuck()).collect::<Vec<_>>() {
        let (result, took) = call.await.expect("no panic");
        let error = result.expect_err("frozen");
        assert!(
            matches!(error, RepositoryError::Timeout { .. }),
            "{error:?}"
        );
        suite::assert_in_time(took, deadline + OVERRUN);
    }
    heartbeat.assert_steady().await;
    // all threads hang in the old pool, and no call has used the new one yet
    assert_eq!(db.connections(), ConnectionCounts::new(size, 0));
    assert_eq!(read(&db).await.expect("a new pool"), 7);
    assert_eq!(db.connections(), ConnectionCounts::new(1, 1));
    warm_up(&db, size).await;
    let mut admin = schemas.connection(Database::Metadata);
    let sessions = format!(
        "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = '{name}'"
    );
    assert!(number(&mut admin, &sessions).expect("counted") <= 2 * i64::from(size));
    proxy.thaw();
    // the old connections end completely
    wait_until("one pool", || {
        number(&mut admin, &sessions) == Ok(i64::from(size))
    })
    .await;
    assert_eq!(read(&db).await.expect("the new pool goes on"), 7);
}

#[tokio::test]
async fn fault_15_stuck_pool_waits_for_the_last_one() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let proxy = FaultProxy::builder_of_url(url).ends_together().start();
    let db = pool_at(&schemas, &proxy.url(url), |config| {
        config.pool.size = 2;
        config.pool.stuck_after = Duration::from_millis(300);
    });
    let hang = Duration::from_millis(100);
    for generation in 0..2 {
        warm_up(&db, 2).await;
        proxy.freeze();
        for _ in 0..2 {
            let call = db.run_within("hang", hang, |connection| {
                Ok(number(connection, "SELECT 1::bigint AS number")?)
            });
            call.await.expect_err("frozen");
        }
        // replacing a pool requires a new connection, which may take long
        let patience = Duration::from_secs(if generation == 0 { 20 } else { 1 });
        let answer = db.run_within("wait", patience, |_| Ok(())).await;
        assert_eq!(answer.is_ok(), generation == 0, "{answer:?}");
    }
    proxy.thaw();
    read(&db).await.expect("threads are free again");
}
