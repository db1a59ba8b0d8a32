//! Access to the spool's file, between redb and the disk.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{Database, StorageBackend};

use super::error::{SpoolError, storage_error};

const DATA: &str = "spool.redb";

/// The path of the file with the ticks.
pub(super) fn data_file(path: &Path) -> PathBuf {
    path.join(DATA)
}

/// The size of the cache; redb's default of a gigabyte is meant for databases with many reads.
const CACHE: usize = 16 << 20;
/// The number of bytes that are read and written at once.
const CHUNK: usize = 1 << 20;
const BLOCK: usize = 4096;
/// The length of the mark with which a finished file begins.
const MARK: usize = 9;
/// The maximum size of a new file.
const MAX_NEW_BYTES: u64 = 4 << 20;

/// Opens files. Tests use an implementation that fails.
pub(in crate::ingest) trait Disk: Debug + Send + Sync {
    /// Opens or creates the file.
    fn open(&self, path: &Path) -> Result<Box<dyn StorageBackend>, redb::Error>;

    /// Syncs the names in a folder, so that they survive a loss of power.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// The number of bytes of an open file that are cached in memory.
    fn cache_bytes(&self) -> usize {
        CACHE
    }
}

/// The file system.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn open(&self, path: &Path) -> Result<Box<dyn StorageBackend>, redb::Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(redb::Error::Io)?;
        Ok(Box::new(FileBackend::new(file)?))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// An open file that notes whether a sync has failed.
#[derive(Debug)]
struct SpoolFile {
    file: Box<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
}

// without redb's locks, since the directory is locked already
impl StorageBackend for SpoolFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.file.sync_data();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::SeqCst);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// Writes the contents of the file again and syncs it.
///
/// After a failed sync the operating system may consider pages written that the disk never received:
/// reads return them, later syncs skip them, and a loss of power removes them. Holes of the file remain
/// holes.
pub(super) fn rewrite(file: &dyn StorageBackend) -> io::Result<()> {
    let length = file.len()?;
    let mut chunk = vec![0; CHUNK];
    let mut offset = 0;
    while offset < length {
        let count = CHUNK.min(usize::try_from(length - offset).unwrap_or(CHUNK));
        let part = &mut chunk[..count];
        file.read(offset, part)?;
        for (place, block) in (offset..).step_by(BLOCK).zip(part.chunks(BLOCK)) {
            if block.iter().any(|byte| *byte != 0) {
                file.write(place, block)?;
            }
        }
        offset += count as u64;
    }
    file.sync_data()
}

/// Whether the creation of the file was interrupted: its mark is written last, and nothing was stored after
/// its first page.
fn is_unfinished(file: &dyn StorageBackend) -> io::Result<bool> {
    let length = file.len()?;
    if length == 0 || length > MAX_NEW_BYTES {
        return Ok(false);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read(0, &mut bytes)?;
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == 0);
    Ok(is_zero(&bytes[..MARK.min(bytes.len())]) && is_zero(bytes.get(BLOCK..).unwrap_or_default()))
}

/// Opens or creates the file. A later sync that fails sets `sync_failed`.
pub(super) fn open_database(
    directory: &Path,
    disk: &dyn Disk,
    sync_failed: Arc<AtomicBool>,
) -> Result<Database, SpoolError> {
    let failed = |error: redb::Error| storage_error(directory, &error);
    let file = disk.open(&data_file(directory)).map_err(failed)?;
    let io_failed = |error: io::Error| failed(redb::Error::Io(error));
    let is_unfinished = is_unfinished(&*file).map_err(io_failed)?;
    if is_unfinished {
        file.set_len(0).map_err(io_failed)?;
    }
    let is_new = is_unfinished || file.len().map_err(io_failed)? == 0;
    // the name must survive as well, and an interrupted start may not have synced it
    disk.sync_folder(directory).map_err(io_failed)?;
    let file = SpoolFile { file, sync_failed };
    let opened = Database::builder()
        .set_cache_size(disk.cache_bytes())
        .create_with_backend(file);
    let mut database = opened.map_err(|error| failed(error.into()))?;
    if is_new {
        return Ok(database);
    }
    match database.check_integrity() {
        Ok(true) => {}
        Ok(false) => tracing::error!(
            directory = %directory.display(),
            "the file of the spool was damaged and has been repaired: its last batches may be missing"
        ),
        Err(error) => return Err(failed(error.into())),
    }
    Ok(database)
}
