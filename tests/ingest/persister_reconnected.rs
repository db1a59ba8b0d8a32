//! Fault 45 with a source without sequences: the writing process is killed at random instants, and the next
//! one connects again and receives ticks that the last one may have stored.
//!
//! This program starts itself as the process that writes. `TICKBOOK_KILLS` sets the number of kills,
//! `TICKBOOK_SEED` their times.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::spooling::process::{Deaths, Process, orders};
use crate::support::spooling::{
    self, Switched, TOGETHER, all, many_batches, open, settings, settings_of,
};
use tickbook::domain::Tick;
use tickbook::ingest::{AckLevel, OccurrenceCounter, SpoolMode, TickPersister};
use tickbook::repository::TickRepository;
use tokio::runtime::Runtime;

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

/// The number of equal ticks for each time and price.
fn counts(ticks: impl Iterator<Item = Tick>) -> BTreeMap<(i64, String), u32> {
    let mut counts = BTreeMap::new();
    for tick in ticks {
        let price = tick.bid_price.expect("a quote").normalize().to_string();
        *counts
            .entry((tick.tick_time.timestamp_micros(), price))
            .or_default() += 1;
    }
    counts
}

/// Kills connections in the middle of their writes. Returns the number of the first tick that none of them
/// reported as durable.
fn connections_killed(
    deaths: &mut Deaths,
    folder: &Path,
    variables: &[(&str, &str)],
    mut after_each: impl FnMut(),
) -> i64 {
    let mut next = 0;
    for _ in 0..deaths.count.div_ceil(3) {
        let patience = deaths.next(Duration::from_millis(150));
        // the venue resends the ticks that the last connection may have lost, and some more
        let first = i64::max(next - 50, 0);
        let writer = Process::start_with(folder, &first.to_string(), variables);
        let durable = writer.kill_after_numbers(TOGETHER, patience);
        next = durable
            .into_iter()
            .max()
            .map_or(next, |last| next.max(last + 1));
        after_each();
    }
    next
}

/// Pushes the ticks `next..end` through a last connection. Asserts that each tick `0..end` is stored once.
async fn assert_once(persister: TickPersister, ticks: &dyn TickRepository, next: i64) {
    let end = next + 1_000;
    push_connection(&persister, next, end).await;
    let report = persister.stop(Duration::from_secs(60)).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    assert_eq!((report.stats.conflicts, report.stats.rejected), (0, 0));
    assert!(report.stats.duplicates > 0, "connections overlap");
    let expected = counts((0..end).map(of_source));
    let mut stored = counts(all(ticks).await.into_iter());
    // a connection may have written ticks that it did not report as durable
    stored.retain(|tick, _| expected.contains_key(tick));
    assert_eq!(stored, expected);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime")
}

#[test]
fn fault_45_reconnected_source_doubles_nothing() {
    let runtime = runtime();
    let settings = |folder: &Path| settings_of(SpoolMode::WriteAhead, folder);
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        runtime.block_on(async {
            let persister = open(&Arc::default(), many_batches(), &settings(&directory)).await;
            push_connection(&persister, first, i64::MAX).await;
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let next = connections_killed(&mut Deaths::new(), folder.path(), &[], || ());
    runtime.block_on(async {
        let ticks = Arc::new(Switched::present());
        let persister = open(&ticks, many_batches(), &settings(folder.path())).await;
        assert_once(persister, &*ticks, next).await;
    });
}

/// On the Community edition the ticks are compressed after each kill.
#[cfg(all(feature = "conformance", feature = "postgres"))]
#[test]
fn fault_45_reconnected_source_in_postgres() {
    use crate::support::migrated_schema;
    use crate::support::oracle::ask;
    use tickbook::db::DatabasePools;
    use tickbook::{Database, Repositories};

    let runtime = runtime();
    let opened = async |pools: &DatabasePools, directory: &Path| {
        let ticks = Repositories::postgres(pools).ticks;
        let opened = TickPersister::open(ticks, many_batches(), &settings(directory)).await;
        opened.expect("the lock of a killed process is no obstacle")
    };
    if let Some((directory, first)) = orders() {
        let first = first.parse().expect("a number");
        let pools = DatabasePools::new(&migrated_schema::config_of_variables());
        runtime.block_on(async {
            push_connection(&opened(&pools, &directory).await, first, i64::MAX).await;
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (schemas, pools) = runtime.block_on(migrated_schema::migrated());
    let url = schemas.url(Database::Timeseries);
    let is_community = ask(url, "SHOW timescaledb.license") == ["timescale"];
    if is_community {
        ask(
            url,
            "ALTER TABLE ticks SET (timescaledb.compress, \
             timescaledb.compress_segmentby = 'symbol_id', \
             timescaledb.compress_orderby = 'tick_time, sequence')",
        );
    }
    let variables = migrated_schema::variables(&schemas);
    let next = connections_killed(&mut Deaths::new(), folder.path(), &variables, || {
        if is_community {
            ask(
                url,
                "SELECT compress_chunk(chunk) FROM show_chunks('ticks') AS chunk",
            );
        }
    });
    assert_ne!(ask(url, "SELECT count(*) FROM ticks"), ["0"]);
    runtime.block_on(async {
        let ticks = Repositories::postgres(&pools).ticks;
        assert_once(opened(&pools, folder.path()).await, &*ticks, next).await;
    });
    println!("{next} durable ticks, compressed: {is_community}");
}
