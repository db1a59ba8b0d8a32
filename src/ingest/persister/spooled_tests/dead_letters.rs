//! Many dead letters, and dead letters while the disk fails.

use super::failing_disk::{is_degraded, open_on};
use super::log::Log;
use super::*;
use crate::ingest::spool::model::{Failing, ModelDisk};

/// The key of the tick with this number, with other content.
fn conflicting(index: i64) -> Tick {
    tick(index).with_ask_volume(Decimal::ONE)
}

async fn push_conflicts(persister: &TickPersister, range: std::ops::Range<i64>) {
    for index in range {
        let pushed = persister.push(conflicting(index)).await;
        pushed.expect("the persister is open");
    }
}

#[tokio::test]
async fn dead_letters_count_towards_the_spool_limit() {
    const MAX_BYTES: u64 = 1 << 20;
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    let log = Log::start();
    let spool = SpoolConfig {
        max_bytes: MAX_BYTES,
        ..settings(folder.path(), SpoolMode::WriteAhead)
    };
    let persister = open(&repository, &spool).await;
    push(&persister, 0..20_000).await;
    persister.flush().await.expect("the persister is open");
    push_conflicts(&persister, 0..20_000).await;
    push(&persister, 20_000..20_100).await;
    persister.flush().await.expect("they block no other tick");
    assert_eq!(persister.stats().inserted, 20_100);
    assert_eq!(persister.stats().conflicts, 20_000);
    let content = persister.spool_content().expect("a spool");
    assert!(content.set_aside_bytes <= MAX_BYTES / 2, "{content:?}");
    assert!(content.set_aside_bytes > MAX_BYTES / 3, "{content:?}");
    let in_log = log.count("a dead letter is not on the disk") as u64;
    assert_eq!(
        content.dead_letters + in_log,
        20_000,
        "each is in the spool or in the log"
    );
    let reason = format!("{:?}", persister.health());
    assert!(reason.contains("spool.max_bytes"), "{reason}");
    persister.stop(PLENTY).await;
    let file = TickSpool::file_bytes(folder.path());
    assert!(file <= 2 * MAX_BYTES + (1 << 20), "{file} bytes");

    // the next start counts the same, and so does a spool that was emptied
    let opened = TickSpool::open(folder.path(), MAX_BYTES)
        .await
        .expect("it opens");
    assert_eq!(opened.content().set_aside_bytes, content.set_aside_bytes);
    let letters = opened.dead_letters().await.expect("it reads");
    let numbers = letters.iter().map(|it| it.number).collect();
    let discarded = opened.discard_dead_letters(numbers).await;
    discarded.expect("it writes");
    assert_eq!(opened.content().set_aside_bytes, 0);
}

#[tokio::test]
async fn dead_letters_beside_a_failing_disk_are_logged_once() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let log = Log::start();
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    push(&persister, 0..2_000).await;
    persister.flush().await.expect("the persister is open");
    disk.set_failing(Failing::Syncs);
    for start in [0, 500, 1_000, 1_500] {
        push_conflicts(&persister, start..start + 500).await;
        persister.flush().await.expect("the database works");
    }
    assert_eq!(log.count("a dead letter is not on the disk"), 2_000);
    assert!(is_degraded(&persister), "{:?}", persister.health());
    assert_eq!(persister.stats().conflicts, 2_000);

    // they stay until the disk works
    disk.set_failing(Failing::Nothing);
    until("the disk works", || {
        persister.health() == PersisterHealth::Up || !is_degraded(&persister)
    })
    .await;
    push(&persister, 2_000..2_001).await;
    persister.flush().await.expect("the persister is open");
    let letters = || {
        persister
            .spool_content()
            .map(|content| content.dead_letters)
    };
    until("all are on the disk", || letters() == Some(2_000)).await;
    assert_eq!(log.count("a dead letter is not on the disk"), 2_000);
    until("up", || persister.health() == PersisterHealth::Up).await;
}

#[tokio::test]
async fn dead_letters_beside_a_failing_disk_are_limited() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let log = Log::start();
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    push(&persister, 0..12_000).await;
    persister.flush().await.expect("the persister is open");
    disk.set_failing(Failing::Syncs);
    push_conflicts(&persister, 0..12_000).await;
    persister.flush().await.expect("the database works");
    assert_eq!(log.count("a dead letter is not on the disk"), 12_000);
    disk.set_failing(Failing::Nothing);
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved, []);
    let content = persister.spool_content().expect("a spool");
    // the oldest are retained, since the log may no longer have them
    assert_eq!(content.dead_letters, 10_000);
}

#[tokio::test]
async fn dead_letters_beside_a_hanging_disk_delay_no_tick() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let log = Log::start();
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    push(&persister, 0..1_000).await;
    persister.flush().await.expect("the persister is open");
    disk.set_hanging(true);
    push_conflicts(&persister, 0..1_000).await;
    push(&persister, 1_000..3_000).await;
    let flushed = timeout(PLENTY, persister.flush()).await;
    flushed.expect("in time").expect("the database works");
    assert_eq!(persister.stats().inserted, 3_000);
    assert_eq!(log.count("a dead letter is not on the disk"), 1_000);
    disk.set_hanging(false);
    push(&persister, 3_000..3_001).await;
    let letters = || {
        persister
            .spool_content()
            .map(|content| content.dead_letters)
    };
    until("they are on the disk", || {
        letters().is_some_and(|letters| letters > 0)
    })
    .await;
    persister.stop(PLENTY).await;
    assert_eq!(letters(), Some(1_000), "each once");
}
