//! The mode that uses the disk from the first failed write on.

use super::failing_disk::open_with;
use super::*;
use crate::ingest::spool::model::{Failing, ModelDisk};

#[tokio::test]
async fn on_failure_mode_uses_the_disk_only_in_an_outage() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    let persister = open(&repository, &settings(folder.path(), SpoolMode::OnFailure)).await;
    let ticks = || persister.spool_content().expect("a spool").records;
    persister
        .push_with(tick(0), AckLevel::Durable)
        .await
        .expect("stored");
    assert_eq!(stored(&repository).await, keys(0..1));
    repository.set_down(Some(Fault::Unavailable));
    push(&persister, 1..4_000).await;
    persister.push_with_ack(tick(4_000)).await.expect("open");
    until("the backlog is on the disk", || ticks() == 4_000).await;
    repository.set_down(None);
    persister.flush().await.expect("the database is back");
    until("the spool is empty", || ticks() == 0).await;
    push(&persister, 4_001..4_300).await;
    persister.flush().await.expect("the persister is open");
    assert_eq!(stored(&repository).await, keys(0..4_300));
    assert_eq!(persister.health(), PersisterHealth::Up);
}

/// During a slow write of the disk, the database stores the ticks of that write and fails again for later
/// ones.
#[tokio::test]
async fn slow_disk_write_covers_no_later_tick() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let settings = settings(folder.path(), SpoolMode::OnFailure);
    let persister = open_with(&repository, &disk, &settings).await;
    disk.set_hanging(true);
    repository.set_down(Some(Fault::Unavailable));
    push(&persister, 0..100).await;
    until("the disk is written", || disk.hanging() > 0).await;
    repository.set_down(None);
    until("stored", || persister.stats().inserted == 100).await;
    repository.set_down(Some(Fault::Unavailable));
    let failed = persister.stats().retries;
    push(&persister, 100..200).await;
    until("it fails", || persister.stats().retries > failed).await;
    disk.set_hanging(false);
    let last = persister.push_with(tick(200), AckLevel::Durable).await;
    last.expect("the disk works");
    let after_a_power_cut = ModelDisk::with(disk.durable());
    let report = persister.stop(PLENTY).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 101));

    repository.set_down(None);
    let persister = open_with(&repository, &after_a_power_cut, &settings).await;
    persister.flush().await.expect("the database is back");
    assert_eq!(stored(&repository).await, keys(0..201));
}

/// At random instants the database fails and recovers, the disk fails and hangs, and the process stops and
/// starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_failures_lose_no_tick() {
    let seed = std::env::var("TICKBOOK_SEED").ok();
    let seed = seed.map_or_else(std::process::id, |seed| seed.parse().expect("a number"));
    println!("TICKBOOK_SEED={seed}");
    let mut random = u64::from(seed) | 1;
    let mut below = move |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    for mode in [SpoolMode::OnFailure, SpoolMode::WriteAhead] {
        let (folder, disk) = (new_folder(), ModelDisk::default());
        let repository = Arc::new(FaultyRepository::default());
        let settings = settings(folder.path(), mode);
        let mut next = 0;
        for _ in 0..4 {
            let persister = open_with(&repository, &disk, &settings).await;
            let mut last = None;
            for _ in 0..40 {
                let faults = [
                    None,
                    None,
                    Some(Fault::Unavailable),
                    Some(Fault::AnswerLost),
                ];
                repository.set_down(faults[below(4) as usize]);
                let failing = [Failing::Nothing, Failing::Nothing, Failing::Syncs];
                disk.set_failing(failing[below(3) as usize]);
                disk.set_hanging(below(3) == 0);
                let end = next + below(60) as i64;
                while next < end {
                    let pushed = timeout(Duration::from_millis(5), async {
                        persister.push_with_ack(tick(next)).await
                    });
                    // neither of them accepts it
                    let Ok(pushed) = pushed.await else {
                        break;
                    };
                    last = Some(pushed.expect("the persister is open"));
                    next += 1;
                }
                sleep(Duration::from_millis(below(30))).await;
            }
            disk.set_hanging(false);
            disk.set_failing(Failing::Nothing);
            if let Some(last) = last {
                // in the database, or on the disk
                repository.set_down([None, Some(Fault::Unavailable)][below(2) as usize]);
                let durable = timeout(PLENTY, last.wait(AckLevel::Durable));
                durable
                    .await
                    .expect("in time")
                    .expect("the persister is open");
                repository.set_down(Some(Fault::Unavailable));
            }
            let report = persister.stop(PLENTY).await;
            assert_eq!(report.unsaved, [], "{mode:?}");
            // the disk may end a slow append after the database has stored the same ticks
            let (queued, spooled) = (report.stats.queued, report.spooled);
            assert!(spooled >= queued, "{mode:?}: {spooled} of {queued}");
        }
        repository.set_down(None);
        let persister = open_with(&repository, &disk, &settings).await;
        persister.flush().await.expect("the database is back");
        assert!(next > 500, "{next} ticks only");
        assert_eq!(stored(&repository).await, keys(0..next), "{mode:?}");
    }
}
