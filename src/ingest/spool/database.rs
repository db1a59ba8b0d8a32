//! The file of the spool: batches by number, dead letters, and damaged batches. Every call blocks.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use redb::{Database, Durability, TableDefinition};

use super::block;
use super::dead_letter::DeadLetter;
use super::disk::{self, Disk};
use super::error::{SpoolError, storage_error};
use crate::ingest::record::Record;
use crate::metrics::ingest::{DAMAGED_BATCHES, FSYNC_TIME};

/// Batches by the number of their last record.
const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");
const DEAD_LETTERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead_letters");
/// The bytes of damaged batches, in the order in which they were found. They are not stored by the number
/// of the batch, since these numbers start again in an empty spool.
const DAMAGED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("quarantine");

const PAGE: u64 = 4096;
/// The overhead of a row in a shared page: its number, its position, and its share of free space.
const LETTER_OVERHEAD: u64 = 32;

/// The properties of a batch that are known without reading it.
#[derive(Debug, Clone, Copy)]
struct BatchEntry {
    records: u64,
    bytes: u64,
    accepted_at: DateTime<Utc>,
}

/// An encoded batch.
#[derive(Debug)]
pub(super) struct Block {
    /// The number of its last record.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

/// The content of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SpoolContent {
    /// Records that are not in the database yet.
    pub records: u64,
    /// Their size on the disk, rounded up as in the file.
    pub bytes: u64,
    /// The acceptance time of the oldest record.
    pub oldest: Option<DateTime<Utc>>,
    /// The number of dead letters.
    pub dead_letters: u64,
    /// The approximate size of dead letters and damaged batches on the disk. It counts towards the maximum
    /// size of the spool, of which dead letters may use half.
    pub set_aside_bytes: u64,
    /// The number of damaged batches that were set aside.
    pub damaged_batches: u64,
}

/// The result of adding dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::ingest) struct StoredLetters {
    /// The number of dead letters on the disk, from the first on.
    pub(in crate::ingest) letters: usize,
    /// Whether the others exceed the share of dead letters.
    pub(in crate::ingest) is_full: bool,
}

/// Batches by number, with the number of records of each.
#[derive(Debug)]
pub(super) struct KnownBatches {
    batches: BTreeMap<u64, u64>,
    lost: BTreeMap<u64, u64>,
}

mod reading;

pub(in crate::ingest) use self::reading::SpoolRead;

#[derive(Debug)]
pub(super) struct SpoolDatabase<R: Record> {
    directory: PathBuf,
    max_bytes: u64,
    database: Database,
    index: BTreeMap<u64, BatchEntry>,
    content: SpoolContent,
    dead_letter_bytes: u64,
    next_dead_letter: u64,
    next_damaged: u64,
    /// Batches that were in the file before and are missing now, by number, with the number of records of
    /// each.
    lost: BTreeMap<u64, u64>,
    kind: PhantomData<fn() -> R>,
}

impl<R: Record> SpoolDatabase<R> {
    /// Opens or creates the file and checks every batch in it. A later sync that fails sets `sync_failed`.
    pub(super) fn open(
        directory: &Path,
        max_bytes: u64,
        disk: &dyn Disk,
        sync_failed: Arc<AtomicBool>,
    ) -> Result<Self, SpoolError> {
        let mut store = Self {
            directory: directory.to_owned(),
            max_bytes,
            database: disk::open_database(directory, disk, sync_failed)?,
            index: BTreeMap::new(),
            content: SpoolContent::default(),
            dead_letter_bytes: 0,
            next_dead_letter: 0,
            next_damaged: 0,
            lost: BTreeMap::new(),
            kind: PhantomData,
        };
        // initialize to 0, so that rate() sees the first increment
        metrics::counter!(DAMAGED_BATCHES).increment(0);
        store.load()?;
        Ok(store)
    }

    pub(super) fn content(&self) -> SpoolContent {
        SpoolContent {
            oldest: self.index.values().next().map(|entry| entry.accepted_at),
            ..self.content
        }
    }

    /// The number of the oldest batch and the number of its records.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        let (number, entry) = self.index.first_key_value()?;
        Some((*number, entry.records))
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.index.last_key_value().map(|(number, _)| *number)
    }

    /// Whether there is space for `bytes` after the removal of all batches up to `through`.
    pub(super) fn has_room(&self, through: u64, bytes: u64) -> bool {
        let freed: u64 = self
            .index
            .range(..=through)
            .map(|(_, entry)| entry.bytes)
            .sum();
        self.content.bytes - freed + self.content.set_aside_bytes + bytes <= self.max_bytes
    }

    /// The number of dead letters that have space after the removal of all batches up to `through`, and
    /// whether they exceed their share.
    fn letters_that_fit(
        &self,
        letters: &[Vec<u8>],
        through: u64,
        blocks: &[Block],
    ) -> StoredLetters {
        let added: u64 = blocks
            .iter()
            .map(|block| disk_bytes(block.bytes.len()))
            .sum();
        let (mut bytes, mut stored) = (0, StoredLetters::default());
        for letter in letters {
            bytes += letter_bytes(letter.len());
            stored.is_full = self.dead_letter_bytes + bytes > self.max_bytes / 2;
            if stored.is_full || !self.has_room(through, added + bytes) {
                break;
            }
            stored.letters += 1;
        }
        stored
    }

    pub(super) fn full(&self) -> SpoolError {
        SpoolError::Full {
            directory: self.directory.clone(),
            max_bytes: self.max_bytes,
        }
    }

    /// Adds batches and the dead letters that have space, and removes the batches up to `through`. Does all
    /// or nothing, and returns when it is on the disk.
    pub(super) fn commit(
        &mut self,
        blocks: &[Block],
        through: u64,
        dead_letters: &[DeadLetter<R>],
    ) -> Result<StoredLetters, SpoolError> {
        let mut letters: Vec<Vec<u8>> = dead_letters.iter().map(DeadLetter::encode).collect();
        let stored = self.letters_that_fit(&letters, through, blocks);
        letters.truncate(stored.letters);
        let failed = |error: redb::Error| storage_error(&self.directory, &error);
        let removed_blocks: Vec<u64> = self
            .index
            .range(..=through)
            .map(|(number, _)| *number)
            .collect();
        if blocks.is_empty() && removed_blocks.is_empty() && letters.is_empty() {
            return Ok(stored);
        }
        let written = write(&self.database, |transaction| {
            let mut batches = transaction.open_table(BATCHES)?;
            for number in &removed_blocks {
                batches.remove(number)?;
            }
            for block in blocks.iter().filter(|block| block.number > through) {
                batches.insert(block.number, block.bytes.as_slice())?;
            }
            if !letters.is_empty() {
                let mut table = transaction.open_table(DEAD_LETTERS)?;
                for (number, letter) in (self.next_dead_letter..).zip(&letters) {
                    table.insert(number, letter.as_slice())?;
                }
            }
            Ok(())
        });
        written.map_err(failed)?;
        for number in removed_blocks {
            self.forget(number);
        }
        for block in blocks.iter().filter(|block| block.number > through) {
            self.remember(block.number, &block.bytes);
        }
        self.next_dead_letter += letters.len() as u64;
        self.content.dead_letters += letters.len() as u64;
        let bytes = letters.iter().map(|letter| letter_bytes(letter.len()));
        self.count_letters(bytes.sum());
        Ok(stored)
    }

    fn count_letters(&mut self, bytes: u64) {
        self.dead_letter_bytes += bytes;
        self.content.set_aside_bytes += bytes;
    }

    /// Notes the batches of `before`, an earlier state of the same file, that are missing now.
    pub(super) fn compare(&mut self, before: &KnownBatches) {
        self.lost.clone_from(&before.lost);
        for (number, records) in &before.batches {
            if !self.index.contains_key(number) {
                self.lost.insert(*number, *records);
            }
        }
    }

    /// The present and the lost batches.
    pub(super) fn known(&self) -> KnownBatches {
        let batches = self.index.iter();
        KnownBatches {
            batches: batches
                .map(|(number, entry)| (*number, entry.records))
                .collect(),
            lost: self.lost.clone(),
        }
    }

    pub(super) fn discard_dead_letters(&mut self, numbers: &[u64]) -> Result<(), SpoolError> {
        let written = write(&self.database, |transaction| {
            let mut table = transaction.open_table(DEAD_LETTERS)?;
            let (mut removed, mut bytes) = (0, 0);
            for number in numbers {
                if let Some(letter) = table.remove(number)? {
                    removed += 1;
                    bytes += letter_bytes(letter.value().len());
                }
            }
            Ok((removed, bytes))
        });
        let (removed, bytes) = written.map_err(|error| storage_error(&self.directory, &error))?;
        self.content.dead_letters -= removed;
        self.dead_letter_bytes -= bytes;
        self.content.set_aside_bytes -= bytes;
        Ok(())
    }

    /// Releases unused space of the file to the disk.
    pub(super) fn compact(&mut self) -> Result<(), SpoolError> {
        let compacted = self.database.compact();
        compacted.map_err(|error| storage_error(&self.directory, &error.into()))?;
        Ok(())
    }

    fn remember(&mut self, number: u64, bytes: &[u8]) {
        if let Some((records, accepted_at)) = block::header(bytes) {
            self.insert_entry(number, bytes.len(), u64::from(records), accepted_at);
        }
    }

    fn insert_entry(
        &mut self,
        number: u64,
        length: usize,
        records: u64,
        accepted_at: DateTime<Utc>,
    ) {
        self.forget(number);
        let bytes = disk_bytes(length);
        self.content.records += records;
        self.content.bytes += bytes;
        let entry = BatchEntry {
            records,
            bytes,
            accepted_at,
        };
        self.index.insert(number, entry);
    }

    fn forget(&mut self, number: u64) {
        if let Some(entry) = self.index.remove(&number) {
            self.content.records -= entry.records;
            self.content.bytes -= entry.bytes;
        }
    }
}

/// The approximate size of a dead letter in the file; many share a page.
fn letter_bytes(length: usize) -> u64 {
    length as u64 + LETTER_OVERHEAD
}

/// The size of a block in the file, whose pages are powers of two.
pub(super) fn disk_bytes(length: usize) -> u64 {
    (length as u64 + 64).next_power_of_two().max(PAGE)
}

/// Runs one transaction, which is on the disk when this returns.
fn write<T>(
    database: &Database,
    change: impl FnOnce(&redb::WriteTransaction) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let changed = change(&transaction)?;
    let begun = std::time::Instant::now();
    transaction.commit()?;
    metrics::histogram!(FSYNC_TIME).record(begun.elapsed().as_secs_f64());
    Ok(changed)
}
