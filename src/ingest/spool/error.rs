//! Errors of the spool.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of the spool. None of these errors loses contents of the spool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// Another process, or another persister of this process, uses the spool.
    #[error(
        "the spool {} is in use by {}: stop it first, or use another directory",
        directory.display(),
        owner(*pid)
    )]
    Locked {
        /// The directory of the spool.
        directory: PathBuf,
        /// The id of the process, if known. It is this process while a stopped persister is still closing its
        /// file.
        pid: Option<u32>,
    },
    /// A newer program wrote the spool. It was not changed.
    #[error(
        "the spool {} has format {found}, this program supports formats up to {known}: use the \
         program that wrote it, or a newer one",
        directory.display()
    )]
    NewerFormat {
        /// The directory of the spool.
        directory: PathBuf,
        /// The format that was found.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// The spool holds records of another kind. They were not changed.
    #[error(
        "the spool {} holds {found}, not {expected}: open it as a spool of {found}, or use another directory",
        directory.display()
    )]
    OtherKind {
        /// The directory of the spool.
        directory: PathBuf,
        /// The name of its records.
        found: String,
        /// The name of the expected records.
        expected: &'static str,
    },
    /// The records have another version. They were not changed.
    #[error(
        "the {records} in the spool {} have version {found}, this program supports version \
         {known}: use the program that wrote them",
        directory.display()
    )]
    OtherVersion {
        /// The directory of the spool.
        directory: PathBuf,
        /// The name of its records.
        records: &'static str,
        /// The version that was found.
        found: u8,
        /// The version that this program reads and writes.
        known: u8,
    },
    /// The files are damaged.
    #[error(
        "the spool {} is damaged ({reason}): keep a copy of it, move it away and start again",
        directory.display()
    )]
    Corrupted {
        /// The directory of the spool.
        directory: PathBuf,
        /// The damage that was found.
        reason: String,
    },
    /// The spool is full.
    #[error(
        "the spool {} holds its {max_bytes} bytes: let the database catch up, or raise spool.max_bytes",
        directory.display()
    )]
    Full {
        /// The directory of the spool.
        directory: PathBuf,
        /// The maximum size of its records.
        max_bytes: u64,
    },
    /// Dead letters use up their half of the maximum size.
    #[error(
        "the dead letters in the spool {} use up their half of spool.max_bytes: see `tickbook \
         spool dead-letter` for the reasons, discard them, or raise spool.max_bytes",
        directory.display()
    )]
    DeadLettersFull {
        /// The directory of the spool.
        directory: PathBuf,
    },
    /// The disk is full. The contents of the spool can still be read and removed.
    #[error(
        "the disk of the spool {} is full ({reason}): make space, or let the database catch up",
        directory.display()
    )]
    DiskFull {
        /// The directory of the spool.
        directory: PathBuf,
        /// The error of the operating system.
        reason: String,
    },
    /// A failure of the disk, or missing permissions.
    #[error("the spool {} cannot be used: {reason}", directory.display())]
    Io {
        /// The directory of the spool.
        directory: PathBuf,
        /// The error of the operating system.
        reason: String,
    },
    /// The disk hangs: an operation has neither succeeded nor failed.
    #[error(
        "the disk of the spool {} has not responded for {} s: check the disk, or stop the program",
        directory.display(),
        patience.as_secs_f64()
    )]
    Hanging {
        /// The directory of the spool.
        directory: PathBuf,
        /// The time limit that the disk exceeded.
        patience: Duration,
    },
    /// The spool was closed.
    #[error("the spool is closed: open it again")]
    Closed,
}

fn owner(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => format!(
            "this process, {pid}: by another persister, or by one that was stopped and is still \
             closing its file"
        ),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

/// Converts an error of the operating system.
pub(super) fn io_error(path: &Path, error: &io::Error) -> SpoolError {
    let (directory, reason) = (path.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            SpoolError::DiskFull { directory, reason }
        }
        _ => SpoolError::Io { directory, reason },
    }
}

/// Converts an error of redb.
pub(super) fn storage_error(path: &Path, error: &redb::Error) -> SpoolError {
    let directory = path.to_owned();
    match error {
        redb::Error::Io(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            io_error(path, error)
        }
        redb::Error::PreviousIo => SpoolError::Io {
            directory,
            reason: "a write before has failed".to_owned(),
        },
        redb::Error::DatabaseAlreadyOpen => SpoolError::Locked {
            directory,
            pid: None,
        },
        other => SpoolError::Corrupted {
            directory,
            reason: other.to_string(),
        },
    }
}
