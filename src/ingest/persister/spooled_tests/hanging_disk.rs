//! Fault 50 with a disk that hangs: its operations neither succeed nor fail.

use super::failing_disk::{is_degraded, open_on, open_with, push_until_refused};
use super::log::Log;
use super::*;
use crate::ingest::persister::spooler::PATIENCE;
use crate::ingest::spool::model::ModelDisk;

#[tokio::test]
async fn fault_50_hanging_disk_keeps_the_database_open() {
    for mode in [SpoolMode::WriteAhead, SpoolMode::OnFailure] {
        let (folder, disk) = (new_folder(), ModelDisk::default());
        let repository = Arc::new(FaultyRepository::default());
        let log = Log::start();
        let spool = SpoolConfig {
            on_full: OnFull::Error,
            ..settings(folder.path(), mode)
        };
        let persister = open_with(&repository, &disk, &spool).await;
        disk.set_hanging(true);
        if mode == SpoolMode::OnFailure {
            repository.fail_with([Fault::Unavailable]);
        }
        push(&persister, 0..500).await;
        until("it hangs", || disk.hanging() > 0).await;
        let stored_all = timeout(PLENTY, persister.flush()).await;
        stored_all.expect("in time").expect("the database works");
        assert_eq!(stored(&repository).await, keys(0..500));
        until("degraded", || is_degraded(&persister)).await;
        let reported = log.count("ticks are not on the disk");
        assert_eq!(reported, 1, "once for as long as it lasts");
        let reason = format!("{:?}", persister.health());
        assert!(reason.contains("not responded"), "{reason}");

        // both fail: memory fills up
        repository.set_down(Some(Fault::Unavailable));
        let (last, refused) = push_until_refused(&persister, 500, OnFull::Error).await;
        assert!((1_000..=1_500).contains(&(refused - 500)), "{refused}");
        assert_eq!(persister.health(), PersisterHealth::Saturated);
        let last = last.expect("memory has space");
        assert_eq!(last.level(), AckLevel::Accepted);

        // the disk responds, and everything is on it
        disk.set_hanging(false);
        let durable = timeout(PLENTY, last.wait(AckLevel::Durable)).await;
        durable.expect("in time").expect("the disk works");
        repository.set_down(None);
        persister.flush().await.expect("the database is back");
        assert_eq!(stored(&repository).await, keys(0..refused));
        until("up", || persister.health() == PersisterHealth::Up).await;
        let report = persister.stop(PLENTY).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    }
}

#[tokio::test]
async fn stop_beside_a_hanging_disk_ends_in_time() {
    for fault in [None, Some(Fault::Unavailable)] {
        let (folder, disk) = (new_folder(), ModelDisk::default());
        let repository = Arc::new(FaultyRepository::default());
        let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
        disk.set_hanging(true);
        push(&persister, 0..10).await;
        until("it hangs", || disk.hanging() > 0).await;
        repository.set_down(fault);
        let begun = Instant::now();
        let patience = PATIENCE + Duration::from_secs(1);
        let report = persister.stop(patience).await;
        let took = begun.elapsed();
        assert!(took < patience * 2, "{fault:?}: {took:?}");
        let unsaved: Vec<TickKey> = report.unsaved.iter().map(Tick::key).collect();
        let left = if fault.is_some() { 10 } else { 0 };
        assert_eq!(unsaved, keys(0..left));
        disk.set_hanging(false);
    }
}

#[tokio::test]
async fn hanging_read_is_reported_and_a_stop_ends_in_time() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    push(&persister, 0..2_999).await;
    let last = persister.push_with(tick(2_999), AckLevel::Durable).await;
    last.expect("the disk works");
    disk.set_hanging(true);
    repository.set_down(None);
    until("degraded", || {
        format!("{:?}", persister.health()).contains("not responded")
    })
    .await;
    let begun = Instant::now();
    let report = persister.stop(Duration::from_secs(1)).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(report.unsaved, []);
    disk.set_hanging(false);
}
