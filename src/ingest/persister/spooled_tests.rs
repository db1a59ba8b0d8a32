//! The persister with a spool, in real time: the disk has a thread of its own, for which a paused clock does
//! not wait.

use std::path::Path;

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::faulty::{Fault, FaultyRepository};
use super::*;
use crate::backoff::Backoff;
use crate::domain::{PageLimit, SortOrder, SymbolId, TickKey, TimeRange};
use crate::ingest::spool::SpoolRead;
use crate::ingest::{DeadLetterReason, NumberedDeadLetter, TickSpool};
use crate::repository::{TickQuery, TickRepository};

mod clocks;
mod damaged_disk;
mod dead_letters;
mod failing_disk;
mod full_and_dropped;
mod hanging_disk;
mod log;
mod on_failure;
mod slow_disk;

const SYMBOL: SymbolId = SymbolId::new(1);
/// A time limit that no test reaches.
const PLENTY: Duration = Duration::from_secs(60);

fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let time = start + TimeDelta::milliseconds(index);
    Tick::quote(SYMBOL, time, Decimal::new(138_000 + index, 5), Decimal::TWO)
}

fn keys(range: std::ops::Range<i64>) -> Vec<TickKey> {
    range.map(|index| tick(index).key()).collect()
}

fn settings(folder: &Path, mode: SpoolMode) -> SpoolConfig {
    SpoolConfig {
        mode,
        directory: folder.to_owned(),
        max_bytes: 1 << 30,
        on_full: OnFull::Block,
    }
}

/// Batches of 100 ticks or 20 ms, 1,000 waiting ticks, pauses of 5 ms to 20 ms.
fn config() -> PersisterConfig {
    PersisterConfig {
        batch_size: 100,
        flush_interval: Duration::from_millis(20),
        queue: 1_000,
        drain_batch_size: 500,
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(20)),
    }
}

async fn open(repository: &Arc<FaultyRepository>, spool: &SpoolConfig) -> TickPersister {
    let repository = Arc::clone(repository) as Arc<dyn TickRepository>;
    let opened = TickPersister::open(repository, config(), spool).await;
    opened.expect("the spool opens")
}

async fn push(persister: &TickPersister, range: std::ops::Range<i64>) {
    for index in range {
        persister
            .push(tick(index))
            .await
            .expect("the persister is open");
    }
}

async fn stored(repository: &FaultyRepository) -> Vec<TickKey> {
    let mut keys = Vec::new();
    let mut query = TickQuery {
        limit: PageLimit::MAX,
        order: SortOrder::Ascending,
        ..TickQuery::new(SYMBOL, TimeRange::all())
    };
    loop {
        let page = repository.range(&query).await.expect("memory is read");
        keys.extend(page.items.iter().map(Tick::key));
        match page.next {
            None => return keys,
            next => query.after = next,
        }
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let reached = timeout(PLENTY, async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(reached.await.is_ok(), "never: {what}");
}

fn new_folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test]
async fn durable_tick_is_on_disk_during_an_outage() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    repository.set_down(Some(Fault::Unavailable));
    let persister = open(&repository, &settings(folder.path(), SpoolMode::WriteAhead)).await;
    let ack = persister
        .push_with_ack(tick(0))
        .await
        .expect("the persister is open");
    assert_eq!(ack.level(), AckLevel::Accepted);
    ack.wait(AckLevel::Accepted).await.expect("it is");
    ack.wait(AckLevel::Durable).await.expect("the disk works");
    assert_eq!(ack.level(), AckLevel::Durable);
    assert_eq!(
        persister.spool_content().map(|content| content.records),
        Some(1)
    );
    repository.set_down(None);
    ack.wait(AckLevel::Committed)
        .await
        .expect("the database is back");
    assert_eq!(stored(&repository).await, keys(0..1));
    until("the spool is empty", || {
        persister.spool_content().map(|content| content.records) == Some(0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disk_sync_is_shared_by_all_waiting_pushes() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    repository.set_down(Some(Fault::Unavailable));
    let slow = PersisterConfig {
        flush_interval: Duration::from_secs(50),
        ..config()
    };
    let spool = settings(folder.path(), SpoolMode::WriteAhead);
    let injected = Arc::clone(&repository) as Arc<dyn TickRepository>;
    let persister = TickPersister::open(injected, slow, &spool)
        .await
        .expect("opens");
    let tasks: Vec<_> = (0..400)
        .map(|index| {
            let persister = persister.clone();
            tokio::spawn(async move { persister.push_with(tick(index), AckLevel::Durable).await })
        })
        .collect();
    let begun = std::time::Instant::now();
    for task in tasks {
        task.await.expect("no panic").expect("it is durable");
    }
    // without a wait one write of the disk for each tick would pass as well, so the batches are counted
    let (opened, _) = reopen_after_stop(&persister, folder.path()).await;
    let read = opened.read(0, u64::MAX, usize::MAX).await;
    let Ok(SpoolRead::Batches(batches)) = read else {
        panic!("{read:?}");
    };
    assert!(
        batches.len() < 200,
        "{} writes for 400 ticks",
        batches.len()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it waits for no timer"
    );
}

/// Stops the persister immediately and opens its spool.
async fn reopen_after_stop(persister: &TickPersister, folder: &Path) -> (TickSpool, StopReport) {
    let report = persister.stop(Duration::from_secs(5)).await;
    (
        TickSpool::open(folder, 1 << 30).await.expect("it opens"),
        report,
    )
}

#[tokio::test]
async fn backlog_larger_than_memory_is_stored_in_order() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    repository.set_down(Some(Fault::Unavailable));
    let persister = open(&repository, &settings(folder.path(), SpoolMode::WriteAhead)).await;
    // six times as many as may wait in memory
    push(&persister, 0..6_000).await;
    let probes = repository.batches();
    assert!(
        probes.iter().skip(1).all(|batch| *batch == keys(0..100)),
        "it probes with one batch"
    );
    let failed = repository.attempts().len();
    repository.set_down(None);
    push(&persister, 6_000..6_500).await;
    persister.flush().await.expect("the database is back");
    assert_eq!(stored(&repository).await, keys(0..6_500));
    let order: Vec<TickKey> = repository.batches()[failed..].concat();
    let mut seen = std::collections::BTreeSet::new();
    let first_times: Vec<TickKey> = order.into_iter().filter(|key| seen.insert(*key)).collect();
    assert_eq!(
        first_times,
        keys(0..6_500),
        "each for the first time in the order accepted"
    );
    assert!(
        repository.batches().iter().any(|batch| batch.len() > 100),
        "batches are merged"
    );
    let stats = persister.stats();
    assert_eq!((stats.received, stats.queued), (6_500, 0));
    assert_eq!(persister.stop(PLENTY).await.spooled, 0);
}

#[tokio::test]
async fn ticks_left_by_a_stop_are_stored_by_the_next_start() {
    for mode in [SpoolMode::WriteAhead, SpoolMode::OnFailure] {
        for fault in [Fault::Unavailable, Fault::Schema, Fault::Hang, Fault::Panic] {
            let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
            let spool = settings(folder.path(), mode);
            let persister = open(&repository, &spool).await;
            push(&persister, 0..50).await;
            persister.flush().await.expect("the persister is open");
            repository.set_down(Some(fault));
            push(&persister, 50..950).await;
            let report = persister.stop(Duration::from_millis(300)).await;
            assert_eq!(
                (report.unsaved, report.spooled),
                (vec![], 900),
                "{mode:?} {fault:?}"
            );
            assert_eq!(report.stats.queued, 900);

            repository.set_down(None);
            let persister = open(&repository, &spool).await;
            assert!(persister.stats().queued <= 900);
            push(&persister, 950..1_000).await;
            persister.flush().await.expect("the database is back");
            assert_eq!(
                stored(&repository).await,
                keys(0..1_000),
                "{mode:?} {fault:?}"
            );
            let report = persister.stop(PLENTY).await;
            assert_eq!((report.spooled, report.stats.queued), (0, 0));
        }
    }
}

#[tokio::test]
async fn fault_55_stop_in_an_outage_ends_at_once() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    repository.set_down(Some(Fault::Unavailable));
    let spool = settings(folder.path(), SpoolMode::WriteAhead);
    let persister = open(&repository, &spool).await;
    push(&persister, 0..100_000).await;
    let begun = Instant::now();
    let report = persister.stop(Duration::from_secs(10)).await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((report.unsaved.len(), report.spooled), (0, 100_000));
    repository.set_down(None);
    let persister = open(&repository, &spool).await;
    persister.flush().await.expect("the database is back");
    assert_eq!(stored(&repository).await, keys(0..100_000));
}

#[tokio::test]
async fn fault_37_rejections_and_conflicts_are_dead_letters() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    let spool = settings(folder.path(), SpoolMode::WriteAhead);
    let persister = open(&repository, &spool).await;
    let impossible = tick(7).with_sequence(-1);
    let conflicting = tick(3).with_ask_volume(Decimal::ONE);
    push(&persister, 0..999).await;
    for other in [&impossible, &conflicting] {
        persister
            .push(other.clone())
            .await
            .expect("the persister is open");
    }
    persister.flush().await.expect("the persister is open");
    assert_eq!(stored(&repository).await, keys(0..999));
    let stats = persister.stats();
    assert_eq!(
        (stats.inserted, stats.rejected, stats.conflicts),
        (999, 1, 1)
    );
    assert_eq!(stats.retries, 0, "nothing is tried again for them");
    assert_eq!(
        persister
            .spool_content()
            .map(|content| content.dead_letters),
        Some(2)
    );

    let (opened, _) = reopen_after_stop(&persister, folder.path()).await;
    let letters = opened.dead_letters().await.expect("it reads");
    let ticks: Vec<&Tick> = letters.iter().map(|it| &it.letter.record).collect();
    assert!(ticks.contains(&&impossible) && ticks.contains(&&conflicting));
    for NumberedDeadLetter { letter, .. } in &letters {
        match &letter.reason {
            DeadLetterReason::Rejected(reason) => assert!(reason.contains("sequence"), "{reason}"),
            DeadLetterReason::Conflict(stored) => assert_eq!(stored, &tick(3)),
        }
    }
    let numbers: Vec<u64> = letters.iter().map(|it| it.number).collect();
    opened
        .discard_dead_letters(numbers)
        .await
        .expect("it writes");
    opened.close().await;
    let opened = TickSpool::open(folder.path(), 1 << 30)
        .await
        .expect("it opens");
    assert_eq!(opened.content().dead_letters, 0);
}

#[tokio::test]
async fn health_reports_the_cause() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    let persister = open(&repository, &settings(folder.path(), SpoolMode::WriteAhead)).await;
    assert_eq!(persister.health(), PersisterHealth::Up);
    repository.set_down(Some(Fault::Unavailable));
    push(&persister, 0..10).await;
    until("degraded", || {
        matches!(persister.health(), PersisterHealth::Degraded { .. })
    })
    .await;
    assert!(persister.health().is_ready());
    repository.set_down(Some(Fault::Schema));
    until("misconfigured", || {
        matches!(persister.health(), PersisterHealth::Misconfigured { .. })
    })
    .await;
    assert!(!persister.health().is_ready());
    repository.set_down(None);
    until("up", || persister.health() == PersisterHealth::Up).await;
    assert_eq!(persister.drain(PLENTY).await, Ok(()));
    repository.set_down(Some(Fault::Unavailable));
    push(&persister, 10..12).await;
    let undrained = persister.drain(Duration::from_millis(100)).await;
    assert_eq!(undrained, Err(DrainTimeout { remaining: 2 }));
    persister.stop(Duration::from_millis(100)).await;
    assert_eq!(persister.health(), PersisterHealth::Stopping);
}
