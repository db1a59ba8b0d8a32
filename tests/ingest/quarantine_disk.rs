//! Tests of quarantined ticks while the disk is full or refuses writes. They mount a file system, which
//! requires root; otherwise they are skipped.
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::alone::{is_alone, this_test};
use crate::support::quarantined_ticks::{Away, held_back, numbers, open};
use crate::support::spooling::small_disk::SmallDisk;
use tickbook::domain::Tick;
use tickbook::ingest::quality::{Quarantine, QuarantineReport};
use tickbook::repository::QuarantineRepository;

const PLENTY: Duration = Duration::from_secs(60);
/// A time in which the disk completes any operation.
const REFUSED: Duration = Duration::from_secs(1);
/// The number of ticks that wait in memory, including the ticks that are being written.
const PLACES: std::ops::RangeInclusive<i64> = 100_000..=102_000;

async fn keep(quarantine: &Quarantine, numbers: std::ops::Range<i64>) {
    for index in numbers {
        quarantine.push(held_back(index)).await.expect("it is open");
    }
}

/// A quarantine with five hundred ticks on the disk, while the database is unavailable.
async fn with_five_hundred(
    disk: &SmallDisk,
) -> (Arc<Away>, Arc<dyn QuarantineRepository<Tick>>, Quarantine) {
    let away = Arc::new(Away::default());
    let repository = Arc::clone(&away) as Arc<dyn QuarantineRepository<Tick>>;
    let quarantine = open(&repository, &disk.spool()).await.expect("it opens");
    keep(&quarantine, 0..500).await;
    wait_until("they are on the disk", || quarantine.on_disk() == 500).await;
    (away, repository, quarantine)
}

async fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PLENTY, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The CPU time of the threads with this name, in hundredths of a second.
fn work_of(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a /proc");
    let stats = tasks.flatten().filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let number = |field: &str| field.parse::<u64>().ok();
        before
            .ends_with(name)
            .then_some(number(fields[11])? + number(fields[12])?)
    });
    stats.sum()
}

#[tokio::test]
async fn fault_49_ticks_wait_in_memory_on_a_full_disk() {
    if !is_alone() {
        return;
    }
    let Some(disk) = SmallDisk::mount("16m") else {
        suite::skip("a full disk wants the right to mount one");
        return;
    };
    let (away, repository, quarantine) = with_five_hundred(&disk).await;
    let ballast = disk.fill();
    // fill the memory
    let mut next = 500;
    loop {
        let keeping = quarantine.push(held_back(next));
        match tokio::time::timeout(REFUSED, keeping).await {
            Ok(kept) => kept.expect("it is open"),
            Err(_) => break,
        }
        next += 1;
    }
    assert!(PLACES.contains(&next), "{next} were taken");
    // the name of a thread has at most 15 bytes
    let test = this_test();
    let own = &test[..15];
    // the threads of the spool and of the test must pause between attempts on the disk and the database
    let work = || work_of("quarantine") + work_of(own);
    let before = work();
    assert!(before > 0, "the threads have names");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let worked = work() - before;
    assert!(worked < 100, "{worked} hundredths of two seconds");

    // ticks reach the database regardless of the disk
    away.set_there(true);
    keep(&quarantine, next..next + 1_000).await;
    let next = next + 1_000;
    wait_until("what is in memory is put", || quarantine.waiting() <= 500).await;
    std::fs::remove_file(ballast).expect("removed");
    wait_until("what is on the disk is put", || quarantine.waiting() == 0).await;

    // the disk works again
    away.set_there(false);
    keep(&quarantine, next..next + 500).await;
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(500, 0));
    away.set_there(true);
    let quarantine = open(&repository, &disk.spool()).await.expect("it opens");
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(0, 0));
    let kept = numbers(&*away).await;
    assert_eq!(kept, (0..next + 500).collect::<Vec<_>>());
}

#[tokio::test]
async fn fault_49_stop_on_a_full_disk_reports_lost_ticks() {
    let Some(disk) = SmallDisk::mount("16m") else {
        suite::skip("a full disk wants the right to mount one");
        return;
    };
    let (away, repository, quarantine) = with_five_hundred(&disk).await;
    let ballast = disk.fill();
    keep(&quarantine, 500..20_000).await;
    let report = quarantine.stop(Duration::from_secs(1)).await;
    let (on_disk, lost) = (report.spooled, report.lost);
    assert_eq!(on_disk + lost, 20_000);
    assert!(lost > 0 && on_disk >= 500, "{on_disk}, {lost}");
    std::fs::remove_file(ballast).expect("removed");
    away.set_there(true);
    let quarantine = open(&repository, &disk.spool()).await.expect("it opens");
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(0, 0));
    let kept = numbers(&*away).await;
    assert_eq!(kept, (0..on_disk as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn fault_50_read_only_quarantine_file_is_refused() {
    let Some(disk) = SmallDisk::mount("16m") else {
        suite::skip("a disk that refuses writes wants the right to mount one");
        return;
    };
    let (away, repository, quarantine) = with_five_hundred(&disk).await;
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(500, 0));
    assert!(disk.remount("ro"), "it can be made read-only");
    let folder = disk.spool().join("quarantine");
    let file = folder.join("spool.redb");
    let before = std::fs::read(&file).expect("readable");
    let refused = open(&repository, &disk.spool())
        .await
        .expect_err("read-only");
    let text = refused.to_string();
    assert!(text.contains(&folder.display().to_string()), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    assert_eq!(std::fs::read(&file).expect("readable"), before);
    assert!(disk.remount("rw"), "it can be made writable");
    away.set_there(true);
    let quarantine = open(&repository, &disk.spool()).await.expect("it opens");
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(0, 0));
    assert_eq!(numbers(&*away).await, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn fault_51_partial_quarantine_file_is_created_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let away = Arc::new(Away::default());
    let repository = Arc::clone(&away) as Arc<dyn QuarantineRepository<Tick>>;
    let path: &Path = folder.path();
    // the first bytes of a file are written last
    let quarantine = open(&repository, path).await.expect("it opens");
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(0, 0));
    for length in [0, 4_096, 1_000_000] {
        let file = std::fs::File::create(path.join("quarantine").join("spool.redb"));
        file.expect("made").set_len(length).expect("set");
        let quarantine = open(&repository, path).await.expect("it is made again");
        keep(&quarantine, 0..10).await;
        assert_eq!(
            quarantine.stop(PLENTY).await,
            QuarantineReport::new(10, 0),
            "{length}"
        );
    }
    away.set_there(true);
    let quarantine = open(&repository, path).await.expect("it opens");
    let second = open(&repository, path).await.expect_err("it is in use");
    assert!(
        second.to_string().contains("in use by this process"),
        "{second}"
    );
    assert_eq!(quarantine.stop(PLENTY).await, QuarantineReport::new(0, 0));
    assert_eq!(numbers(&*away).await, (0..10).collect::<Vec<_>>());
}
