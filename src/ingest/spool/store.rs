//! The file of the spool: batches by number, dead letters, and what was found damaged. Every call
//! blocks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use redb::ReadableTableMetadata as _;
use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::block;
use super::dead_letter::DeadLetter;
use super::disk::{self, Disk};
use super::error::{SpoolError, storage_error};
use crate::domain::Tick;

/// Batches by the number of their last tick.
const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");
const DEAD_LETTERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead_letters");
/// Batches that were found damaged, as they were found.
const QUARANTINE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("quarantine");

const PAGE: u64 = 4096;

/// What is known of a batch without reading it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    ticks: u64,
    bytes: u64,
    accepted_at: DateTime<Utc>,
}

/// A batch as bytes.
#[derive(Debug)]
pub(super) struct Block {
    /// Of its last tick.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

/// What a spool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolContent {
    /// Ticks that are not in the database yet.
    pub ticks: u64,
    /// What they take on the disk, rounded up as the file does.
    pub bytes: u64,
    /// When the oldest of them was accepted.
    pub oldest: Option<DateTime<Utc>>,
    /// Ticks that no database will ever take.
    pub dead_letters: u64,
    /// Batches that were found damaged and put aside.
    pub quarantined: u64,
}

#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    max_bytes: u64,
    database: Database,
    index: BTreeMap<u64, Entry>,
    content: SpoolContent,
    next_dead_letter: u64,
}

impl Store {
    /// Opens or makes the file, and looks at every batch in it.
    /// A sync that fails from now on sets `sync_failed`.
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
            next_dead_letter: 0,
        };
        store.load()?;
        Ok(store)
    }

    pub(super) fn content(&self) -> SpoolContent {
        SpoolContent {
            oldest: self.index.values().next().map(|entry| entry.accepted_at),
            ..self.content
        }
    }

    /// The numbers of the batches, with how many ticks each has, oldest first.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        let (number, entry) = self.index.first_key_value()?;
        Some((*number, entry.ticks))
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.index.last_key_value().map(|(number, _)| *number)
    }

    /// Whether `bytes` more would be too many, when all up to `through` are gone.
    pub(super) fn has_place(&self, through: u64, bytes: u64) -> bool {
        let freed: u64 = self
            .index
            .range(..=through)
            .map(|(_, entry)| entry.bytes)
            .sum();
        self.content.bytes - freed + bytes <= self.max_bytes
    }

    pub(super) fn full(&self) -> SpoolError {
        SpoolError::Full {
            directory: self.directory.clone(),
            max_bytes: self.max_bytes,
        }
    }

    /// Adds batches and dead letters and removes the batches up to `through`, all or nothing, and
    /// returns when the disk has it.
    pub(super) fn commit(
        &mut self,
        blocks: &[Block],
        through: u64,
        dead_letters: &[DeadLetter],
    ) -> Result<(), SpoolError> {
        let failed = |error: redb::Error| storage_error(&self.directory, &error);
        let gone: Vec<u64> = self
            .index
            .range(..=through)
            .map(|(number, _)| *number)
            .collect();
        if blocks.is_empty() && gone.is_empty() && dead_letters.is_empty() {
            return Ok(());
        }
        let written = write(&self.database, |transaction| {
            let mut batches = transaction.open_table(BATCHES)?;
            for number in &gone {
                batches.remove(number)?;
            }
            for block in blocks.iter().filter(|block| block.number > through) {
                batches.insert(block.number, block.bytes.as_slice())?;
            }
            if !dead_letters.is_empty() {
                let mut table = transaction.open_table(DEAD_LETTERS)?;
                for (number, letter) in (self.next_dead_letter..).zip(dead_letters) {
                    table.insert(number, letter.encode().as_slice())?;
                }
            }
            Ok(())
        });
        written.map_err(failed)?;
        for number in gone {
            self.forget(number);
        }
        for block in blocks.iter().filter(|block| block.number > through) {
            self.remember(block.number, &block.bytes);
        }
        self.next_dead_letter += dead_letters.len() as u64;
        self.content.dead_letters += dead_letters.len() as u64;
        Ok(())
    }

    /// Batches behind `after` up to `through`, at least one and up to so many ticks. A damaged one
    /// is put aside; its number comes without ticks.
    pub(super) fn read(
        &mut self,
        after: u64,
        through: u64,
        most_ticks: usize,
    ) -> Result<Vec<(u64, Vec<Tick>)>, SpoolError> {
        let failed = |error: redb::Error| storage_error(&self.directory, &error);
        let mut read = Vec::new();
        let mut damaged = Vec::new();
        let mut count = 0;
        let mut reading = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_read()?;
            let batches = transaction.open_table(BATCHES)?;
            for row in batches.range(after.saturating_add(1)..=through)? {
                let (number, bytes) = row?;
                let number = number.value();
                let ticks = match block::decode(bytes.value()) {
                    Ok(ticks) => ticks,
                    Err(error) => {
                        damaged.push((number, error.to_string(), bytes.value().to_vec()));
                        Vec::new()
                    }
                };
                if !read.is_empty() && count + ticks.len() > most_ticks {
                    break;
                }
                count += ticks.len();
                read.push((number, ticks));
            }
            Ok(())
        };
        reading().map_err(failed)?;
        self.put_aside(damaged)?;
        Ok(read)
    }

    /// The dead letters with their numbers, oldest first. Damaged ones are left out.
    pub(super) fn dead_letters(&self) -> Result<Vec<(u64, DeadLetter)>, SpoolError> {
        let reading = || -> Result<Vec<_>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(DEAD_LETTERS)?;
            let mut letters = Vec::new();
            for row in table.iter()? {
                let (number, bytes) = row?;
                match DeadLetter::decode(bytes.value()) {
                    Some(letter) => letters.push((number.value(), letter)),
                    None => tracing::error!(number = number.value(), "a dead letter is damaged"),
                }
            }
            Ok(letters)
        };
        reading().map_err(|error| storage_error(&self.directory, &error))
    }

    pub(super) fn discard_dead_letters(&mut self, numbers: &[u64]) -> Result<(), SpoolError> {
        let written = write(&self.database, |transaction| {
            let mut table = transaction.open_table(DEAD_LETTERS)?;
            let mut removed = 0;
            for number in numbers {
                removed += u64::from(table.remove(number)?.is_some());
            }
            Ok(removed)
        });
        let removed = written.map_err(|error| storage_error(&self.directory, &error))?;
        self.content.dead_letters -= removed;
        Ok(())
    }

    /// Gives space that the file holds and does not use back to the disk.
    pub(super) fn compact(&mut self) -> Result<(), SpoolError> {
        let compacted = self.database.compact();
        compacted.map_err(|error| storage_error(&self.directory, &error.into()))?;
        Ok(())
    }

    /// Reads everything once, so that damage is found before anybody relies on it.
    fn load(&mut self) -> Result<(), SpoolError> {
        let mut damaged = Vec::new();
        let mut found = Vec::new();
        let mut reading = || -> Result<_, redb::Error> {
            // the tables have to exist before they can be read
            write(&self.database, |transaction| {
                transaction.open_table(BATCHES)?;
                transaction.open_table(DEAD_LETTERS)?;
                transaction.open_table(QUARANTINE)?;
                Ok(())
            })?;
            let transaction = self.database.begin_read()?;
            for row in transaction.open_table(BATCHES)?.iter()? {
                let (number, bytes) = row?;
                match block::decode(bytes.value()) {
                    Ok(_) => found.push((
                        number.value(),
                        bytes.value().len(),
                        block::header(bytes.value()),
                    )),
                    Err(error) => {
                        damaged.push((number.value(), error.to_string(), bytes.value().to_vec()))
                    }
                }
            }
            let dead_letters = transaction.open_table(DEAD_LETTERS)?;
            let last = dead_letters.last()?.map(|(number, _)| number.value());
            let quarantined = transaction.open_table(QUARANTINE)?;
            Ok((dead_letters.len()?, last, quarantined.len()?))
        };
        let (dead_letters, last, quarantined) =
            reading().map_err(|error| storage_error(&self.directory, &error))?;
        self.content.dead_letters = dead_letters;
        self.next_dead_letter = last.map_or(0, |last| last + 1);
        self.content.quarantined = quarantined;
        for (number, length, header) in found {
            if let Some((ticks, accepted_at)) = header {
                self.insert_entry(number, length, u64::from(ticks), accepted_at);
            }
        }
        self.put_aside(damaged)
    }

    /// Moves damaged batches out of the way of the others; what is left of them stays on the disk.
    fn put_aside(&mut self, damaged: Vec<(u64, String, Vec<u8>)>) -> Result<(), SpoolError> {
        if damaged.is_empty() {
            return Ok(());
        }
        let written = write(&self.database, |transaction| {
            let mut batches = transaction.open_table(BATCHES)?;
            let mut quarantine = transaction.open_table(QUARANTINE)?;
            for (number, _, bytes) in &damaged {
                quarantine.insert(number, bytes.as_slice())?;
                batches.remove(number)?;
            }
            Ok(())
        });
        written.map_err(|error| storage_error(&self.directory, &error))?;
        for (number, reason, _) in damaged {
            tracing::error!(
                number,
                reason,
                "a batch of the spool is damaged and was put aside"
            );
            metrics::counter!("spool_quarantined_records_total").increment(1);
            self.forget(number);
            self.content.quarantined += 1;
        }
        Ok(())
    }

    fn remember(&mut self, number: u64, bytes: &[u8]) {
        if let Some((ticks, accepted_at)) = block::header(bytes) {
            self.insert_entry(number, bytes.len(), u64::from(ticks), accepted_at);
        }
    }

    fn insert_entry(&mut self, number: u64, length: usize, ticks: u64, accepted_at: DateTime<Utc>) {
        self.forget(number);
        let bytes = disk_bytes(length);
        self.content.ticks += ticks;
        self.content.bytes += bytes;
        let entry = Entry {
            ticks,
            bytes,
            accepted_at,
        };
        self.index.insert(number, entry);
    }

    fn forget(&mut self, number: u64) {
        if let Some(entry) = self.index.remove(&number) {
            self.content.ticks -= entry.ticks;
            self.content.bytes -= entry.bytes;
        }
    }
}

/// What a block takes in the file, whose pages come in powers of two.
pub(super) fn disk_bytes(length: usize) -> u64 {
    (length as u64 + 64).next_power_of_two().max(PAGE)
}

/// One transaction that is on the disk when this returns.
fn write<T>(
    database: &Database,
    change: impl FnOnce(&redb::WriteTransaction) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let changed = change(&transaction)?;
    let begun = std::time::Instant::now();
    transaction.commit()?;
    metrics::histogram!("spool_fsync_seconds").record(begun.elapsed().as_secs_f64());
    Ok(changed)
}
