//! Tests of writers that lock the same keys in opposite order.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Integer};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::domain::{Tick, TimeRange};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository;
use tickbook::{Database, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated, ticks};

#[derive(QueryableByName)]
struct Pid {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn literal(number: Option<Decimal>) -> String {
    number.map_or("NULL".to_owned(), |number| number.to_string())
}

fn insert(tick: &Tick) -> String {
    format!(
        "INSERT INTO ticks VALUES ({}, '{}', {}, {}, {}, {}, {})",
        tick.symbol_id,
        tick.tick_time.to_rfc3339(),
        tick.sequence,
        literal(tick.bid_price),
        literal(tick.ask_price),
        literal(tick.bid_volume),
        literal(tick.ask_volume)
    )
}

fn wait_until_blocked_by(pid: i32, observer: &mut PgConnection) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let blocked: Number = sql_query(
            "SELECT count(*) AS number FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))",
        )
        .bind::<Integer, _>(pid)
        .get_result(observer)
        .expect("counted");
        if blocked.number > 0 {
            return;
        }
        assert!(Instant::now() < deadline, "nobody waits for {pid}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_that_loses_a_deadlock_is_written_again() {
    // written by arrays and by COPY
    for size in [20, 100] {
        let (schemas, pools) = migrated().await;
        let repository = PgTickRepository::new(pools);
        let before = ticks(0, 1);
        repository
            .insert_batch(&before)
            .await
            .expect("makes a chunk");
        let batch = ticks(1, 1 + size);
        let (first, last) = (batch[0].clone(), batch[batch.len() - 1].clone());

        let mut observer = schemas.connection(Database::Timeseries);
        let mut other = schemas.connection(Database::Timeseries);
        // the server cancels the session that checks for a deadlock first: that of the library
        other
            .batch_execute("SET deadlock_timeout = '60s'; BEGIN")
            .expect("begun");
        other
            .batch_execute(&insert(&last))
            .expect("the last key is taken");
        let pid: Pid = sql_query("SELECT pg_backend_pid() AS pid")
            .get_result(&mut other)
            .expect("read");

        let given = batch.clone();
        let writing = tokio::spawn(async move {
            let receipt = repository.insert_batch(&given).await;
            (repository, receipt)
        });
        wait_until_blocked_by(pid.pid, &mut observer);
        // the batch holds the first key and waits for the last one, so this statement succeeds only after
        // the rollback of the batch
        other
            .batch_execute(&insert(&first))
            .expect("the batch gave way");
        other.batch_execute("COMMIT").expect("committed");

        let (repository, receipt) = writing.await.expect("no panic");
        let receipt = receipt.expect("written by a later attempt");
        assert_eq!(receipt.inserted, batch.len() as u64 - 2);
        assert_eq!(receipt.duplicates, 2);
        let count = repository.count(SYMBOL, TimeRange::all()).await;
        assert_eq!(count.expect("counted"), batch.len() as u64 + 1);
    }
}

#[tokio::test]
async fn lasting_conflict_is_reported_after_five_attempts() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools);
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE SEQUENCE attempts; CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql \
             AS $$ BEGIN PERFORM nextval('attempts'); \
             RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$; \
             CREATE TRIGGER lose BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION lose()",
        )
        .expect("a trigger");
    let error = repository.insert_batch(&ticks(0, 20)).await;
    let error = error.expect_err("it always loses");
    assert!(
        matches!(error, RepositoryError::Conflict { .. }),
        "{error:?}"
    );
    let attempts: Number = sql_query("SELECT last_value AS number FROM attempts")
        .get_result(&mut connection)
        .expect("read");
    assert_eq!(attempts.number, 5);
}
