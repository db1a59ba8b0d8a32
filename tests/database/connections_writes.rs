//! Tests of the connections that are reserved for writes.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use tickbook::db::ConnectionCounts;
use tickbook::domain::{Candle, CandleSource, PriceBasis, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated_with, start, ticks};
use crate::support::pool::{number, wait_until};

/// The longest wait of a read of candles. The writes below must not wait for these reads.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn fault_62_write_does_not_wait_for_readers() {
    let (schemas, pools) = migrated_with(|config| {
        config.pool.size = 4;
        config.pool.reserved_for_writes = 1;
        config.pool.call_timeout = PATIENCE;
        config.pool.statement_timeout = PATIENCE;
        config.pool.lock_timeout = PATIENCE;
    })
    .await;
    let repositories = Repositories::postgres(&pools);
    // reads open the table of stored candles only if it has any
    let stored = Candle::new(
        SYMBOL,
        Timeframe::D1,
        PriceBasis::Bid,
        start(),
        [1.into(); 4],
    );
    let stored = [stored.source(CandleSource::Stored("import".to_owned()))];
    let upserted = repositories.ohlc.upsert_candles(&stored).await;
    upserted.expect("stored");
    let mut operator = schemas.connection(Database::Timeseries);
    operator
        .batch_execute("BEGIN; LOCK TABLE ohlc_candles IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let ohlc = Arc::clone(&repositories.ohlc);
            let range = TimeRange::all();
            let query = CandleQuery::new(SYMBOL, Timeframe::D1, PriceBasis::Bid, range);
            tokio::spawn(async move { ohlc.candles(&query).await })
        })
        .collect();
    let db = pools.timeseries();
    wait_until("readers that wait", || {
        let ConnectionCounts { open, idle, .. } = db.connections();
        open - idle == 3
    })
    .await;
    // the writes use the fourth connection, one after the other
    for batch in 0..5 {
        let batch = ticks(batch * 10, batch * 10 + 10);
        let receipt = repositories.ticks.insert_batch(&batch).await;
        assert_eq!(receipt.expect("a connection").inserted, 10);
    }
    assert!(!readers.iter().any(tokio::task::JoinHandle::is_finished));
    // a read does not get the fourth connection
    let error = db.read("read", |_| Ok(()));
    let error = tokio::time::timeout(Duration::from_millis(100), error).await;
    assert!(error.is_err(), "a read got a connection: {error:?}");
    operator.batch_execute("ROLLBACK").expect("unlocked");
    for reader in readers {
        reader.await.expect("no panic").expect("candles");
    }
}

#[tokio::test]
async fn pool_of_one_connection_serves_reads_too() {
    let (_schemas, pools) = migrated_with(|config| config.pool.size = 1).await;
    let repositories = Repositories::postgres(&pools);
    repositories
        .ticks
        .insert_batch(&ticks(0, 3))
        .await
        .expect("stored");
    let latest = repositories.ticks.latest(SYMBOL).await.expect("read");
    assert_eq!(latest.as_ref(), ticks(2, 3).first());
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_reads_are_refused_with_their_share() {
    let (_schemas, pools) = migrated_with(|config| {
        config.pool.size = 4;
        config.pool.reserved_for_writes = 2;
        config.pool.call_timeout = Duration::from_millis(500);
    })
    .await;
    let db = pools.timeseries();
    let sleeping: Vec<_> = (0..2)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                db.read("sleep", |connection| {
                    Ok(number(
                        connection,
                        "SELECT 1::bigint AS number FROM pg_sleep(2)",
                    )?)
                })
                .await
            })
        })
        .collect();
    wait_until("two reads", || {
        let ConnectionCounts { open, idle, .. } = db.connections();
        open - idle == 2
    })
    .await;
    let error = db.read("read", |_| Ok(())).await.expect_err("none is free");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("all 2 of 4 connections that reads may use are busy"),
        "{text}"
    );
    drop(sleeping);
}

#[tokio::test]
async fn connections_are_opened_before_they_are_needed() {
    let (_schemas, pools) = migrated_with(|config| {
        config.pool.size = 5;
        config.pool.min_idle = 3;
    })
    .await;
    let db = pools.timeseries();
    wait_until("three connections", || {
        db.connections() == ConnectionCounts::new(3, 3)
    })
    .await;
}
