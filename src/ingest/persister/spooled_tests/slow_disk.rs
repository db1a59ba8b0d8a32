//! A stop while the disk is busy with the spool's file.

use super::failing_disk::open_on;
use super::*;
use crate::ingest::spool::model::ModelDisk;

/// A persister with ten ticks on the disk and no database.
async fn persister_on(disk: &ModelDisk, folder: &Path) -> TickPersister {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = open_on(&repository, disk, folder, OnFull::Block).await;
    push(&persister, 0..9).await;
    let last = persister.push_with(tick(9), AckLevel::Durable).await;
    last.expect("the disk works");
    persister
}

#[tokio::test]
async fn stop_waits_for_the_disk_up_to_its_limit() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let persister = persister_on(&disk, folder.path()).await;
    disk.set_busy(true);
    let freed = disk.clone();
    let busy_for = Duration::from_millis(2_500);
    let begun = Instant::now();
    let ending = tokio::spawn(async move {
        sleep(busy_for).await;
        freed.set_busy(false);
    });
    let report = persister.stop(PLENTY).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 10));
    let took = begun.elapsed();
    assert!(took >= busy_for && took < PLENTY, "{took:?}");
    // the spool is free immediately
    let opened = TickSpool::open_on(folder.path(), 1 << 30, Arc::new(disk.clone())).await;
    assert_eq!(opened.expect("it is closed").content().records, 10);
    ending.await.expect("no panic");
}

#[tokio::test]
async fn closing_spool_is_locked_by_this_process() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let persister = persister_on(&disk, folder.path()).await;
    disk.set_busy(true);
    // it ends while the disk is still busy
    let report = timeout(PLENTY, persister.stop(Duration::ZERO)).await;
    let report = report.expect("it does not wait for the disk");
    assert_eq!((report.unsaved.len(), report.spooled), (0, 10));
    let open = async || TickSpool::open_on(folder.path(), 1 << 30, Arc::new(disk.clone())).await;
    let refused = open().await.expect_err("its file is not closed");
    let own = Some(std::process::id());
    assert!(
        matches!(refused, SpoolError::Locked { pid, .. } if pid == own),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("this process") && text.contains("still closing"),
        "{text}"
    );
    disk.set_busy(false);
    let deadline = Instant::now() + PLENTY;
    let spool = loop {
        match open().await {
            Ok(spool) => break spool,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(spool.content().records, 10);
}
