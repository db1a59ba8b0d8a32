//! Reads the file, and sets damaged batches aside.

use redb::{ReadableDatabase as _, ReadableTable};

use super::{BATCHES, DAMAGED, DEAD_LETTERS, SpoolDatabase, disk_bytes, letter_bytes, write};
use crate::ingest::record::{Record, names_of};
use crate::ingest::spool::block::{self, BlockError};
use crate::ingest::spool::dead_letter::{DeadLetter, NumberedDeadLetter};
use crate::ingest::spool::error::{SpoolError, storage_error};
use crate::metrics::ingest::DAMAGED_BATCHES;

/// The result of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ingest) enum SpoolRead<R: Record> {
    /// Batches by the number of their last record.
    Batches(Vec<(u64, Vec<R>)>),
    /// The next batch, whose records are damaged or lost.
    Damaged {
        /// The number of its last record.
        number: u64,
        /// The number of its records.
        records: u64,
    },
}

impl<R: Record> SpoolDatabase<R> {
    /// Reads batches after `after` and up to `through`, at least one and up to `max_records` records. Stops
    /// before a damaged or lost batch, and returns that one alone in the next call.
    pub(in crate::ingest::spool) fn read(
        &mut self,
        after: u64,
        through: u64,
        max_records: usize,
    ) -> Result<SpoolRead<R>, SpoolError> {
        let after = after.saturating_add(1);
        let lost = self.lost.range(after..=through).next();
        let lost = lost.map(|(number, records)| (*number, *records));
        let last = lost.map_or(through, |(number, _)| number - 1);
        let failed = |error: redb::Error| storage_error(&self.directory, &error);
        let mut read = Vec::new();
        let mut damaged = None;
        let mut count = 0;
        let mut reading = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_read()?;
            let batches = transaction.open_table(BATCHES)?;
            if after > last {
                return Ok(());
            }
            for row in batches.range(after..=last)? {
                let (number, bytes) = row?;
                let number = number.value();
                let records = match block::decode(bytes.value()) {
                    Ok(records) => records,
                    Err(error) => {
                        damaged = Some((number, error.to_string(), bytes.value().to_vec()));
                        break;
                    }
                };
                if !read.is_empty() && count + records.len() > max_records {
                    break;
                }
                count += records.len();
                read.push((number, records));
            }
            Ok(())
        };
        reading().map_err(failed)?;
        if !read.is_empty() {
            return Ok(SpoolRead::Batches(read));
        }
        if let Some(damaged) = damaged {
            let number = damaged.0;
            let records = self.index.get(&number).map_or(0, |entry| entry.records);
            self.put_aside(vec![damaged])?;
            self.lost.insert(number, records);
            return Ok(SpoolRead::Damaged { number, records });
        }
        Ok(match lost {
            Some((number, records)) => SpoolRead::Damaged { number, records },
            None => SpoolRead::Batches(read),
        })
    }

    /// Reads the dead letters with their numbers, oldest first. Skips damaged ones.
    pub(in crate::ingest::spool) fn dead_letters(
        &self,
    ) -> Result<Vec<NumberedDeadLetter<R>>, SpoolError> {
        let reading = || -> Result<Vec<_>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(DEAD_LETTERS)?;
            let mut letters = Vec::new();
            for row in table.iter()? {
                let (number, bytes) = row?;
                match DeadLetter::decode(bytes.value()) {
                    Ok(letter) => letters.push(NumberedDeadLetter {
                        number: number.value(),
                        letter,
                    }),
                    Err(error) => {
                        tracing::error!(number = number.value(), %error, "a dead letter is damaged");
                    }
                }
            }
            Ok(letters)
        };
        reading().map_err(|error| storage_error(&self.directory, &error))
    }

    /// Reads everything once, so that damage is found before the spool is used. If anything is of another
    /// kind or version, nothing is changed.
    pub(in crate::ingest::spool) fn load(&mut self) -> Result<(), SpoolError> {
        let mut damaged = Vec::new();
        let mut found = Vec::new();
        let mut reading = || -> Result<_, redb::Error> {
            // the tables must exist before they can be read
            write(&self.database, |transaction| {
                transaction.open_table(BATCHES)?;
                transaction.open_table(DEAD_LETTERS)?;
                transaction.open_table(DAMAGED)?;
                Ok(())
            })?;
            let transaction = self.database.begin_read()?;
            for row in transaction.open_table(BATCHES)?.iter()? {
                let (number, bytes) = row?;
                match block::decode::<R>(bytes.value()) {
                    Ok(_) => found.push((
                        number.value(),
                        bytes.value().len(),
                        block::header(bytes.value()),
                    )),
                    Err(error) if is_foreign(error) => return Ok(Err(error)),
                    Err(error) => {
                        damaged.push((number.value(), error.to_string(), bytes.value().to_vec()));
                    }
                }
            }
            for row in transaction.open_table(DEAD_LETTERS)?.iter()? {
                match block::check::<R>(row?.1.value()) {
                    Err(error) if is_foreign(error) => return Ok(Err(error)),
                    _ => {}
                }
            }
            let dead_letters = Extent::of(&transaction.open_table(DEAD_LETTERS)?, letter_bytes)?;
            let damaged_batches = Extent::of(&transaction.open_table(DAMAGED)?, disk_bytes)?;
            Ok(Ok((dead_letters, damaged_batches)))
        };
        let (dead_letters, damaged_batches) = reading()
            .map_err(|error| storage_error(&self.directory, &error))?
            .map_err(|foreign| self.refusal(foreign))?;
        self.content.dead_letters = dead_letters.rows;
        self.next_dead_letter = dead_letters.next;
        self.count_letters(dead_letters.bytes);
        self.content.damaged_batches = damaged_batches.rows;
        self.next_damaged = damaged_batches.next;
        self.content.set_aside_bytes += damaged_batches.bytes;
        for (number, length, header) in found {
            if let Some((records, accepted_at)) = header {
                self.insert_entry(number, length, u64::from(records), accepted_at);
            }
        }
        self.put_aside(damaged)
    }

    fn refusal(&self, foreign: BlockError) -> SpoolError {
        let directory = self.directory.clone();
        match foreign {
            BlockError::Kind { found, expected } => SpoolError::OtherKind {
                directory,
                found: names_of(found),
                expected,
            },
            BlockError::Version {
                records,
                found,
                known,
            } => SpoolError::OtherVersion {
                directory,
                records,
                found,
                known,
            },
            damage => SpoolError::Corrupted {
                directory,
                reason: damage.to_string(),
            },
        }
    }

    /// Sets damaged batches aside in another table on the disk.
    fn put_aside(&mut self, damaged: Vec<(u64, String, Vec<u8>)>) -> Result<(), SpoolError> {
        if damaged.is_empty() {
            return Ok(());
        }
        let written = write(&self.database, |transaction| {
            let mut batches = transaction.open_table(BATCHES)?;
            let mut quarantine = transaction.open_table(DAMAGED)?;
            for (next, (number, _, bytes)) in (self.next_damaged..).zip(&damaged) {
                quarantine.insert(next, bytes.as_slice())?;
                batches.remove(number)?;
            }
            Ok(())
        });
        written.map_err(|error| storage_error(&self.directory, &error))?;
        for (number, reason, bytes) in damaged {
            tracing::error!(
                number,
                reason,
                "a batch of the spool is damaged and was set aside"
            );
            metrics::counter!(DAMAGED_BATCHES).increment(1);
            self.forget(number);
            self.content.damaged_batches += 1;
            self.next_damaged += 1;
            self.content.set_aside_bytes += disk_bytes(bytes.len());
        }
        Ok(())
    }
}

/// Whether a valid block of another kind or version was found.
fn is_foreign(error: BlockError) -> bool {
    matches!(error, BlockError::Kind { .. } | BlockError::Version { .. })
}

/// The number of rows of a table, the number after its last row, and its size.
struct Extent {
    rows: u64,
    next: u64,
    bytes: u64,
}

impl Extent {
    fn of(
        table: &impl ReadableTable<u64, &'static [u8]>,
        row_bytes: fn(usize) -> u64,
    ) -> Result<Self, redb::Error> {
        let mut extent = Self {
            rows: 0,
            next: 0,
            bytes: 0,
        };
        for row in table.iter()? {
            let (number, bytes) = row?;
            extent.rows += 1;
            extent.next = number.value() + 1;
            extent.bytes += row_bytes(bytes.value().len());
        }
        Ok(extent)
    }
}
