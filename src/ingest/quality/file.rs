//! The file of ticks that wait to be put into quarantine. Every call blocks.

use std::fs::{File, OpenOptions};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition,
};

use super::record;
use crate::ingest::{is_unfinished, rewrite};
use crate::repository::QuarantinedTick;

/// What waits is written once and read once.
const CACHE: usize = 1 << 20;

const FILE: &str = "quarantine.redb";
const TICKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("ticks");
/// What cannot be read stays to be looked at.
const DAMAGED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("damaged");

/// Numbered ticks.
pub(super) type Numbered = Vec<(u64, QuarantinedTick)>;

/// An open file. After a failure it has to be opened anew, since what the disk has of it is not
/// known.
pub(super) struct QuarantineFile(Database);

/// How many ticks are in the file, and the last number of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) ticks: u64,
    pub(super) last: u64,
}

impl QuarantineFile {
    pub(super) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Opens it, or makes it.
    pub(super) fn open(directory: &Path) -> Result<Self, redb::Error> {
        std::fs::create_dir_all(directory)?;
        let path = Self::path(directory);
        guarded(|| match open(&path) {
            Ok(database) => Ok(Self(database)),
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                Err(DatabaseError::DatabaseAlreadyOpen.into())
            }
            Err(error) => {
                // a process that was killed while it made the file is no obstacle
                if !is_unfinished(&FileBackend::new(writable(&path)?)?)? {
                    return Err(error.into());
                }
                File::create(&path)?;
                Ok(Self(open(&path)?))
            }
        })
    }

    /// Opens it after a failure, when the system may have forgotten what it could not write.
    pub(super) fn open_again(directory: &Path) -> Result<Self, redb::Error> {
        rewrite(&FileBackend::new(writable(&Self::path(directory))?)?)?;
        Self::open(directory)
    }

    /// Adds ticks and forgets others, all or nothing; the disk has it when this returns.
    pub(super) fn write(
        &self,
        forgotten: &[RangeInclusive<u64>],
        added: &[(u64, QuarantinedTick)],
    ) -> Result<Content, redb::Error> {
        guarded(|| {
            let transaction = self.0.begin_write()?;
            let content = {
                let mut ticks = transaction.open_table(TICKS)?;
                let damaged = transaction.open_table(DAMAGED)?;
                for range in forgotten {
                    ticks.retain_in(range.clone(), |_, _| false)?;
                }
                for (number, tick) in added {
                    ticks.insert(number, record::encode(tick).as_slice())?;
                }
                let mut last = 0;
                for table in [&ticks, &damaged] {
                    if let Some((number, _)) = table.last()? {
                        last = last.max(number.value());
                    }
                }
                let ticks = ticks.len()?;
                Content { ticks, last }
            };
            transaction.commit()?;
            Ok(content)
        })
    }

    /// The oldest ticks, `most` at most. Damaged ones among them are put aside.
    pub(super) fn first(&self, most: usize) -> Result<Numbered, redb::Error> {
        guarded(|| {
            let (mut ticks, mut damaged) = (Vec::new(), Vec::new());
            let table = self.0.begin_read()?.open_table(TICKS)?;
            for row in table.iter()?.take(most) {
                let (number, bytes) = row?;
                match record::decode(bytes.value()) {
                    Some(tick) => ticks.push((number.value(), tick)),
                    None => damaged.push((number.value(), bytes.value().to_vec())),
                }
            }
            if !damaged.is_empty() {
                self.put_aside(&damaged)?;
            }
            Ok(ticks)
        })
    }

    /// How many ticks are in it.
    pub(super) fn len(&self) -> Result<u64, redb::Error> {
        guarded(|| Ok(self.0.begin_read()?.open_table(TICKS)?.len()?))
    }

    fn put_aside(&self, damaged: &[(u64, Vec<u8>)]) -> Result<(), redb::Error> {
        tracing::error!(
            count = damaged.len(),
            "damaged ticks of the quarantine are put aside in its file"
        );
        let transaction = self.0.begin_write()?;
        {
            let mut ticks = transaction.open_table(TICKS)?;
            let mut aside = transaction.open_table(DAMAGED)?;
            for (number, bytes) in damaged {
                ticks.remove(number)?;
                aside.insert(number, bytes.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn writable(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

fn open(path: &Path) -> Result<Database, DatabaseError> {
    let file = writable(path)?;
    let is_new = file.metadata()?.len() == 0;
    let database = Database::builder()
        .set_cache_size(CACHE)
        .create_file(file)?;
    if let (true, Some(directory)) = (is_new, path.parent()) {
        // the name of the file has to survive as well
        File::open(directory)?.sync_all()?;
    }
    Ok(database)
}

/// The file format's library asserts what only damage can break.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(redb::Error::Corrupted(
            "the file contradicts itself".to_owned(),
        ))
    })
}
