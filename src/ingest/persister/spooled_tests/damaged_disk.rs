//! Fault 48 in the persister: batches that are damaged after they were written.

use super::failing_disk::open_on;
use super::*;
use crate::ingest::spool::model::ModelDisk;

#[tokio::test]
async fn fault_48_drain_ends_after_a_damaged_batch() {
    for damaged in [5_950, 3_050] {
        let (folder, disk) = (new_folder(), ModelDisk::uncached());
        let repository = Arc::new(FaultyRepository::default());
        repository.set_down(Some(Fault::Unavailable));
        let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
        for start in (0..6_000).step_by(100) {
            push(&persister, start..start + 99).await;
            let last = persister.push_with(tick(start + 99), AckLevel::Durable);
            last.await.expect("the disk works");
        }
        disk.damage(&tick(damaged - 1), &tick(damaged));
        repository.set_down(None);
        let drained = persister.drain(PLENTY).await;
        assert_eq!(drained, Ok(()), "{damaged}: {:?}", persister.stats());
        let found = stored(&repository).await;
        let expected: Vec<TickKey> = keys(0..6_000)
            .into_iter()
            .filter(|key| found.contains(key))
            .collect();
        assert_eq!(found, expected);
        let stats = persister.stats();
        assert_eq!(stats.damaged, 6_000 - found.len() as u64);
        assert_eq!((stats.damaged, stats.queued), (100, 0));
        let content = persister.spool_content().expect("a spool");
        assert_eq!(content.damaged_batches, 1);
        let report = persister.stop(PLENTY).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    }
}
