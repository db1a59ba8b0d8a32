//! Fault 50 in the persister: a failing disk does not delay writes to the database.

use super::log::Log;
use super::*;
use crate::ingest::spool::model::{Failing, ModelDisk};

pub(super) async fn open_on(
    repository: &Arc<FaultyRepository>,
    disk: &ModelDisk,
    folder: &Path,
    on_full: OnFull,
) -> TickPersister {
    let spool = SpoolConfig {
        on_full,
        ..settings(folder, SpoolMode::WriteAhead)
    };
    open_with(repository, disk, &spool).await
}

pub(super) async fn open_with(
    repository: &Arc<FaultyRepository>,
    disk: &ModelDisk,
    settings: &SpoolConfig,
) -> TickPersister {
    let repository = Arc::clone(repository) as Arc<dyn TickRepository>;
    let disk = Arc::new(disk.clone());
    let spool = TickSpool::open_on(&settings.directory, settings.max_bytes, disk).await;
    let spool = Some(spool.expect("it opens"));
    let shared = Shared::new(
        config(),
        Clock::system(),
        spool,
        settings.mode,
        settings.on_full,
    );
    TickPersister::begin(Tick::store(repository), shared)
}

async fn push_patiently(persister: &TickPersister, range: std::ops::Range<i64>) {
    for index in range {
        let begun = Instant::now();
        while let Err(error) = persister.push(tick(index)).await {
            assert_eq!(error, PushError::SpoolFull);
            assert!(begun.elapsed() < PLENTY, "there is no space again");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Pushes from `first` on until there is no space. Returns the acknowledgement of the last tick, and the
/// number of the first one that was refused.
pub(super) async fn push_until_refused(
    persister: &TickPersister,
    first: i64,
    on_full: OnFull,
) -> (Option<Ack>, i64) {
    let mut last = None;
    for index in first.. {
        let pushing = persister.push_with_ack(tick(index));
        match (timeout(Duration::from_secs(1), pushing).await, on_full) {
            (Ok(Ok(ack)), _) => last = Some(ack),
            (Ok(Err(PushError::SpoolFull)), OnFull::Error) | (Err(_), OnFull::Block) => {
                return (last, index);
            }
            (other, _) => panic!("{on_full:?}: {other:?}"),
        }
    }
    (last, first)
}

pub(super) fn is_degraded(persister: &TickPersister) -> bool {
    matches!(persister.health(), PersisterHealth::Degraded { .. })
}

#[tokio::test]
async fn fault_50_failing_disk_keeps_the_database_open() {
    for failing in [Failing::Syncs, Failing::Writes] {
        for on_full in [OnFull::Block, OnFull::Error] {
            let (folder, disk) = (new_folder(), ModelDisk::default());
            let repository = Arc::new(FaultyRepository::default());
            let persister = open_on(&repository, &disk, folder.path(), on_full).await;
            let first = persister.push_with(tick(0), AckLevel::Durable).await;
            first.expect("the disk works");

            disk.set_failing(failing);
            push_patiently(&persister, 1..3_000).await;
            persister.flush().await.expect("the database works");
            assert_eq!(stored(&repository).await, keys(0..3_000));
            assert!(is_degraded(&persister), "{:?}", persister.health());

            // both fail: memory fills up, and nothing is durable
            repository.set_down(Some(Fault::Unavailable));
            let (last, refused) = push_until_refused(&persister, 3_000, on_full).await;
            // the queue, and the writer's batches in progress
            assert!((1_000..=1_500).contains(&(refused - 3_000)), "{refused}");
            assert_eq!(persister.health(), PersisterHealth::Saturated);
            let last = last.expect("memory has space");
            let durable = timeout(Duration::from_millis(300), last.wait(AckLevel::Durable));
            assert!(durable.await.is_err(), "nothing is on the disk");
            assert_eq!(last.level(), AckLevel::Accepted);

            // the database alone stores all of them
            repository.set_down(None);
            persister.flush().await.expect("the database is back");
            assert_eq!(last.level(), AckLevel::Committed);
            assert_eq!(stored(&repository).await, keys(0..refused));

            // the disk works again, and now the database is unavailable
            disk.set_failing(Failing::Nothing);
            repository.set_down(Some(Fault::Unavailable));
            let durable = timeout(PLENTY, async {
                push_patiently(&persister, refused..refused + 100).await;
                let ack = persister.push_with_ack(tick(refused + 100)).await;
                ack.expect("there is space").wait(AckLevel::Durable).await
            });
            durable.await.expect("in time").expect("the disk works");
            let after_a_power_cut = ModelDisk::with(disk.durable());
            let report = persister.stop(Duration::from_secs(5)).await;
            assert_eq!(report.unsaved, vec![]);
            assert_eq!(disk.syncs_after_failure(), 0);

            repository.set_down(None);
            let persister = open_on(&repository, &after_a_power_cut, folder.path(), on_full).await;
            persister.flush().await.expect("the database is back");
            assert_eq!(stored(&repository).await, keys(0..refused + 101));
            assert_eq!(persister.health(), PersisterHealth::Up);
            assert_eq!(persister.stop(PLENTY).await.spooled, 0);
        }
    }
}

#[tokio::test]
async fn fault_50_dead_letters_wait_for_a_disk_that_fails() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    push_patiently(&persister, 0..10).await;
    persister.flush().await.expect("the database works");

    disk.set_failing(Failing::Writes);
    let other = |index| tick(index).with_ask_volume(Decimal::ONE);
    for index in [3, 4] {
        persister
            .push(other(index))
            .await
            .expect("memory has space");
        persister.flush().await.expect("the database works");
    }
    assert_eq!(persister.stats().conflicts, 2);
    let on_disk = || persister.spool_content().map(|it| it.dead_letters);
    assert_eq!(on_disk(), Some(0), "the disk takes nothing");

    // the dead letters are written together with the removal of the next stored tick
    disk.set_failing(Failing::Nothing);
    let deadline = Instant::now() + PLENTY;
    for index in 10.. {
        push_patiently(&persister, index..index + 1).await;
        persister.flush().await.expect("the database works");
        if on_disk() == Some(2) {
            break;
        }
        assert!(Instant::now() < deadline, "{:?} dead letters", on_disk());
        sleep(Duration::from_millis(1)).await;
    }
    persister.stop(PLENTY).await;
    let after_a_power_cut = Arc::new(ModelDisk::with(disk.durable()));
    let spool = TickSpool::open_on(folder.path(), 1 << 30, after_a_power_cut).await;
    let letters = spool.expect("it opens").dead_letters().await;
    let mut ticks: Vec<Tick> = letters
        .expect("it reads")
        .into_iter()
        .map(|it| it.letter.record)
        .collect();
    ticks.sort_unstable_by_key(Tick::key);
    assert_eq!(ticks, [other(3), other(4)]);
}

#[tokio::test]
async fn health_is_up_once_the_disk_works_again() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    disk.set_failing(Failing::Syncs);
    push(&persister, 0..10).await;
    persister.flush().await.expect("the database works");
    assert!(is_degraded(&persister), "{:?}", persister.health());
    // no further tick is needed
    disk.set_failing(Failing::Nothing);
    until("up", || persister.health() == PersisterHealth::Up).await;
}

#[tokio::test]
async fn memory_is_free_once_the_disk_works_again() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Error).await;
    disk.set_failing(Failing::Syncs);
    let (_, refused) = push_until_refused(&persister, 0, OnFull::Error).await;
    disk.set_failing(Failing::Nothing);
    // the database is still unavailable
    push_patiently(&persister, refused..refused + 2_000).await;
    repository.set_down(None);
    persister.flush().await.expect("the database is back");
    assert_eq!(stored(&repository).await, keys(0..refused + 2_000));
}

#[tokio::test]
async fn spooler_that_dies_ends_the_persister() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let _log = Log::panicking_at(Some("ticks are not on the disk"));
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    disk.set_failing(Failing::Syncs);
    let ack = persister
        .push_with_ack(tick(0))
        .await
        .expect("the persister is open");
    let ended = timeout(PLENTY, persister.ended()).await;
    ended.expect("a dead task blocks no caller");
    let durable = ack.wait(AckLevel::Durable).await;
    assert_eq!(durable, Err(PersisterClosed));
    assert_eq!(persister.push(tick(1)).await, Err(PushError::Closed));
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved, [tick(0)]);
}

#[tokio::test]
async fn disk_that_fails_is_not_tried_with_every_tick() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let repository = Arc::new(FaultyRepository::default());
    let persister = open_on(&repository, &disk, folder.path(), OnFull::Block).await;
    disk.set_failing(Failing::Syncs);
    let begun = Instant::now();
    for index in 0..300 {
        push(&persister, index..index + 1).await;
        persister.flush().await.expect("the database works");
    }
    let failures = disk.failures();
    // a pause of 250 ms follows each attempt, which finds some operations failing
    let tries = 1 + begun.elapsed().as_millis() as u64 / 250;
    assert!((1..=4 * tries).contains(&failures), "{failures} of {tries}");
}
