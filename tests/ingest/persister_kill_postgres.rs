//! Fault 45 with an available database: the writing process is killed while its batches are being
//! committed.
//!
//! This program starts itself as the process that writes. `TICKBOOK_KILLS` sets the number of kills,
//! `TICKBOOK_SEED` their times.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::support::migrated_schema;
use crate::support::oracle;
use crate::support::spooling::process::{Deaths, Process, orders};
use crate::support::spooling::{many_batches, push_until_killed, settings, tick};
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::ingest::TickPersister;
use tickbook::{Database, Repositories};

async fn open(pools: &DatabasePools, directory: &Path) -> TickPersister {
    let ticks = Repositories::postgres(pools).ticks;
    let opened = TickPersister::open(ticks, many_batches(), &settings(directory)).await;
    opened.expect("the lock of a killed process is no obstacle")
}

#[test]
fn fault_45_process_killed_in_a_commit_loses_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        let pools = DatabasePools::new(&migrated_schema::config_of_variables());
        runtime.block_on(async {
            push_until_killed(&open(&pools, &directory).await, first).await;
        });
        return;
    }
    let mut deaths = Deaths::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (schemas, pools) = runtime.block_on(migrated_schema::migrated());
    let url = schemas.url(Database::Timeseries);
    let variables = migrated_schema::variables(&schemas);
    let mut durable = BTreeSet::new();
    let mut while_committing = 0;
    let mut stored = 0;
    for round in 0..deaths.count {
        let patience = deaths.next(Duration::from_millis(400));
        let first = (round * 1_000_000).to_string();
        let writer = Process::start_with(folder.path(), &first, &variables);
        // every second process is killed while it certainly writes, no matter how long its start takes
        durable.extend(if round % 2 == 0 {
            writer.kill_after_numbers(1, patience)
        } else {
            writer.kill_after(patience)
        });
        let before = std::mem::replace(&mut stored, count(url));
        while_committing += u64::from(stored > before);
    }
    println!("{while_committing} were killed after they had begun to commit");
    assert!(
        while_committing >= deaths.count / 5,
        "{while_committing} of {} only",
        deaths.count
    );

    let report = runtime.block_on(async {
        let persister = open(&pools, folder.path()).await;
        let content = persister.spool_content().expect("there is one");
        assert_eq!(content.damaged_batches, 0);
        persister.stop(Duration::from_secs(60)).await
    });
    assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    assert_eq!((report.stats.conflicts, report.stats.rejected), (0, 0));
    let stored = numbers(url);
    assert!(
        stored.is_sorted_by(|one, next| one < next),
        "a tick is twice"
    );
    for number in &stored {
        durable.remove(number);
    }
    assert!(
        durable.is_empty(),
        "{} durable ticks are lost: {durable:?}",
        durable.len()
    );
    let expected: Vec<Tick> = stored.iter().map(|number| tick(*number)).collect();
    oracle::assert_exact(url, &expected);
    println!("{} kills, {} ticks stored", deaths.count, stored.len());
}

fn count(url: &str) -> u64 {
    let counted = oracle::ask(url, "SELECT count(*) FROM ticks").remove(0);
    counted.parse().expect("a number")
}

/// The numbers of the stored ticks, in order.
fn numbers(url: &str) -> Vec<i64> {
    let start = tick(0).tick_time.timestamp_millis();
    let query = "SELECT (extract(epoch FROM tick_time) * 1000)::bigint FROM ticks ORDER BY 1";
    let times = oracle::ask(url, query).into_iter();
    times
        .map(|time| time.parse::<i64>().expect("a number") - start)
        .collect()
}
