//! Faults 41, 45 and 52: a writing process is killed at random instants, and what it was told to be
//! durable is there after the next start.
//!
//! This binary starts itself as the process that writes. `TICKBOOK_KILLS` says how often it is
//! killed, `TICKBOOK_SEED` when.

mod spooling;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spooling::process::{Deaths, Process, orders};
use spooling::{Switched, all, index_of, open, settings, tick};
use tickbook::ingest::{AckLevel, PersisterConfig};

fn config() -> PersisterConfig {
    PersisterConfig {
        batch_size: 50,
        flush_interval: Duration::from_millis(5),
        queue: 5_000,
        ..PersisterConfig::default()
    }
}

/// Writes until it is killed; prints the number of each tick once it is durable.
async fn write_until_killed(directory: &Path, first: i64) {
    let persister = open(&Arc::default(), config(), &settings(directory)).await;
    let mut acks = Vec::new();
    for index in first.. {
        acks.push((
            index,
            persister.push_with_ack(tick(index)).await.expect("open"),
        ));
        if acks.len() == 20 {
            for (index, ack) in acks.drain(..) {
                ack.wait(AckLevel::Durable).await.expect("the disk works");
                println!("{index}");
            }
        }
    }
}

#[test]
fn fault_45_a_killed_process_loses_no_durable_tick() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        runtime.block_on(write_until_killed(&directory, first));
        return;
    }
    let mut deaths = Deaths::new();
    let folder = tempfile::tempdir().expect("a folder");
    let mut durable = BTreeSet::new();
    for round in 0..deaths.count {
        // from before it has opened the spool to the middle of its writes
        let patience = deaths.next(Duration::from_millis(150));
        let first = (round * 1_000_000).to_string();
        let test = "fault_45_a_killed_process_loses_no_durable_tick";
        let writer = Process::start(test, folder.path(), &first);
        durable.extend(writer.kill_after(patience));
    }
    assert!(
        durable.len() > 100,
        "only {} ticks were durable",
        durable.len()
    );

    let stored = runtime.block_on(async {
        let ticks = Arc::new(Switched::present());
        // the lock of a killed process is no obstacle
        let persister = open(&ticks, config(), &settings(folder.path())).await;
        let content = persister.spool_content().expect("there is one");
        assert_eq!(content.quarantined, 0);
        let report = persister.stop(Duration::from_secs(60)).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
        let stats = report.stats;
        assert_eq!(
            (stats.conflicts, stats.rejected, stats.duplicates),
            (0, 0, 0)
        );
        all(&*ticks).await
    });
    for found in &stored {
        durable.remove(&index_of(found));
    }
    assert!(
        durable.is_empty(),
        "{} durable ticks are lost: {durable:?}",
        durable.len()
    );
    println!("{} kills, {} ticks stored", deaths.count, stored.len());
}
