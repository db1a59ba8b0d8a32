//! Tests of the persister with a real database: faults 37, 38 and 41.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Arc;
use std::time::Duration;

use crate::support::migrated_schema::{SYMBOL, migrated, ticks};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::db::DatabasePools;
use tickbook::domain::{Tick, TimeRange};
use tickbook::ingest::{PersisterConfig, PersisterHealth, SpoolConfig, TickPersister};
use tickbook::repository::TickRepository;

const PLENTY: Duration = Duration::from_secs(120);

async fn open(
    pools: &DatabasePools,
    folder: &std::path::Path,
) -> (TickPersister, Arc<dyn TickRepository>) {
    let ticks = Repositories::postgres(pools).ticks;
    let settings = SpoolConfig::new(folder.to_owned());
    let config = PersisterConfig::default();
    let opened = TickPersister::open(Arc::clone(&ticks), config, &settings).await;
    (opened.expect("it opens"), ticks)
}

async fn run(pools: &DatabasePools, sql: &'static str) {
    use diesel::connection::SimpleConnection as _;
    let done = pools
        .timeseries()
        .run("test", move |connection| Ok(connection.batch_execute(sql)?))
        .await;
    done.expect("it runs");
}

async fn push(persister: &TickPersister, ticks: &[Tick]) {
    for tick in ticks {
        persister.push(tick.clone()).await.expect("it is open");
    }
}

async fn count(ticks: &Arc<dyn TickRepository>) -> u64 {
    let counted = ticks.count(SYMBOL, TimeRange::all()).await;
    counted.expect("counted")
}

#[tokio::test]
async fn fault_37_bad_tick_among_a_thousand_blocks_no_other() {
    let (_schemas, pools) = migrated().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (persister, repository) = open(&pools, folder.path()).await;
    let mut given = ticks(0, 1_000);
    given[500].bid_price = Some(Decimal::MAX);
    push(&persister, &given).await;
    persister.drain(PLENTY).await.expect("stored");
    assert_eq!(count(&repository).await, 999);
    let stats = persister.stats();
    assert_eq!((stats.inserted, stats.rejected, stats.retries), (999, 1, 0));
    assert_eq!(
        persister
            .spool_content()
            .map(|content| content.dead_letters),
        Some(1)
    );
}

#[tokio::test]
async fn fault_38_missing_column_makes_no_dead_letters() {
    let broken = "ALTER TABLE ticks RENAME COLUMN ask_volume TO gone";
    keeps_every_tick(broken, "ALTER TABLE ticks RENAME COLUMN gone TO ask_volume").await;
}

#[tokio::test]
async fn fault_38_new_column_makes_no_dead_letters() {
    let broken = "ALTER TABLE ticks ADD COLUMN venue int NOT NULL DEFAULT 0; \
                  ALTER TABLE ticks ALTER COLUMN venue DROP DEFAULT";
    keeps_every_tick(broken, "ALTER TABLE ticks DROP COLUMN venue").await;
}

#[tokio::test]
async fn fault_38_wrong_constraint_makes_no_dead_letters() {
    let broken = "ALTER TABLE ticks ADD CONSTRAINT no_tick CHECK (bid_price < 0) NOT VALID";
    keeps_every_tick(broken, "ALTER TABLE ticks DROP CONSTRAINT no_tick").await;
}

#[tokio::test]
async fn fault_38_trigger_makes_no_dead_letters() {
    let broken = "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS \
                  $$ BEGIN RETURN NULL; END $$; \
                  CREATE TRIGGER leave_out BEFORE INSERT ON ticks \
                  FOR EACH ROW EXECUTE FUNCTION leave_out()";
    keeps_every_tick(broken, "DROP TRIGGER leave_out ON ticks").await;
}

async fn keeps_every_tick(broken: &'static str, repaired: &'static str) {
    let (_schemas, pools) = migrated().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (persister, repository) = open(&pools, folder.path()).await;
    push(&persister, &ticks(0, 10)).await;
    persister.drain(PLENTY).await.expect("stored");
    run(&pools, broken).await;
    push(&persister, &ticks(10, 2_500)).await;
    let undrained = persister.drain(Duration::from_secs(3)).await;
    assert_eq!(
        undrained.map_err(|undrained| undrained.remaining),
        Err(2_490)
    );
    let content = persister.spool_content().expect("there is one");
    assert_eq!((content.dead_letters, persister.stats().rejected), (0, 0));
    assert_eq!(persister.stats().duplicates, 0);
    let health = persister.health();
    assert!(
        matches!(health, PersisterHealth::Misconfigured { .. }),
        "{health:?}"
    );

    run(&pools, repaired).await;
    persister.drain(PLENTY).await.expect("it is repaired");
    assert_eq!(count(&repository).await, 2_500);
    assert_eq!(persister.health(), PersisterHealth::Up);
}

#[tokio::test]
async fn fault_41_repeated_ticks_are_stored_once() {
    let (_schemas, pools) = migrated().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (persister, repository) = open(&pools, folder.path()).await;
    let given = ticks(0, 50_000);
    for part in given.chunks(500) {
        push(&persister, part).await;
        push(&persister, &part[..50]).await;
    }
    persister.drain(PLENTY).await.expect("stored");
    assert_eq!(count(&repository).await, 50_000);
    let stats = persister.stats();
    assert_eq!((stats.inserted, stats.duplicates), (50_000, 5_000));
    assert_eq!(persister.stop(PLENTY).await.spooled, 0);
}
