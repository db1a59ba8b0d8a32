//! The directory of a spool: who owns it, and which format it has.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::disk::{Disk, data_file};
use super::error::{SpoolError, io_error};

/// The newest format this program reads, and the one it writes.
pub(super) const FORMAT: u32 = 1;

const LOCK: &str = "owner.lock";
const FORMAT_FILE: &str = "format";
const FORMAT_PREFIX: &str = "tickbook spool format ";

/// A directory that nobody else works with as long as this lives.
#[derive(Debug)]
pub(super) struct OwnedDirectory {
    path: PathBuf,
    /// The system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl OwnedDirectory {
    /// Makes the directory where it is missing, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, SpoolError> {
        let failed = |error: io::Error| io_error(path, &error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = take_lock(path)?;
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
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
            Format::Unreadable => Err(directory.corrupted("the file `format` is none")),
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

/// Makes the folder and those above it survive a loss of power, whoever made them: a start that was
/// cut off may not have come to it.
pub(super) fn make_lasting(path: &Path, disk: &dyn Disk) -> Result<(), SpoolError> {
    let whole = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    for folder in whole.ancestors().skip(1) {
        match disk.sync_folder(folder) {
            Ok(()) => {}
            // what cannot be read was not made by this program
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

/// How large the file with the ticks is.
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
            // without the number it is locked all the same
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
    // the number is for people, what counts is the lock; written over the one before, it wants no
    // space, which a full disk does not have
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

/// Written whole or not at all, and before the file that it speaks of.
fn write_format(path: &Path) -> io::Result<()> {
    let unfinished = path.join("format.new");
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
    file.sync_all()?;
    fs::rename(unfinished, path.join(FORMAT_FILE))?;
    File::open(path)?.sync_all()
}
