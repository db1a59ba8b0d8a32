//! Fault 50: writes and syncs that fail.

use std::collections::BTreeMap;

use super::*;
use crate::ingest::spool::database::{Block, SpoolDatabase};
use crate::ingest::spool::model::{Failing, ModelDisk};
use crate::ingest::spool::reopening_file::ReopeningFile;

const BATCHES: u64 = 8;

fn reopening_file(folder: &Path, disk: &ModelDisk) -> Result<ReopeningFile<Tick>, SpoolError> {
    let owned = OwnedDirectory::take(folder)?;
    ReopeningFile::open(owned, LARGE, Arc::new(disk.clone()))
}

fn block(number: u64) -> Block {
    let batch = batch(number * 10 - 9..=number * 10);
    Block {
        number: batch.number,
        bytes: block::encode(&batch.records, batch.accepted_at),
    }
}

/// Adds batches and removes the first ones meanwhile, and retries each until it succeeds. Checks after each
/// one that a power cut removes no batch that was reported as durable. Returns the number of failures of the
/// disk.
fn append_all(folder: &Path, disk: &ModelDisk) -> u32 {
    let mut failures = 0;
    let mut reopening_file = loop {
        match reopening_file(folder, disk) {
            Ok(reopening_file) => break reopening_file,
            Err(error) => {
                failures += 1;
                assert!(failures < 1_000, "it never opens: {error}");
            }
        }
    };
    for number in 1..=BATCHES {
        // all before the last two
        let removed = number.saturating_sub(3) * 10;
        let blocks = [block(number)];
        while let Err(error) =
            reopening_file.with_store(|store| store.commit(&blocks, removed, &[]))
        {
            assert!(matches!(error, SpoolError::Io { .. }), "{error:?}");
            failures += 1;
            assert!(failures < 1_000, "it never continues");
            std::thread::sleep(std::time::Duration::from_micros(500));
        }
        assert_survives(disk.durable(), removed, number * 10);
    }
    failures
}

/// Checks that exactly the batches of this range are in the file, unchanged.
fn assert_survives(file: Vec<u8>, removed: u64, durable: u64) {
    let folder = new_folder();
    let disk = ModelDisk::with(file);
    let opened = SpoolDatabase::<Tick>::open(folder.path(), LARGE, &disk, Arc::default());
    let read = opened.expect("it opens").read(0, u64::MAX, usize::MAX);
    let found: BTreeMap<u64, Vec<Tick>> = batches(read).into_iter().collect();
    for (number, ticks) in &found {
        let expected: Vec<Tick> = (number - 9..=*number).map(tick).collect();
        assert_eq!(*ticks, expected);
    }
    let numbers = (removed + 10..=durable).step_by(10);
    let lost: Vec<u64> = numbers
        .filter(|number| !found.contains_key(number))
        .collect();
    assert!(lost.is_empty(), "a power cut takes {lost:?}");
}

#[test]
fn fault_50_failed_operation_makes_nothing_durable() {
    let folder = new_folder();
    let whole = ModelDisk::default();
    assert_eq!(append_all(folder.path(), &whole), 0);
    let operations = whole.operations();
    assert!(operations > 50, "{operations}");
    for failing in 1..=operations {
        let disk = ModelDisk::default();
        disk.set_failing(Failing::Once(failing));
        append_all(folder.path(), &disk);
        assert!(disk.operations() >= failing, "{failing} is not reached");
        assert_eq!(
            disk.syncs_after_failure(),
            0,
            "a failed sync is tried again"
        );
    }
    println!("{operations} operations failed, one after the other");
}

#[test]
fn fault_50_unsynced_data_is_written_again() {
    let disk = ModelDisk::with(vec![1; 10_000]);
    let path = Path::new("");
    let file = disk.open(path).expect("opens");
    file.write(5_000, &[2; 5_000]).expect("written");
    disk.set_failing(Failing::Syncs);
    file.sync_data().expect_err("it fails");
    disk.set_failing(Failing::Nothing);
    let other = disk.open(path).expect("opens");
    other.sync_data().expect("it does not know");
    assert_eq!(disk.durable(), vec![1; 10_000], "the fault is injected");
    disk::rewrite(&*other).expect("written");
    assert_eq!(disk.durable(), disk.seen());
    assert_eq!(disk.durable()[5_000..], [2; 5_000]);
}

/// A block with 2,000 ticks up to number 2,000, 4,000 and so on: too large for a page.
fn large_block(nth: u64) -> Block {
    let batch = batch(nth * 2_000 - 1_999..=nth * 2_000);
    Block {
        number: batch.number,
        bytes: block::encode(&batch.records, batch.accepted_at),
    }
}

#[test]
fn fault_50_batches_after_a_failed_sync_survive() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    let mut reopening_file = reopening_file(folder.path(), &disk).expect("it opens");
    let mut commit =
        |nth| reopening_file.with_store(|store| store.commit(&[large_block(nth)], 0, &[]));
    commit(1).expect("the disk works");
    disk.set_failing(Failing::Syncs);
    commit(2).expect_err("the disk does not sync");
    // the second batch is not requested again, since the database has it by now
    disk.set_failing(Failing::Nothing);
    let mut failures = 0;
    while let Err(error) = commit(3) {
        failures += 1;
        assert!(failures < 1_000, "it never continues: {error}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }

    let after_a_power_cut = ModelDisk::with(disk.durable());
    let opened =
        SpoolDatabase::<Tick>::open(folder.path(), LARGE, &after_a_power_cut, Arc::default());
    let read = opened.expect("it opens").read(0, u64::MAX, usize::MAX);
    let found: BTreeMap<u64, Vec<Tick>> = batches(read).into_iter().collect();
    for number in [2_000, 6_000] {
        let expected: Vec<Tick> = (number - 1_999..=number).map(tick).collect();
        assert_eq!(found.get(&number), Some(&expected), "batch {number}");
    }
}
