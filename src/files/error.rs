//! Errors of files and of their lines.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::domain::printable;

/// The file, and the entry if the file is a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileLocation(Arc<str>);

impl FileLocation {
    pub(crate) fn file(path: &Path) -> Self {
        Self(printable(&path.display().to_string()).into())
    }

    pub(crate) fn entry(&self, name: &str) -> Self {
        Self(format!("{}: {}", self.0, printable(name)).into())
    }
}

impl fmt::Display for FileLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file or an entry that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct FileError {
    place: FileLocation,
    reason: String,
}

impl FileError {
    pub(crate) fn new(place: &FileLocation, reason: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            reason: reason.into(),
        }
    }
}

/// A line that cannot be used.
///
/// The message names the file, the entry, the line, the column if one is at fault, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: line {line}: {reason}")]
pub struct LineError {
    place: FileLocation,
    line: u64,
    reason: String,
    ends_entry: bool,
}

impl LineError {
    pub(crate) fn new(place: &FileLocation, line: u64, reason: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            line,
            reason: reason.into(),
            ends_entry: false,
        }
    }

    pub(crate) fn ending(place: &FileLocation, line: u64, reason: impl Into<String>) -> Self {
        Self {
            ends_entry: true,
            ..Self::new(place, line, reason)
        }
    }

    /// The line number, starting at 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The problem and the remedy, without the location.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the rest of the entry cannot be read either, because of an I/O error or a damaged zip.
    #[must_use]
    pub fn ends_entry(&self) -> bool {
        self.ends_entry
    }
}
