//! Faults 41, 45 and 52: a writing process is killed at random instants. The tests check that the ticks
//! that it reported as durable are stored after the next start.
//!
//! This program starts itself as the process that writes. `TICKBOOK_KILLS` sets the number of kills,
//! `TICKBOOK_SEED` their times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::support::spooling::process::{Deaths, Process, orders};
use crate::support::spooling::{
    self, Switched, TOGETHER, all, index_of, many_batches, open, push_until_killed, settings_of,
};
use tickbook::domain::Tick;
use tickbook::ingest::{AckLevel, OccurrenceCounter, SpoolMode, TickPersister};

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

/// The number of ticks per instant of a source without sequences. Two thirds of them are equal to another
/// tick.
const OF_INSTANT: i64 = 9;

fn of_source(index: i64) -> Tick {
    let time = spooling::tick(index / OF_INSTANT).tick_time;
    let price = (index % 3).into();
    Tick::quote(spooling::SYMBOL, time, price, price)
}

/// Pushes the ticks of one connection, from the instant of number `first` on. Prints the number of each
/// tick when it is durable.
async fn push_connection(persister: &TickPersister, first: i64, end: i64) {
    let mut occurrences = OccurrenceCounter::new();
    let mut acks = Vec::new();
    for index in first / OF_INSTANT * OF_INSTANT..end {
        let mut tick = of_source(index);
        occurrences.count(&mut tick);
        let ack = persister.push_with_ack(tick).await;
        acks.push((index, ack.expect("open")));
        if acks.len() == TOGETHER {
            for (index, ack) in acks.drain(..) {
                ack.wait(AckLevel::Durable).await.expect("the disk works");
                println!("{index}");
            }
        }
    }
}

#[test]
fn fault_45_reconnected_source_doubles_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let settings = |folder: &std::path::Path| settings_of(SpoolMode::WriteAhead, folder);
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        runtime.block_on(async {
            let persister = open(&Arc::default(), many_batches(), &settings(&directory)).await;
            push_connection(&persister, first, i64::MAX).await;
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut deaths = Deaths::new();
    let mut next = 0;
    for _ in 0..deaths.count.div_ceil(3) {
        let patience = deaths.next(Duration::from_millis(150));
        // the venue resends the ticks that the last connection may have lost, and some more
        let first = i64::max(next - 50, 0);
        let writer = Process::start(folder.path(), &first.to_string());
        let durable = writer.kill_after_numbers(TOGETHER, patience);
        next = durable
            .into_iter()
            .max()
            .map_or(next, |last| next.max(last + 1));
    }
    let end = next + 1_000;
    let stored = runtime.block_on(async {
        let ticks = Arc::new(Switched::present());
        let persister = open(&ticks, many_batches(), &settings(folder.path())).await;
        push_connection(&persister, next, end).await;
        let report = persister.stop(Duration::from_secs(60)).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
        assert_eq!((report.stats.conflicts, report.stats.rejected), (0, 0));
        assert!(report.stats.duplicates > 0, "connections overlap");
        all(&*ticks).await
    });
    let count = |ticks: &mut dyn Iterator<Item = Tick>| {
        let mut counts: BTreeMap<_, u32> = BTreeMap::new();
        for tick in ticks {
            *counts.entry((tick.tick_time, tick.bid_price)).or_default() += 1;
        }
        counts
    };
    let expected = count(&mut (0..end).map(of_source));
    // a connection may have written ticks that it did not report as durable
    let known = stored
        .into_iter()
        .filter(|tick| expected.contains_key(&(tick.tick_time, tick.bid_price)));
    assert_eq!(count(&mut known.clone()), expected);
    println!(
        "{end} ticks of {} connections",
        deaths.count.div_ceil(3) + 1
    );
}
