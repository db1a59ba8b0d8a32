//! Faults 49 and 50: tests of a disk that is full or refuses writes. They mount a file system, which
//! requires root; otherwise they are skipped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::spooling::small_disk::SmallDisk;
use crate::support::spooling::{Switched, assert_exact, open, settings, tick};
use tickbook::ingest::{
    AckLevel, OnFull, PersisterConfig, PersisterHealth, PushError, SpoolError, TickPersister,
    TickSpool,
};

const PLENTY: Duration = Duration::from_secs(60);
/// A time in which the disk completes any operation.
const REFUSED: Duration = Duration::from_secs(2);

/// Settings with a small queue, so that the disk is full first.
fn config() -> PersisterConfig {
    PersisterConfig::default()
        .queue(1_000)
        .batch_size(100)
        .drain_batch_size(1_000)
}

/// Pushes ticks from number `first` on until there is no space. Returns the number of the first tick that
/// was not accepted.
async fn push_until_refused(persister: &TickPersister, first: i64, on_full: OnFull) -> i64 {
    for index in first.. {
        let pushed = tokio::time::timeout(REFUSED, persister.push(tick(index))).await;
        match (pushed, on_full) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(PushError::SpoolFull)), OnFull::Error) | (Err(_), OnFull::Block) => {
                return index;
            }
            (other, _) => panic!("{on_full:?}: {other:?}"),
        }
    }
    unreachable!("no disk is that large")
}

/// Pushes a tick; retries while it is refused.
async fn push_when_there_is_a_place(persister: &TickPersister, index: i64) {
    let begun = Instant::now();
    while let Err(error) = persister.push(tick(index)).await {
        assert_eq!(error, PushError::SpoolFull);
        assert!(begun.elapsed() < PLENTY, "there is no place again");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until ticks become durable on the disk again, which requires the complete reserve.
async fn assert_durable_again(persister: &TickPersister, ticks: &Switched, index: i64) {
    ticks.set_there(false);
    let begun = Instant::now();
    let ack = loop {
        match persister.push_with_ack(tick(index)).await {
            Ok(ack) => break ack,
            Err(error) => assert_eq!(error, PushError::SpoolFull),
        }
        assert!(begun.elapsed() < PLENTY, "there is no place again");
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    let durable = tokio::time::timeout(PLENTY, ack.wait(AckLevel::Durable)).await;
    durable.expect("in time").expect("the disk has space");
    assert_eq!(ack.level(), AckLevel::Durable);
}

#[tokio::test]
async fn fault_49_backlog_is_stored_on_a_full_disk() {
    for on_full in [OnFull::Block, OnFull::Error] {
        let Some(disk) = SmallDisk::mount("32m") else {
            suite::skip("a full disk wants the right to mount one");
            return;
        };
        let ticks = Arc::new(Switched::default());
        let spool = settings(&disk.spool()).on_full(on_full);
        let persister = open(&ticks, config(), &spool).await;
        for index in 0..20_000 {
            persister.push(tick(index)).await.expect("the disk works");
        }
        persister
            .push_with(tick(20_000), AckLevel::Durable)
            .await
            .expect("the disk works");
        let ballast = disk.fill();
        let refused = push_until_refused(&persister, 20_001, on_full).await;
        let spooled = persister.spool_content().expect("there is one").records;
        assert!(spooled < u64::try_from(refused).expect("positive"));
        assert_eq!(persister.health(), PersisterHealth::Saturated);

        // the disk stays full; the ticks on the disk, the ticks in memory and new ticks are stored
        ticks.set_there(true);
        for index in refused..refused + 3_000 {
            push_when_there_is_a_place(&persister, index).await;
        }
        let drained = persister.drain(PLENTY).await;
        drained.unwrap_or_else(|left| panic!("{on_full:?}, the disk is still full: {left}"));
        assert_exact(&*ticks, refused + 3_000).await;

        std::fs::remove_file(ballast).expect("removed");
        assert_durable_again(&persister, &ticks, refused + 3_000).await;
        ticks.set_there(true);
        persister.drain(PLENTY).await.expect("it is there");
        assert_exact(&*ticks, refused + 3_001).await;
        assert_eq!(persister.health(), PersisterHealth::Up);
        let report = persister.stop(PLENTY).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    }
}

#[tokio::test]
async fn fault_49_full_spool_is_emptied_and_accepts_ticks() {
    for on_full in [OnFull::Block, OnFull::Error] {
        let Some(disk) = SmallDisk::mount("10m") else {
            suite::skip("a full disk wants the right to mount one");
            return;
        };
        let ticks = Arc::new(Switched::default());
        let spool = settings(&disk.spool()).on_full(on_full);
        let persister = open(&ticks, config(), &spool).await;
        let refused = push_until_refused(&persister, 0, on_full).await;
        assert!(refused > 10_000, "the disk took {refused} only");
        assert_eq!(persister.health(), PersisterHealth::Saturated);
        // a stop with a full disk returns the ticks that the disk did not accept; the next start
        // continues with the others
        let report = persister.stop(Duration::from_secs(5)).await;
        let unsaved = report.unsaved.len() as u64;
        assert_eq!(
            report.spooled + unsaved,
            u64::try_from(refused).expect("positive")
        );
        assert!(unsaved <= 2_000, "memory has no place for {unsaved}");

        let persister = open(&ticks, config(), &spool).await;
        ticks.set_there(true);
        for tick in report.unsaved {
            let begun = Instant::now();
            while let Err(error) = persister.push(tick.clone()).await {
                assert_eq!(error, PushError::SpoolFull);
                assert!(begun.elapsed() < PLENTY, "there is no place again");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        let drained = persister.drain(PLENTY).await;
        drained.unwrap_or_else(|left| panic!("{on_full:?}: {left}"));
        assert_exact(&*ticks, refused).await;

        assert_durable_again(&persister, &ticks, refused).await;
        // the disk accepts as much as before, in a second outage too
        let again = push_until_refused(&persister, refused + 1, on_full).await;
        let more = again - refused;
        assert!(more > refused / 2, "{refused} at first, then {more}");
        ticks.set_there(true);
        push_when_there_is_a_place(&persister, again).await;
        persister.drain(PLENTY).await.expect("it is there");
        assert_exact(&*ticks, again + 1).await;
        println!("{on_full:?}: {refused} ticks, then {more}");
        assert_eq!(persister.stop(PLENTY).await.spooled, 0);
    }
}

#[tokio::test]
async fn fault_50_disk_that_refuses_writes_loses_nothing() {
    let Some(disk) = SmallDisk::mount("64m") else {
        suite::skip("a disk that refuses writes wants the right to mount one");
        return;
    };
    let ticks = Arc::new(Switched::default());
    let made = TickSpool::open(&disk.spool(), 1 << 30)
        .await
        .expect("it opens");
    made.close().await;
    assert!(disk.remount("ro"), "it can be made read-only");
    let refused = TickSpool::open(&disk.spool(), 1 << 30)
        .await
        .expect_err("read-only");
    assert!(matches!(refused, SpoolError::Io { .. }), "{refused:?}");
    assert!(disk.remount("rw"), "it can be made writable");

    let persister = open(&ticks, PersisterConfig::default(), &settings(&disk.spool())).await;
    persister
        .push_with(tick(0), AckLevel::Durable)
        .await
        .expect("the disk works");
    let ballast = disk.fill();
    let mut last = None;
    for index in 1..50_000 {
        last = Some(
            persister
                .push_with_ack(tick(index))
                .await
                .expect("memory has a place"),
        );
    }
    let last = last.expect("there is one");
    let durable = tokio::time::timeout(Duration::from_secs(1), last.wait(AckLevel::Durable));
    assert!(
        durable.await.is_err(),
        "nothing is durable that the disk did not take"
    );
    assert!(matches!(
        persister.health(),
        PersisterHealth::Degraded { .. }
    ));
    std::fs::remove_file(ballast).expect("removed");
    last.wait(AckLevel::Durable)
        .await
        .expect("the disk works again");
    ticks.set_there(true);
    persister.drain(PLENTY).await.expect("it is there");
    assert_exact(&*ticks, 50_000).await;
    persister.stop(PLENTY).await;
}
