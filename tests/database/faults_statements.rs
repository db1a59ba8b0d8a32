//! Tests of statements that fail, wait or change the session, and of the calls after them.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use tickbook::db::{ConnectionCounts, ScratchSchemas, transaction};
use tickbook::postgres::migrate_metadata;
use tickbook::{Database, RepositoryError};

use crate::support::pool::{execute, named, number, pool, pool_at, read, terminate, wait_until};

#[tokio::test]
async fn fault_23_demoted_server_is_left_at_once() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let (_, options) = url.split_once("options=").expect("a search_path");
    let read_only = format!("{options}%20-cdefault_transaction_read_only%3Don");
    let url = url.replace(options, &read_only);
    // a writable server is required unless the URL says otherwise
    let error = read(&pool_at(&schemas, &url, |_| ())).await;
    let error = error.expect_err("it is read-only");
    assert!(error.to_string().contains("read-only"), "{error}");
    assert!(error.is_transient(), "{error:?}");
    let any = format!("{url}&target_session_attrs=any");
    let db = pool_at(&schemas, &any, |config| config.pool.size = 1);
    assert_eq!(read(&db).await.expect("reading is allowed"), 7);
    let error = execute(&db, "CREATE TABLE t (x int)").await;
    let error = error.expect_err("writing is not");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.is_certainly_not_applied());
    wait_until("no connection", || {
        db.connections() == ConnectionCounts::new(0, 0)
    })
    .await;
}

#[tokio::test]
async fn fault_30_session_state_does_not_leak() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 1);
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let backend = || {
        db.run("backend", |connection| {
            Ok(number(
                connection,
                "SELECT pg_backend_pid()::bigint AS number",
            )?)
        })
    };
    for leak in [
        "BEGIN",
        "BEGIN; INSERT INTO t VALUES (1)",
        "SET lock_timeout = 77",
        "SELECT set_config('lock_timeout', '77', false)",
        "CREATE TEMP TABLE leaked (x int)",
        "LISTEN news",
    ] {
        let before = backend().await.expect("a number");
        execute(&db, leak).await.expect("allowed");
        assert_ne!(backend().await.expect("a number"), before, "{leak}");
        let left = db.run("look", |connection| {
            Ok(number(
                connection,
                "SELECT count(*) AS number FROM (\
                   SELECT FROM pg_settings WHERE name = 'lock_timeout' AND setting = '77' \
                   UNION ALL SELECT FROM pg_class WHERE relname = 'leaked' \
                     AND relnamespace = pg_my_temp_schema() \
                   UNION ALL SELECT FROM pg_listening_channels() \
                   UNION ALL SELECT FROM t) AS left_behind",
            )?)
        });
        assert_eq!(left.await.expect("clean"), 0, "{leak}");
    }
    // a setting that ends with its transaction does not close the connection
    let before = backend().await.expect("a number");
    let local = db.run("local", |connection| {
        transaction(connection, |connection| {
            connection.batch_execute("SET LOCAL lock_timeout = 77")?;
            Ok(())
        })
    });
    local.await.expect("committed");
    assert_eq!(backend().await.expect("a number"), before);
}

#[tokio::test]
async fn fault_31_swallowed_error_prevents_the_commit() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 1);
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let result = db
        .run("write", |connection| {
            transaction(connection, |connection| {
                connection.batch_execute("INSERT INTO t VALUES (1)")?;
                // the error is ignored
                let _ = connection.batch_execute("INSERT INTO t VALUES (1 / 0)");
                Ok(())
            })
        })
        .await;
    let error = result.expect_err("nothing was stored");
    assert!(
        matches!(error, RepositoryError::RolledBack { .. }),
        "{error:?}"
    );
    assert!(error.is_certainly_not_applied() && !error.is_transient());
    let stored = db.run("count", |connection| {
        // after a rollback to a savepoint the transaction can still commit
        transaction(connection, |connection| {
            let failed = transaction(connection, |connection| {
                connection.batch_execute("INSERT INTO t VALUES (1 / 0)")?;
                Ok(())
            });
            assert!(failed.is_err());
            connection.batch_execute("INSERT INTO t VALUES (2)")?;
            Ok(number(connection, "SELECT sum(x) AS number FROM t")?)
        })
    });
    assert_eq!(stored.await.expect("committed"), 2);
}

#[tokio::test]
async fn fault_32_writers_that_deadlock_all_commit() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Metadata);
    let (_, options) = url.split_once("options=").expect("a search_path");
    // the server detects the deadlock quickly
    let url = url.replace(options, &format!("{options}%20-cdeadlock_timeout%3D10ms"));
    let db = pool_at(&schemas, &url, |config| config.pool.size = 6);
    execute(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, x int); INSERT INTO t VALUES (0, 0), (1, 0)",
    )
    .await
    .expect("made");
    let writers = (0..4).map(|writer| {
        let db = db.clone();
        tokio::spawn(async move {
            let (first, second) = (writer % 2, 1 - writer % 2);
            for _ in 0..10 {
                db.run_idempotent("add", move |connection| {
                    transaction(connection, |connection| {
                        for id in [first, second] {
                            let add = format!("UPDATE t SET x = x + 1 WHERE id = {id}");
                            connection.batch_execute(&add)?;
                        }
                        Ok(())
                    })
                })
                .await?;
            }
            Ok::<_, RepositoryError>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic").expect("all commit");
    }
    let sums = db.run("sum", |connection| {
        Ok(number(connection, "SELECT sum(x) AS number FROM t")?)
    });
    assert_eq!(sums.await.expect("summed"), 80);
}

#[tokio::test]
async fn fault_33_lock_wait_ends_at_its_limit() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| {
        config.pool.size = 1;
        config.pool.lock_timeout = Duration::from_millis(200);
    });
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let mut other = schemas.connection(Database::Metadata);
    other
        .batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let begun = suite::Watch::start();
    let error = execute(&db, "INSERT INTO t VALUES (1)").await;
    let error = error.expect_err("locked");
    begun.assert_within(Duration::from_secs(2));
    assert!(
        matches!(error, RepositoryError::Timeout { begun: false, .. }),
        "{error:?}"
    );
    assert!(error.is_transient() && error.is_certainly_not_applied());
    assert_eq!(read(&db).await.expect("others go on"), 7);
    other.batch_execute("ROLLBACK").expect("unlocked");
    execute(&db, "INSERT INTO t VALUES (1)")
        .await
        .expect("not locked");
}

#[tokio::test]
async fn fault_34_slow_statement_costs_no_connection() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| {
        config.pool.size = 1;
        config.pool.statement_timeout = Duration::from_millis(100);
    });
    let backend = || {
        db.run("backend", |connection| {
            Ok(number(
                connection,
                "SELECT pg_backend_pid()::bigint AS number",
            )?)
        })
    };
    let before = backend().await.expect("a number");
    let begun = suite::Watch::start();
    let slow = db.run_idempotent("sleep", |connection| {
        connection.batch_execute("SELECT pg_sleep(5)")?;
        Ok(())
    });
    let error = slow.await.expect_err("too slow");
    begun.assert_within(Duration::from_secs(2));
    assert!(
        matches!(error, RepositoryError::Timeout { begun: false, .. }),
        "{error:?}"
    );
    assert_eq!(backend().await.expect("a number"), before);
}

#[tokio::test]
async fn fault_35_idle_transaction_is_repeated() {
    let schemas = ScratchSchemas::create();
    let mut admin = schemas.connection(Database::Metadata);
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |_| ());
    execute(&db, "CREATE TABLE t (x int)").await.expect("made");
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&attempts);
    let written = db
        .run_idempotent("write", move |connection| {
            let attempt = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            transaction(connection, |connection| {
                connection.batch_execute("INSERT INTO t VALUES (1)")?;
                if attempt == 0 {
                    connection
                        .batch_execute("SET LOCAL idle_in_transaction_session_timeout = 50")?;
                    std::thread::sleep(Duration::from_millis(300));
                }
                Ok(())
            })
        })
        .await;
    written.expect("repeated on a new connection");
    assert_eq!(attempts.load(std::sync::atomic::Ordering::SeqCst), 2);
    let stored = number(&mut admin, "SELECT count(*) AS number FROM t");
    assert_eq!(stored, Ok(1));
    assert_eq!(terminate(&mut admin, &name), 1);
}

#[tokio::test]
async fn server_errors_are_classified() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 1);
    let error = execute(&db, "SELECT * FROM nowhere").await;
    let error = error.expect_err("42P01");
    assert!(matches!(error, RepositoryError::Schema { .. }), "{error:?}");
    let error = execute(&db, "DO $$ BEGIN RAISE EXCEPTION 'etwas anderes'; END $$").await;
    let error = error.expect_err("P0001");
    assert!(
        matches!(error, RepositoryError::Backend { .. }),
        "{error:?}"
    );
    let denied = "CREATE ROLE tickbook_nobody; \
                  SET LOCAL ROLE tickbook_nobody; SELECT * FROM pg_authid";
    let error = execute(&db, denied).await.expect_err("42501");
    assert!(
        matches!(error, RepositoryError::Configuration { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("grant the privilege"), "{error}");
    let result = db.run("write", |connection| {
        let mut level = connection.build_transaction().serializable();
        Ok(level.run(|connection| {
            connection.batch_execute(
                "DO $$ BEGIN RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001'; END $$",
            )
        })?)
    });
    let error = result.await.expect_err("40001");
    assert!(
        matches!(error, RepositoryError::Conflict { .. }),
        "{error:?}"
    );
    assert!(error.is_transient() && error.is_certainly_not_applied());
}

#[tokio::test]
async fn fault_24_session_state_ends_with_a_transaction() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| {
        config.pool.size = 1;
        config.pool.pgbouncer = true;
    });
    for _ in 0..3 {
        assert_eq!(read(&db).await.expect("up"), 7);
    }
    let kept = db.run("look", |connection| {
        Ok(number(
            connection,
            "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') \
             + (SELECT count(*) FROM pg_settings WHERE source = 'session' \
                AND name LIKE '%timeout') AS number",
        )?)
    });
    assert_eq!(kept.await.expect("looked"), 0);
    let error = migrate_metadata(&db).await.expect_err("a lock would stay");
    assert!(
        error.to_string().contains("pool.pgbouncer = false"),
        "{error}"
    );
}

#[tokio::test]
async fn session_has_the_limits_of_the_settings() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 1);
    let limits = db.run("look", |connection| {
        Ok(number(
            connection,
            "SELECT sum(setting::bigint)::bigint AS number FROM pg_settings WHERE source = 'session' \
             AND name IN ('statement_timeout', 'lock_timeout', \
             'idle_in_transaction_session_timeout', 'transaction_timeout')",
        )?)
    });
    let version = db.run("version", |connection| {
        Ok(number(
            connection,
            "SELECT current_setting('server_version_num')::bigint AS number",
        )?)
    });
    let transaction = if version.await.expect("a number") < 170_000 {
        0
    } else {
        30_000
    };
    assert_eq!(
        limits.await.expect("set"),
        10_000 + 3_000 + 15_000 + transaction
    );
}
