//! The directory of a spool: its owner and its format.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::disk::{Disk, data_file};
use super::error::{SpoolError, io_error};

/// The newest format that this program reads, and the format that it writes.
pub(super) const FORMAT: u32 = 1;

const LOCK: &str = "owner.lock";
const FORMAT_FILE: &str = "format";
const FORMAT_PREFIX: &str = "tickbook spool format ";

/// A locked directory, which no other spool can use.
#[derive(Debug)]
pub(super) struct OwnedDirectory {
    path: PathBuf,
    /// The operating system releases the lock when the process ends, even if it is killed.
    lock: File,
}

impl Drop for OwnedDirectory {
    /// Unlocks the directory. Closing the file is not enough: a child process that another thread is
    /// starting holds a copy of the descriptor until it executes its program.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl OwnedDirectory {
    /// Creates the directory if it is missing, and locks it.
    pub(super) fn take(path: &Path) -> Result<Self, SpoolError> {
        let failed = |error: io::Error| io_error(path, &error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = take_lock(path)?;
        let directory = Self {
            path: path.to_owned(),
            lock,
        };
        match read_format(path).map_err(failed)? {
            Format::Version(found) if found > FORMAT => Err(SpoolError::NewerFormat {
                directory: path.to_owned(),
                found,
                known: FORMAT,
            }),
            Format::Version(_) => Ok(directory),
            Format::Missing if exists(path) => {
                Err(directory.corrupted("the file `format` is missing"))
            }
            Format::Missing => {
                write_format(path).map_err(failed)?;
                Ok(directory)
            }
            Format::Unreadable => Err(directory.corrupted("the file `format` is invalid")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn corrupted(&self, reason: impl ToString) -> SpoolError {
        SpoolError::Corrupted {
            directory: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Syncs the directory and those above it, so that they survive a loss of power. It does so regardless of who
/// created them, since an interrupted start may not have synced them.
pub(super) fn make_lasting(path: &Path, disk: &dyn Disk) -> Result<(), SpoolError> {
    let whole = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    for folder in whole.ancestors().skip(1) {
        match disk.sync_folder(folder) {
            Ok(()) => {}
            // a directory that this program cannot read was created by another program
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            Err(error) => return Err(io_error(folder, &error)),
        }
    }
    Ok(())
}

/// Whether there is a spool in `path`, in use or not.
pub(super) fn exists(path: &Path) -> bool {
    data_file(path).exists()
}

/// The size of the file with the ticks.
pub(super) fn file_bytes(path: &Path) -> u64 {
    fs::metadata(data_file(path)).map_or(0, |data| data.len())
}

fn take_lock(path: &Path) -> Result<File, SpoolError> {
    let failed = |error: io::Error| io_error(path, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut lock = options.open(path.join(LOCK)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // the lock holds even if the number is missing
            let pid = lock
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(SpoolError::Locked {
                directory: path.to_owned(),
                pid,
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // the number is informative, only the lock counts; it overwrites the previous number and needs no space,
    // which a full disk does not have
    let _ = lock
        .rewind()
        .and_then(|()| writeln!(lock, "{:<10}", std::process::id()));
    Ok(lock)
}

enum Format {
    Missing,
    Unreadable,
    Version(u32),
}

fn read_format(path: &Path) -> io::Result<Format> {
    let bytes = match fs::read(path.join(FORMAT_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Format::Missing),
        Err(error) => return Err(error),
    };
    let version = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.trim().strip_prefix(FORMAT_PREFIX))
        .and_then(|version| version.parse().ok());
    Ok(version.map_or(Format::Unreadable, Format::Version))
}

/// Writes the format file atomically, before the file that it describes.
fn write_format(path: &Path) -> io::Result<()> {
    let unfinished = path.join("format.new");
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
    file.sync_all()?;
    fs::rename(unfinished, path.join(FORMAT_FILE))?;
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_lock_is_free_despite_copies_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let owned = OwnedDirectory::take(folder.path()).expect("free");
        // as a child process has it between fork and exec
        let _copy = owned.lock.try_clone().expect("a copy");
        let refused = OwnedDirectory::take(folder.path());
        assert!(matches!(refused, Err(SpoolError::Locked { .. })));
        drop(owned);
        OwnedDirectory::take(folder.path()).expect("free again");
    }
}
