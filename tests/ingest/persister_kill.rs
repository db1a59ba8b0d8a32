//! Faults 41, 45 and 52: a writing process is killed at random instants. The tests check that the ticks
//! that it reported as durable are stored after the next start.
//!
//! This program starts itself as the process that writes. `TICKBOOK_KILLS` sets the number of kills,
//! `TICKBOOK_SEED` their times.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::spooling::process::{Deaths, Process, orders};
use crate::support::spooling::{
    Switched, TOGETHER, all, index_of, many_batches, open, push_until_killed, settings_of,
};
use tickbook::ingest::SpoolMode;

#[test]
fn fault_45_killed_process_loses_no_durable_tick() {
    killed_at_random(SpoolMode::WriteAhead, Deaths::new());
}

#[test]
fn fault_45_on_failure_mode_loses_no_durable_tick() {
    let mut deaths = Deaths::new();
    // fewer kills suffice, since the file of a killed process does not depend on the mode
    deaths.count = deaths.count.div_ceil(3);
    killed_at_random(SpoolMode::OnFailure, deaths);
}

fn killed_at_random(mode: SpoolMode, mut deaths: Deaths) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        runtime.block_on(async {
            let persister = open(
                &Arc::default(),
                many_batches(),
                &settings_of(mode, &directory),
            )
            .await;
            push_until_killed(&persister, first).await;
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut durable = BTreeSet::new();
    for round in 0..deaths.count {
        let patience = deaths.next(Duration::from_millis(150));
        let first = (round * 1_000_000).to_string();
        let writer = Process::start(folder.path(), &first);
        // every second process is killed while it certainly writes, no matter how long its start takes;
        // the others between their start and the middle of their writes
        durable.extend(if round % 2 == 0 {
            writer.kill_after_numbers(TOGETHER, patience)
        } else {
            writer.kill_after(patience)
        });
    }
    let at_work = deaths.count.div_ceil(2) as usize;
    assert!(
        durable.len() >= TOGETHER * at_work,
        "only {} ticks were durable",
        durable.len()
    );

    let stored = runtime.block_on(async {
        let ticks = Arc::new(Switched::present());
        // the lock of the killed process was released
        let persister = open(&ticks, many_batches(), &settings_of(mode, folder.path())).await;
        let content = persister.spool_content().expect("there is one");
        assert_eq!(content.damaged_batches, 0);
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
