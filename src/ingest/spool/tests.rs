use std::fs;

use chrono::DateTime;
use rust_decimal::Decimal;
use tempfile::TempDir;

use super::database::SpoolDatabase;
use super::model::ModelDisk;
use super::*;
use crate::domain::{SymbolId, Tick};

mod creation;
mod damage;
mod failing_disk;

const LARGE: u64 = 1 << 30;

fn tick(index: u64) -> Tick {
    let time = DateTime::from_timestamp_millis(1_398_902_400_000 + index as i64);
    let price = Decimal::new(138_000 + index as i64, 5);
    Tick::quote(
        SymbolId::new(7),
        time.expect("in range"),
        price,
        Decimal::TWO,
    )
}

/// The ticks of these numbers.
fn batch(numbers: std::ops::RangeInclusive<u64>) -> SpoolBatch<Tick> {
    SpoolBatch {
        number: *numbers.end(),
        records: Arc::new(numbers.map(tick).collect()),
        accepted_at: DateTime::UNIX_EPOCH,
    }
}

fn new_folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn open_at(folder: &Path) -> Spool {
    TickSpool::open(folder, LARGE).await.expect("it opens")
}

/// Creates a spool with batches of ten ticks.
async fn with_batches(folder: &Path, count: u64) {
    let spool = open_at(folder).await;
    for index in 0..count {
        let first = index * 10 + 1;
        spool
            .append(vec![batch(first..=first + 9)])
            .await
            .expect("written");
    }
    spool.close().await;
}

fn batches(found: Result<SpoolRead<Tick>, SpoolError>) -> Vec<(u64, Vec<Tick>)> {
    match found.expect("it reads") {
        SpoolRead::Batches(batches) => batches,
        other => panic!("{other:?}"),
    }
}

async fn all(spool: &Spool) -> Vec<(u64, Vec<Tick>)> {
    batches(spool.read(0, u64::MAX, usize::MAX).await)
}

#[tokio::test]
async fn batches_come_back_in_order_until_removed() {
    let folder = new_folder();
    with_batches(folder.path(), 5).await;
    let spool = open_at(folder.path()).await;
    assert_eq!(spool.found(), (0, 50));
    assert_eq!(spool.content().records, 50);
    assert_eq!(spool.content().oldest, Some(DateTime::UNIX_EPOCH));
    let read = batches(spool.read(10, 40, 15).await);
    assert_eq!(read, [(20, (11..=20).map(tick).collect::<Vec<_>>())]);
    // in the middle of a batch, which stays as a whole
    spool.remove_through(34);
    let numbers: Vec<u64> = all(&spool)
        .await
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(numbers, [40, 50]);
    spool.close().await;
    let spool = open_at(folder.path()).await;
    assert_eq!((spool.found(), spool.content().records), ((30, 50), 20));
    spool.remove_through(50);
    spool.close().await;
    let spool = open_at(folder.path()).await;
    assert_eq!(spool.content(), SpoolContent::default());
}

#[tokio::test]
async fn batch_written_again_replaces_itself() {
    let folder = new_folder();
    let spool = open_at(folder.path()).await;
    for _ in 0..3 {
        spool
            .append(vec![batch(1..=10), batch(11..=20)])
            .await
            .expect("written");
    }
    assert_eq!(spool.content().records, 20);
    assert_eq!(all(&spool).await.len(), 2);
}

#[tokio::test]
async fn space_of_removed_batches_is_used_again() {
    let folder = new_folder();
    let spool = open_at(folder.path()).await;
    for index in 0..2_000_u64 {
        let first = index * 100 + 1;
        spool
            .append(vec![batch(first..=first + 99)])
            .await
            .expect("written");
        spool.remove_through(first + 99);
    }
    let bytes = TickSpool::file_bytes(folder.path());
    assert!(bytes < 8 << 20, "{bytes} bytes for an empty spool");
}

#[tokio::test]
async fn fault_52_second_owner_is_refused() {
    let folder = new_folder();
    let first = open_at(folder.path()).await;
    first.append(vec![batch(1..=10)]).await.expect("written");
    let refused = TickSpool::open(folder.path(), LARGE)
        .await
        .expect_err("it is in use");
    let own = std::process::id();
    match &refused {
        SpoolError::Locked { pid, .. } => assert_eq!(*pid, Some(own)),
        other => panic!("{other:?}"),
    }
    assert!(refused.to_string().contains(&own.to_string()), "{refused}");
    first
        .append(vec![batch(11..=20)])
        .await
        .expect("the first one continues");
    first.close().await;
    // a file that names an earlier owner does not block a start
    fs::write(folder.path().join("owner.lock"), "1\n").expect("written");
    assert_eq!(open_at(folder.path()).await.content().records, 20);
}

fn contents(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.expect("a file"))
        .filter(|file| file.file_name() != "owner.lock")
        .map(|file| (file.file_name(), fs::read(file.path()).expect("readable")))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn fault_53_newer_format_is_refused_and_not_changed() {
    let folder = new_folder();
    with_batches(folder.path(), 3).await;
    fs::write(folder.path().join("format"), "tickbook spool format 2\n").expect("written");
    let before = contents(folder.path());
    let refused = TickSpool::open(folder.path(), LARGE)
        .await
        .expect_err("it is newer");
    assert!(
        matches!(
            refused,
            SpoolError::NewerFormat {
                found: 2,
                known: SPOOL_FORMAT,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("format 2") && refused.to_string().contains("up to 1"));
    assert_eq!(contents(folder.path()), before);
    for damage in ["", "tickbook spool format x\n", "something else"] {
        fs::write(folder.path().join("format"), damage).expect("written");
        let refused = TickSpool::open(folder.path(), LARGE)
            .await
            .expect_err("it is invalid");
        assert!(
            matches!(refused, SpoolError::Corrupted { .. }),
            "{refused:?}"
        );
    }
    fs::write(folder.path().join("format"), "tickbook spool format 1\n").expect("written");
    assert_eq!(open_at(folder.path()).await.content().records, 30);
}

#[tokio::test]
async fn fault_50_file_in_place_of_a_folder_is_reported() {
    let folder = new_folder();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let refused = TickSpool::open(&file, LARGE)
        .await
        .expect_err("it is a file");
    assert!(matches!(refused, SpoolError::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains("file"), "{refused}");
}

#[tokio::test]
async fn other_owner_is_reported_by_its_process_id() {
    let folder = new_folder();
    let spool = open_at(folder.path()).await;
    let refused = || async {
        let refused = TickSpool::open(folder.path(), LARGE).await;
        refused.expect_err("it is in use").to_string()
    };
    let by_this = refused().await;
    assert!(by_this.contains("this process"), "{by_this}");
    fs::write(folder.path().join("owner.lock"), "1\n").expect("written");
    let by_another = refused().await;
    assert!(by_another.contains("process 1"), "{by_another}");
    assert!(!by_another.contains("this process"), "{by_another}");
    spool.close().await;
}

#[tokio::test]
async fn spool_that_has_lost_its_format_is_refused() {
    let folder = new_folder();
    with_batches(folder.path(), 3).await;
    fs::remove_file(folder.path().join("format")).expect("removed");
    let before = contents(folder.path());
    let refused = TickSpool::open(folder.path(), LARGE).await;
    let refused = refused.expect_err("nobody knows what it holds");
    assert!(
        matches!(refused, SpoolError::Corrupted { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("`format`"), "{refused}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn dead_letters_fill_their_half_to_the_last_byte() {
    let letter = DeadLetter {
        at: DateTime::UNIX_EPOCH,
        record: tick(1),
        reason: DeadLetterReason::Rejected("it is none".to_owned()),
    };
    let letters = vec![letter; 4];
    let kept = |max_bytes: u64, letters: &[DeadLetter]| {
        let (folder, disk) = (new_folder(), ModelDisk::default());
        let opened = SpoolDatabase::<Tick>::open(folder.path(), max_bytes, &disk, Arc::default());
        let mut store = opened.expect("it opens");
        let kept = store.commit(&[], 0, letters).expect("written");
        (kept.letters, kept.is_full, store.content().set_aside_bytes)
    };
    let (_, _, one) = kept(LARGE, &letters[..1]);
    assert_eq!(kept(6 * one, &letters), (3, true, 3 * one));
    assert_eq!(kept(6 * one - 2, &letters), (2, true, 2 * one));
    assert_eq!(kept(6 * one, &letters[..3]), (3, false, 3 * one));
}
