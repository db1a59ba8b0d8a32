//! The writing process is killed after it has recorded the days of a batch and before it writes the ticks.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::ingest::TickPersister;
use tickbook::{Database, Repositories};

use crate::support::migrated_schema;
use crate::support::oracle::{self, ask};
use crate::support::spooling::process::{Process, orders};
use crate::support::spooling::{SYMBOL, all, many_batches, push_until_killed, settings, tick};

/// The longest wait for a write to begin.
const DEADLINE: Duration = Duration::from_secs(60);

/// The server processes that wait for the lock of the table of ticks.
const WAITING: &str = "SELECT pid FROM pg_locks WHERE relation = 'ticks'::regclass AND NOT granted";

async fn open(pools: &DatabasePools, directory: &Path) -> TickPersister {
    let ticks = Repositories::postgres(pools).ticks;
    let opened = TickPersister::open(ticks, many_batches(), &settings(directory)).await;
    opened.expect("the lock of a killed process is no obstacle")
}

#[test]
fn process_killed_between_days_and_ticks_loses_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, _)) = orders() {
        let pools = DatabasePools::new(&migrated_schema::config_of_variables());
        runtime.block_on(async {
            push_until_killed(&open(&pools, &directory).await, 0).await;
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (schemas, pools) = runtime.block_on(migrated_schema::migrated());
    let url = schemas.url(Database::Timeseries);
    let mut holder = schemas.connection(Database::Timeseries);
    holder
        .batch_execute("BEGIN; LOCK TABLE ticks IN EXCLUSIVE MODE")
        .expect("locked");
    let variables = migrated_schema::variables(&schemas);
    let writer = Process::start_with(folder.path(), "", &variables);
    let begun = Instant::now();
    while ask(url, WAITING).is_empty() {
        assert!(begun.elapsed() < DEADLINE, "no write begins");
        std::thread::sleep(Duration::from_millis(5));
    }
    let durable = writer.kill_after_numbers(1, Duration::ZERO);
    // a server process that waits for the lock would write after the death of its client
    ask(
        url,
        &WAITING.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"),
    );
    while !ask(url, WAITING).is_empty() {
        assert!(begun.elapsed() < DEADLINE, "a write does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    holder.batch_execute("ROLLBACK").expect("unlocked");
    assert_eq!(ask(url, "SELECT count(*) FROM ticks"), ["0"]);
    let days = "SELECT symbol_id, day AT TIME ZONE 'UTC' FROM symbol_days";
    assert_eq!(ask(url, days), [format!("{SYMBOL}|2014-05-01 00:00:00")]);
    assert_eq!(ask(url, "SELECT count(*) FROM unrecorded_ticks"), ["0"]);

    let ticks = Repositories::postgres(&pools).ticks;
    let stored = runtime.block_on(async {
        assert_eq!(ticks.latest(SYMBOL).await.expect("read"), None);
        let report = open(&pools, folder.path()).await.stop(DEADLINE).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
        all(ticks.as_ref()).await
    });
    // a tick may be durable although the process died before it printed the number
    assert!(stored.len() >= durable.len() && !durable.is_empty());
    let expected: Vec<Tick> = (0..).take(stored.len()).map(tick).collect();
    assert_eq!(stored, expected);
    oracle::assert_exact(url, &expected);
}
