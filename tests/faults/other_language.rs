//! Tests of a server that reports errors in German, and of a role that may not change the language.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, TimeseriesDb, transaction};
use tickbook::domain::TimeRange;
use tickbook::repository::TickQuery;
use tickbook::{Database, Repositories, RepositoryError};

use crate::fault::Fault;
use crate::server::Server;
use crate::site::{config, repositories_on};
use crate::small_disk::{attach, fill, make_room};
use crate::support::migrated_schema::{SYMBOL, ticks};
use crate::support::oracle::{ask, assert_exact};

/// The error of a statement through the pool.
async fn answer(db: &TimeseriesDb, sql: &'static str) -> RepositoryError {
    let answer = db.run("ask", move |connection| Ok(connection.batch_execute(sql)?));
    answer.await.expect_err(sql)
}

/// Two transactions that lock two rows in opposite orders.
async fn deadlock(db: &TimeseriesDb) -> Vec<RepositoryError> {
    let both = Arc::new(Barrier::new(2));
    let calls = [[1, 2], [2, 1]].map(|[first, second]| {
        let (db, both) = (db.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            db.run("lock two rows", move |connection| {
                transaction(connection, |connection| {
                    let lock = |row| format!("UPDATE two SET x = x + 1 WHERE id = {row}");
                    connection.batch_execute(&lock(first))?;
                    both.wait();
                    Ok(connection.batch_execute(&lock(second))?)
                })
            })
            .await
        })
    });
    let mut errors = Vec::new();
    for call in calls {
        errors.extend(call.await.expect("no panic").err());
    }
    errors
}

const MAKE_PLAIN: &str = "CREATE ROLE plain LOGIN PASSWORD 'plain'; \
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO plain";

#[tokio::test(flavor = "multi_thread")]
async fn fault_60_full_disk_in_another_language() {
    let Some(fault) = Fault::begin_long("fault_60_full_disk_in_another_language") else {
        return;
    };
    let server = match Server::start_with_small_disk(Database::Timeseries, 24) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    if let Err(reason) = server.speak_german() {
        return fault.skip(reason);
    }
    let (_, _owner) = repositories_on(&server, |_| ()).await;
    let url = server.url();
    ask(&url, MAKE_PLAIN);
    attach(&server);
    ask(&url, "SELECT attach_tablespace('small', 'ticks')");
    fill(&url);
    let plain = server.url_as("plain", "plain");
    let pools = DatabasePools::new(&config(&plain, &plain));
    let repository = Repositories::postgres(&pools).ticks;
    let mut stored = 0;
    // the last pages of the table and its index still accept some rows
    let error = loop {
        match repository.insert_batch(&ticks(stored, stored + 500)).await {
            Ok(receipt) => assert_eq!(receipt.inserted, 500, "{receipt:?}"),
            Err(error) => break error,
        }
        stored += 500;
        assert!(stored < 500_000, "the disk is never full");
    };
    let said = error.with_causes().to_string();
    assert!(said.contains("konnte"), "{said}");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.is_transient() && error.is_certainly_not_applied());
    make_room(&url);
    let receipt = repository.insert_batch(&ticks(stored, stored + 500)).await;
    let receipt = receipt.expect("there is room");
    assert_eq!(receipt.inserted, 500, "{receipt:?}");
    assert_exact(&url, &ticks(0, stored + 500));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_60_server_speaks_another_language() {
    let fault = Fault::begin("fault_60_server_speaks_another_language");
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    if let Err(reason) = server.speak_german() {
        return fault.skip(reason);
    }
    let (_, _owner) = repositories_on(&server, |_| ()).await;
    ask(
        &server.url(),
        "CREATE TABLE two (id int PRIMARY KEY, x int); INSERT INTO two VALUES (1, 0), (2, 0); \
         CREATE TABLE closed (x int)",
    );
    ask(&server.url(), MAKE_PLAIN);
    ask(&server.url(), "REVOKE ALL ON closed FROM plain");
    // the first connection cannot open the second one that it needs for learning
    ask(&server.url(), "ALTER ROLE plain CONNECTION LIMIT 1");
    let url = server.url_as("plain", "plain");
    let mut settings = config(&url, &url);
    settings.pool.size = 3;
    settings.pool.lock_timeout = Duration::from_millis(300);
    settings.pool.statement_timeout = Duration::from_millis(900);
    let pools = DatabasePools::new(&settings);
    let db = pools.timeseries();
    let said = answer(&db, "SELECT 1 / 0").await.with_causes().to_string();
    assert!(said.contains("Division durch Null"), "{said}");

    // the next connection can
    ask(&server.url(), "ALTER ROLE plain CONNECTION LIMIT -1");
    let both = [(); 2].map(|()| {
        tokio::spawn({
            let db = db.clone();
            async move { answer(&db, "SELECT pg_sleep(0.5); SELECT 1 / 0").await }
        })
    });
    for call in both {
        call.await.expect("no panic");
    }
    let mut other = PgConnection::establish(&server.url()).expect("a connection");
    let locked = other.batch_execute("BEGIN; LOCK TABLE two IN ACCESS EXCLUSIVE MODE");
    locked.expect("locked");
    let error = answer(&db, "SELECT 1 FROM two").await;
    assert!(
        matches!(error, RepositoryError::Timeout { .. }),
        "{error:?}"
    );
    other.batch_execute("ROLLBACK").expect("unlocked");
    let error = answer(&db, "SELECT pg_sleep(5)").await;
    assert!(
        matches!(error, RepositoryError::Timeout { .. }),
        "{error:?}"
    );

    let errors = deadlock(&db).await;
    assert!(
        matches!(errors[..], [RepositoryError::Conflict { .. }]),
        "{errors:?}"
    );
    let error = answer(&db, "SELECT 1 FROM closed").await;
    assert!(
        matches!(error, RepositoryError::Configuration { .. }),
        "{error:?}"
    );
    for sql in ["SELECT 1 FROM missing", "SELECT missing FROM two"] {
        let error = answer(&db, sql).await;
        assert!(matches!(error, RepositoryError::Schema { .. }), "{error:?}");
    }
    let error = answer(&db, "BEGIN; SELECT 1 FROM missing").await;
    assert!(!error.is_transient(), "{error:?}");

    for (database, user, password) in [("missing", "plain", "plain"), ("", "plain", "wrong")] {
        let mut url = server.url_as(user, password);
        if !database.is_empty() {
            let (address, _) = url.rsplit_once('/').expect("a database");
            url = format!("{address}/{database}");
        }
        let begun = Instant::now();
        let pools = DatabasePools::new(&config(&url, &url));
        let error = Repositories::postgres(&pools).ticks.latest(SYMBOL).await;
        let error = error.expect_err("refused");
        assert!(
            matches!(error, RepositoryError::Configuration { .. }),
            "{error:?}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it was waited for"
        );
    }

    // statements that were prepared for an earlier schema are prepared again
    let repositories = Repositories::postgres(&pools);
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    repositories
        .ticks
        .insert_batch(&ticks(0, 10))
        .await
        .expect("stored");
    repositories.ticks.range(&query).await.expect("read");
    ask(
        &server.url(),
        "ALTER TABLE ticks ALTER COLUMN bid_price TYPE numeric(29, 12)",
    );
    let page = repositories.ticks.range(&query).await.expect("read again");
    assert_eq!(page.items.len(), 10);

    // statements that the server has lost
    for _ in 0..10 {
        let forget =
            |connection: &mut PgConnection| Ok(connection.batch_execute("DEALLOCATE ALL")?);
        db.run("forget", forget).await.expect("forgotten");
    }
    let page = repositories.ticks.range(&query).await.expect("read again");
    assert_eq!(page.items.len(), 10);

    // a number that does not fit its column rejects only its own row
    ask(
        &server.url(),
        "ALTER TABLE ticks ALTER COLUMN bid_price TYPE numeric(15, 12)",
    );
    let mut more = ticks(10, 20);
    more[3].bid_price = Some(Decimal::from(1_000));
    more[3].ask_price = Some(Decimal::from(1_001));
    let receipt = repositories.ticks.insert_batch(&more).await;
    let receipt = receipt.expect("stored but for one");
    assert_eq!(receipt.inserted, 9, "{receipt:?}");
    assert_eq!(receipt.rejected.len(), 1, "{receipt:?}");
    more.remove(3);
    assert_exact(&server.url(), &[ticks(0, 10), more].concat());
}
