//! Faults 47 and 48: a file that was cut off at every byte, and one with a flipped bit in every byte with
//! content.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::ingest::spool::database::{Block, SpoolDatabase};
use crate::ingest::spool::model::ModelDisk;

/// The result of opening a damaged file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Outcome {
    Refused,
    /// The batches that were still there, and the number of those set aside.
    Opened(Vec<u64>, u64),
}

/// Creates three batches of ten ticks. Returns the file and the positions that the last batch changed.
fn file_of_three() -> (Vec<u8>, Vec<usize>) {
    let folder = new_folder();
    let disk = ModelDisk::default();
    let mut store =
        SpoolDatabase::<Tick>::open(folder.path(), LARGE, &disk, Arc::default()).expect("it opens");
    let mut before = Vec::new();
    for first in [1, 11, 21] {
        before = disk.seen();
        let batch = batch(first..=first + 9);
        let block = Block {
            number: batch.number,
            bytes: block::encode(&batch.records, batch.accepted_at),
        };
        store.commit(&[block], 0, &[]).expect("written");
    }
    let after = disk.seen();
    // as a killed process leaves it
    std::mem::forget(store);
    let changed = (0..after.len())
        .filter(|place| before.get(*place) != Some(&after[*place]))
        .collect();
    (after, changed)
}

/// Opens the file and checks that every tick in it was written at its position.
fn open(folder: &Path, file: Vec<u8>) -> Outcome {
    let disk = ModelDisk::with(file);
    // as the spool handles panics that only damage can cause
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut store = SpoolDatabase::<Tick>::open(folder, LARGE, &disk, Arc::default())?;
        let read = batches(Ok(store.read(0, u64::MAX, usize::MAX)?));
        Ok((read, store.content().damaged_batches))
    }));
    match opened {
        Err(_) | Ok(Err(SpoolError::Corrupted { .. })) => Outcome::Refused,
        Ok(Err(other)) => panic!("damage is reported as damage: {other:?}"),
        Ok(Ok((read, damaged_batches))) => {
            for (number, ticks) in &read {
                let expected: Vec<Tick> = (number - 9..=*number).map(tick).collect();
                assert!(
                    [10, 20, 30].contains(number),
                    "a batch that was never written"
                );
                assert_eq!(*ticks, expected, "a wrong tick");
            }
            let numbers = read.into_iter().map(|(number, _)| number).collect();
            Outcome::Opened(numbers, damaged_batches)
        }
    }
}

/// Whether to run the long tests.
fn is_thorough() -> bool {
    std::env::var("TICKBOOK_FAULTS").is_ok_and(|wanted| wanted == "all")
}

#[test]
fn fault_47_truncated_file_gives_no_wrong_tick() {
    let folder = new_folder();
    let (file, changed) = file_of_three();
    let whole = Outcome::Opened(vec![10, 20, 30], 0);
    assert_eq!(open(folder.path(), file.clone()), whole);
    let mut lengths: BTreeSet<usize> = changed.into_iter().collect();
    // and some everywhere else
    lengths.extend((1..file.len()).step_by(211));
    for length in &lengths {
        let outcome = open(folder.path(), file[..*length].to_vec());
        assert_eq!(outcome, Outcome::Refused, "cut off at {length}");
    }
    // an empty file is a new one
    let empty = open(folder.path(), Vec::new());
    assert_eq!(empty, Outcome::Opened(Vec::new(), 0));
    println!("cut off at {} places, each refused", lengths.len());
}

#[test]
fn fault_48_flipped_bit_anywhere_gives_no_wrong_tick() {
    let folder = new_folder();
    let (file, _) = file_of_three();
    let used: Vec<usize> = (0..file.len()).filter(|place| file[*place] != 0).collect();
    let step = if is_thorough() { 1 } else { 37 };
    let mut outcomes = BTreeMap::new();
    for (round, place) in used.iter().step_by(step).enumerate() {
        let mut flipped = file.clone();
        flipped[*place] ^= 1 << (round % 8);
        let outcome = open(folder.path(), flipped);
        if let Outcome::Opened(numbers, _) = &outcome {
            assert!([10, 20, 30].starts_with(numbers), "{place}: {outcome:?}");
        }
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    println!("{outcomes:?}");
    assert!(outcomes.len() > 1, "no damage was noticed");
}

fn store_on(folder: &Path, disk: &ModelDisk) -> SpoolDatabase<Tick> {
    SpoolDatabase::<Tick>::open(folder, LARGE, disk, Arc::default()).expect("it opens")
}

#[test]
fn damaged_batches_do_not_overwrite_each_other() {
    let (folder, disk) = (new_folder(), ModelDisk::default());
    for round in 1..=3 {
        let mut store = store_on(folder.path(), &disk);
        assert_eq!(store.content().damaged_batches, round - 1);
        // the numbers of an empty spool start again
        let bytes = vec![round as u8; 100];
        let written = store.commit(&[Block { number: 10, bytes }], 0, &[]);
        written.expect("written");
    }
    let store = store_on(folder.path(), &disk);
    assert_eq!(store.content().damaged_batches, 3);
    assert_eq!(store.content().set_aside_bytes, 3 * 4096);
}

#[test]
fn batches_lost_in_a_closed_file_are_reported() {
    let folder = new_folder();
    let (disk, other) = (ModelDisk::default(), ModelDisk::default());
    let block = |first: u64| Block {
        number: first + 9,
        bytes: block::encode(&batch(first..=first + 9).records, DateTime::UNIX_EPOCH),
    };
    let mut before = store_on(folder.path(), &disk);
    let all = [block(1), block(11), block(21)];
    before.commit(&all, 0, &[]).expect("written");
    let mut after = store_on(folder.path(), &other);
    after.commit(&all[..1], 0, &[]).expect("written");
    after.compare(&before.known());
    let read = after.read(0, 30, usize::MAX).expect("it reads");
    assert_eq!(batches(Ok(read))[0].0, 10);
    for (read_through, number) in [(10, 20), (20, 30)] {
        let read = after.read(read_through, 30, usize::MAX);
        let lost = SpoolRead::Damaged {
            number,
            records: 10,
        };
        assert_eq!(read.expect("it reads"), lost);
    }
}
