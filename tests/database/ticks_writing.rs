//! Tests of writes of ticks that the database refuses, and of repeated writes.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository;
use tickbook::{Database, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated, ticks};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn bytes_of_rows(connection: &mut PgConnection) -> i64 {
    let sizes = "SELECT coalesce(sum(pg_relation_size(chunk)), 0)::bigint AS number \
                 FROM show_chunks('ticks') AS chunk";
    let size: Number = sql_query(sizes)
        .get_result(connection)
        .expect("sizes of chunks");
    size.number
}

#[tokio::test]
async fn repeated_batch_leaves_no_dead_rows() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools.clone());
    let mut connection = schemas.connection(Database::Timeseries);
    let batch = ticks(0, 1_000);
    let receipt = repository.insert_batch(&batch).await.expect("inserted");
    assert_eq!(receipt.inserted, 1_000);

    let written = bytes_of_rows(&mut connection);
    assert!(written > 0);
    // a process that has just started does not know what was written before
    let restarted = PgTickRepository::new(pools);
    for repository in [&repository, &restarted] {
        for _ in 0..3 {
            let receipt = repository.insert_batch(&batch).await.expect("met again");
            assert_eq!((receipt.inserted, receipt.duplicates), (0, 1_000));
            assert_eq!(bytes_of_rows(&mut connection), written);
        }
    }
}

#[tokio::test]
async fn row_refused_by_the_database_blocks_no_other() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools);
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute("ALTER TABLE ticks ADD CONSTRAINT no_thirteen CHECK (bid_price <> 13)")
        .expect("added");
    for size in [20, 1_000] {
        let symbol_id = SymbolId::new(size);
        let mut batch = ticks(0, size);
        for tick in &mut batch {
            tick.symbol_id = symbol_id;
        }
        let unlucky = usize::try_from(size / 3).expect("positive");
        batch[unlucky].bid_price = Some(Decimal::new(1_300, 2));
        let receipt = repository.insert_batch(&batch).await.expect("inserted");
        let stored = u64::try_from(size - 1).expect("positive");
        assert_eq!(receipt.inserted, stored);
        assert_eq!(receipt.rejected.len(), 1);
        // the tick as given, with the trailing zeros that a row does not store
        assert_eq!(receipt.rejected[0].row, batch[unlucky]);
        let bid = |tick: &Tick| tick.bid_price.expect("a bid").to_string();
        assert_eq!(bid(&receipt.rejected[0].row), bid(&batch[unlucky]));
        let reason = &receipt.rejected[0].reason;
        assert!(reason.contains("no_thirteen"), "{reason}");
        let count = repository.count(symbol_id, TimeRange::all()).await;
        assert_eq!(count.expect("counted"), stored);

        let again = repository.insert_batch(&batch).await.expect("met again");
        assert_eq!((again.inserted, again.duplicates), (0, stored));
        assert_eq!(again.rejected.len(), 1);
    }
}

#[tokio::test]
async fn second_tick_of_a_key_replaces_a_refused_first() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools);
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute("ALTER TABLE ticks ADD CONSTRAINT no_thirteen CHECK (bid_price <> 13)")
        .expect("added");
    let good = ticks(0, 3);
    let refused = good[1].clone().with_bid(Decimal::from(13));
    let other = good[1].clone().with_bid(Decimal::from(14));
    let batch = [
        good[0].clone(),
        refused.clone(),
        good[1].clone(),
        refused.clone(),
        other.clone(),
        good[1].clone(),
        good[2].clone(),
    ];
    let receipt = repository.insert_batch(&batch).await.expect("inserted");
    assert_eq!((receipt.inserted, receipt.duplicates), (3, 1));
    let rejected: Vec<_> = receipt.rejected.into_iter().map(|one| one.row).collect();
    assert_eq!(rejected, std::slice::from_ref(&refused));
    assert!(receipt.conflicts.iter().all(|one| one.stored == good[1]));
    let conflicting: Vec<_> = receipt
        .conflicts
        .into_iter()
        .map(|one| one.refused)
        .collect();
    assert_eq!(conflicting, [refused, other]);
}

#[tokio::test]
async fn error_that_is_not_of_one_row_rejects_no_tick() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools);
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left'; \
             END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("added");
    for size in [20, 100] {
        let error = repository.insert_batch(&ticks(0, size)).await;
        let error = error.expect_err("a full disk is no fault of a tick");
        assert!(error.is_certainly_not_applied(), "{error:?}");
    }
    let count = repository.count(SYMBOL, TimeRange::all()).await;
    assert_eq!(count.expect("counted"), 0);
}

/// Changes of the table that refuse every tick, and their reversal.
const FAULTS_OF_THE_TABLE: [(&str, &str); 3] = [
    (
        "ALTER TABLE ticks ADD COLUMN venue int NOT NULL DEFAULT 0; \
         ALTER TABLE ticks ALTER COLUMN venue DROP DEFAULT",
        "ALTER TABLE ticks DROP COLUMN venue",
    ),
    (
        "ALTER TABLE ticks ADD CONSTRAINT no_tick CHECK (bid_price < 0) NOT VALID",
        "ALTER TABLE ticks DROP CONSTRAINT no_tick",
    ),
    (
        "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER leave_out BEFORE INSERT ON ticks \
         FOR EACH ROW EXECUTE FUNCTION leave_out()",
        "DROP TRIGGER leave_out ON ticks; DROP FUNCTION leave_out()",
    ),
];

/// Ticks of the current time, which are written on another path than old ones.
fn moved_to_now(mut ticks: Vec<Tick>) -> Vec<Tick> {
    let distance = suite::now() - ticks[0].tick_time;
    for tick in &mut ticks {
        tick.tick_time = tickbook::domain::truncate_to_micros(tick.tick_time + distance);
    }
    ticks
}

#[tokio::test]
async fn faulty_table_rejects_no_tick() {
    let (schemas, pools) = migrated().await;
    let mut connection = schemas.connection(Database::Timeseries);
    let mut expected = 0;
    let mut symbol_id = 1;
    // in the first round the table is empty
    for _ in 0..2 {
        for (broken, repaired) in FAULTS_OF_THE_TABLE {
            for (size, is_now) in [(1, false), (1, true), (20, true), (300, false), (300, true)] {
                let repository = PgTickRepository::new(pools.clone());
                let mut batch = ticks(0, size);
                if is_now {
                    batch = moved_to_now(batch);
                }
                symbol_id += 1;
                for tick in &mut batch {
                    tick.symbol_id = SymbolId::new(symbol_id);
                }
                connection.batch_execute(broken).expect("broken");
                let refused = repository.insert_batch(&batch).await;
                let case = format!("{broken} {size} {is_now}");
                let Err(error @ RepositoryError::Schema { .. }) = refused else {
                    panic!("{case}: {refused:?}");
                };
                assert!(error.is_certainly_not_applied() && !error.is_transient());
                connection.batch_execute(repaired).expect("repaired");
                let count = repository.count(SymbolId::new(symbol_id), TimeRange::all());
                assert_eq!(count.await.expect("counted"), 0, "{case}");
                if expected > 0 {
                    let receipt = repository.insert_batch(&batch).await.expect(&case);
                    assert_eq!(receipt.inserted, size as u64, "{case}");
                }
            }
        }
        let repository = PgTickRepository::new(pools.clone());
        let receipt = repository.insert_batch(&ticks(0, 3)).await;
        expected += receipt.expect("it is repaired").inserted;
    }
}

/// The value of a sequence counts the attempts, including rolled-back ones.
#[tokio::test]
async fn faulty_table_is_detected_with_few_rows() {
    let (schemas, pools) = migrated().await;
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE SEQUENCE tries; \
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM nextval('tries'); \
             RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'no tick'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("added");
    for batch in [ticks(0, 300), moved_to_now(ticks(0, 300))] {
        let repository = PgTickRepository::new(pools.clone());
        let refused = repository.insert_batch(&batch).await;
        let Err(RepositoryError::Schema { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(reason.contains("no tick"), "{reason}");
        let tries = "SELECT last_value AS number FROM tries";
        let tries: Number = sql_query(tries).get_result(&mut connection).expect("some");
        // attempts: all rows at once, the missing rows, and a sample
        assert!(tries.number <= 2 * 20, "{} tries", tries.number);
    }
}

#[tokio::test]
async fn tick_omitted_by_a_trigger_is_rejected() {
    let (schemas, pools) = migrated().await;
    let repository = PgTickRepository::new(pools);
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "CREATE FUNCTION no_thirteen() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RETURN CASE WHEN NEW.bid_price <> 13 THEN NEW END; END $$; \
             CREATE TRIGGER no_thirteen BEFORE INSERT ON ticks \
             FOR EACH ROW EXECUTE FUNCTION no_thirteen()",
        )
        .expect("added");
    for (symbol, size, is_now) in [
        (1, 20, false),
        (2, 300, false),
        (3, 20, true),
        (4, 300, true),
    ] {
        let mut batch = ticks(0, size);
        if is_now {
            batch = moved_to_now(batch);
        }
        for tick in &mut batch {
            tick.symbol_id = SymbolId::new(symbol);
        }
        batch[3].bid_price = Some(Decimal::from(13));
        let others = size as u64 - 1;
        for (inserted, duplicates) in [(others, 0), (0, others)] {
            let receipt = repository.insert_batch(&batch).await.expect("inserted");
            let counts = (receipt.inserted, receipt.duplicates);
            assert_eq!(counts, (inserted, duplicates), "{size} {is_now}");
            assert_eq!(receipt.rejected.len(), 1);
            assert_eq!(receipt.rejected[0].row, batch[3]);
            assert!(receipt.rejected[0].reason.contains("trigger"));
        }
        let receipt = repository.insert_batch(&batch[3..4]).await;
        let receipt = receipt.expect("others were taken");
        assert_eq!((receipt.duplicates, receipt.rejected.len()), (0, 1));
    }
}
