//! Tests that reads use the replica, and that lookups of writes do not.
//!
//! Here the replica is an independent database, so that its data shows which of the two was read.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{Candle, CandleSource, PriceBasis, TimeRange, Timeframe};
use tickbook::postgres::HealthState;
use tickbook::repository::{CandleQuery, TickQuery};
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated, start, ticks};
use crate::support::probed::health;

struct Site {
    schemas: ScratchSchemas,
    _replica_schemas: ScratchSchemas,
    /// Repositories without a replica.
    alone: Repositories,
    /// Repositories of the replica only, to store its data.
    replica: Repositories,
    /// Repositories with the replica.
    repositories: Repositories,
    pools: DatabasePools,
}

fn with_replica(schemas: &ScratchSchemas, url: &str) -> DatabaseConfig {
    let mut config = schemas.config();
    config.timeseries_read_url = Some(DatabaseUrl::parse(url).expect("a URL"));
    config
}

async fn site() -> Site {
    let (schemas, alone) = migrated().await;
    let (replica_schemas, replica) = migrated().await;
    let url = replica_schemas.url(Database::Timeseries);
    let pools = DatabasePools::new(&with_replica(&schemas, url));
    Site {
        alone: Repositories::postgres(&alone),
        replica: Repositories::postgres(&replica),
        repositories: Repositories::postgres(&pools),
        pools,
        schemas,
        _replica_schemas: replica_schemas,
    }
}

#[tokio::test]
async fn every_read_of_ticks_asks_the_replica() {
    let site = site().await;
    let (here, there) = (ticks(0, 3), ticks(10, 20));
    site.alone.ticks.insert_batch(&here).await.expect("stored");
    site.replica
        .ticks
        .insert_batch(&there)
        .await
        .expect("stored");

    let read = &site.repositories.ticks;
    let all = TimeRange::all();
    let page = read
        .range(&TickQuery::new(SYMBOL, all))
        .await
        .expect("read");
    assert_eq!(page.items, there);
    let newest = there.last();
    assert_eq!(read.latest(SYMBOL).await.expect("read").as_ref(), newest);
    assert_eq!(read.latest_of(&[SYMBOL]).await.expect("read"), there[9..]);
    let at = start() + TimeDelta::seconds(5);
    assert_eq!(read.as_of(SYMBOL, at).await.expect("read"), None);
    assert_eq!(read.count(SYMBOL, all).await.expect("read"), 10);
    let query = CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Bid, all);
    let candles = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(candles.items[0].tick_count, 10);
}

/// The replica lags, so duplicates and conflicts must be found on the primary.
#[tokio::test]
async fn receipts_never_depend_on_the_replica() {
    let site = site().await;
    for count in [3, 300] {
        let batch = ticks(count, 2 * count);
        let write = &site.repositories.ticks;
        let first = write.insert_batch(&batch).await.expect("stored");
        assert_eq!(first.inserted, batch.len() as u64);
        let again = write.insert_batch(&batch).await.expect("stored");
        assert_eq!(again.duplicates, batch.len() as u64);
        let other = batch[0].clone().with_ask(Decimal::TEN);
        let conflict = write.insert_batch(&[other]).await.expect("answered");
        assert_eq!(conflict.conflicts.len(), 1);
        assert_eq!(conflict.conflicts[0].stored, batch[0]);
    }
    let stored = site.alone.ticks.count(SYMBOL, TimeRange::all()).await;
    assert_eq!(stored.expect("read"), 303);
    let read = site
        .repositories
        .ticks
        .count(SYMBOL, TimeRange::all())
        .await;
    assert_eq!(read.expect("read"), 0, "the replica was written to");
}

#[tokio::test]
async fn stored_candles_are_written_to_the_database_itself() {
    let site = site().await;
    let one = Decimal::ONE;
    let candle = Candle::new(
        SYMBOL,
        Timeframe::M1,
        PriceBasis::Bid,
        start(),
        [one, one, one, one],
    )
    .volume(one)
    .source(CandleSource::Stored("test".to_owned()));
    let stored = site.repositories.ohlc.upsert_candles(&[candle]).await;
    assert_eq!(stored.expect("stored"), 1);
    let latest = |repositories: &Repositories| {
        let ohlc = repositories.ohlc.clone();
        async move { ohlc.latest(SYMBOL, Timeframe::M1, PriceBasis::Bid).await }
    };
    assert!(latest(&site.alone).await.expect("read").is_some());
    assert_eq!(latest(&site.repositories).await.expect("read"), None);
}

#[tokio::test]
async fn health_includes_the_replica() {
    let site = site().await;
    let report = health(&site.pools).await;
    assert!(report.is_ready(), "{report:?}");
    let replica = report.replica.expect("it is asked");
    assert!(replica.timescaledb.is_some());
}

/// No server listens on port 1.
#[tokio::test]
async fn absent_replica_fails_reads_by_name_and_no_writes() {
    let (schemas, pools) = migrated().await;
    let config = with_replica(&schemas, "postgresql://u:p@127.0.0.1:1/replica");
    let connected = Repositories::connect(&config).await.expect("not asked");
    let (repositories, both) = (connected.repositories, connected.pools);
    let written = repositories.ticks.insert_batch(&ticks(0, 5)).await;
    assert_eq!(written.expect("stored").inserted, 5);
    let error = repositories.ticks.latest(SYMBOL).await;
    match error {
        Err(RepositoryError::Unavailable { database, .. }) => {
            assert_eq!(database, Database::Replica);
        }
        other => panic!("{other:?}"),
    }
    let report = health(&both).await;
    assert!(!report.is_ready());
    assert_eq!(report.timeseries.state, HealthState::Up);
    let replica = report.replica.expect("it is asked").state;
    assert!(matches!(replica, HealthState::Down { .. }), "{replica:?}");
    drop(pools);
}

/// A standby is read-only; the session settings of a primary would refuse it.
#[tokio::test]
async fn read_only_replica_serves() {
    let site = site().await;
    let url = site.schemas.url(Database::Timeseries);
    let read_only = url.replace(
        "options=",
        "options=-cdefault_transaction_read_only%3Don%20",
    );
    assert_ne!(read_only, url);
    let pools = DatabasePools::new(&with_replica(&site.schemas, &read_only));
    let repositories = Repositories::postgres(&pools);
    let stored = repositories.ticks.insert_batch(&ticks(0, 5)).await;
    assert_eq!(stored.expect("stored").inserted, 5);
    assert!(
        repositories
            .ticks
            .latest(SYMBOL)
            .await
            .expect("read")
            .is_some()
    );
    let query = CandleQuery::new(SYMBOL, Timeframe::H1, PriceBasis::Bid, TimeRange::all());
    let candles = repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(candles.items.len(), 1);
    assert!(health(&pools).await.is_ready());
}
