//! Why the spool does not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the spool does not do what it was asked. Nothing it holds is lost by any of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// Another process, or another persister of this one, works with it.
    #[error(
        "the spool {} is in use by {}: stop it first, or use another directory",
        directory.display(),
        owner(*pid)
    )]
    Locked {
        /// Where the spool is.
        directory: PathBuf,
        /// The process, where it said so. This one's, too, while a persister that was stopped is
        /// still closing its file.
        pid: Option<u32>,
    },
    /// A newer program wrote it. It was not touched.
    #[error(
        "the spool {} has format {found}, this program knows formats up to {known}: \
         use the program that wrote it, or a newer one",
        directory.display()
    )]
    NewerFormat {
        /// Where the spool is.
        directory: PathBuf,
        /// What was found.
        found: u32,
        /// The newest this program can read.
        known: u32,
    },
    /// It holds records of another kind. They were not touched.
    #[error(
        "the spool {} holds {found}, not {expected}: open it as what it is, or use another directory",
        directory.display()
    )]
    OtherKind {
        /// Where the spool is.
        directory: PathBuf,
        /// What its records are called.
        found: String,
        /// What the records are called that it was opened for.
        expected: &'static str,
    },
    /// Its records were written in another version. They were not touched.
    #[error(
        "the {records} in the spool {} have version {found}, this program knows version {known}: \
         use the program that wrote them",
        directory.display()
    )]
    OtherVersion {
        /// Where the spool is.
        directory: PathBuf,
        /// What its records are called.
        records: &'static str,
        /// The version that was found.
        found: u8,
        /// The version that this program reads and writes.
        known: u8,
    },
    /// Its files are damaged.
    #[error(
        "the spool {} is damaged ({reason}): keep a copy of it, move it away and start again",
        directory.display()
    )]
    Corrupted {
        /// Where the spool is.
        directory: PathBuf,
        /// What was found.
        reason: String,
    },
    /// It holds as much as it may.
    #[error(
        "the spool {} holds its {max_bytes} bytes: let the database catch up, or raise spool.max_bytes",
        directory.display()
    )]
    Full {
        /// Where the spool is.
        directory: PathBuf,
        /// What it may hold.
        max_bytes: u64,
    },
    /// Dead letters use up their half of what it may hold.
    #[error(
        "the dead letters in the spool {} use up their half of spool.max_bytes: see `tickbook spool \
         dead-letter` for why ticks are not stored, discard them, or raise spool.max_bytes",
        directory.display()
    )]
    DeadLettersFull {
        /// Where the spool is.
        directory: PathBuf,
    },
    /// The disk holds as much as it can. What is in the spool can still be read and removed.
    #[error(
        "the disk of the spool {} is full ({reason}): make space, or let the database catch up",
        directory.display()
    )]
    DiskFull {
        /// Where the spool is.
        directory: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk or its rights.
    #[error("the spool {} cannot be used: {reason}", directory.display())]
    Io {
        /// Where the spool is.
        directory: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk has neither done what it was asked nor failed.
    #[error(
        "the disk of the spool {} has not answered for {} s: see what keeps it, or stop the program",
        directory.display(),
        patience.as_secs_f64()
    )]
    Hanging {
        /// Where the spool is.
        directory: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It was closed.
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

/// What an error of the system means.
pub(super) fn io_error(path: &Path, error: &io::Error) -> SpoolError {
    let (directory, reason) = (path.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            SpoolError::DiskFull { directory, reason }
        }
        _ => SpoolError::Io { directory, reason },
    }
}

/// What an error of the file's library means.
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
