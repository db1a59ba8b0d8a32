//! What is wrong with a file, and what is wrong with one of its lines.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::domain::printable;

/// The file, and the entry of it where it is a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(Arc<str>);

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Self(printable(&path.display().to_string()).into())
    }

    pub(crate) fn entry(&self, name: &str) -> Self {
        Self(format!("{}: {}", self.0, printable(name)).into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file or an entry that cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct FileError {
    place: Place,
    reason: String,
}

impl FileError {
    pub(crate) fn new(place: &Place, reason: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            reason: reason.into(),
        }
    }
}

/// A line that holds nothing that can be used.
///
/// Its text names the file, the entry, the line, the column where one is to blame, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: line {line}: {reason}")]
pub struct LineError {
    place: Place,
    line: u64,
    reason: String,
    ends_entry: bool,
}

impl LineError {
    pub(crate) fn new(place: &Place, line: u64, reason: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            line,
            reason: reason.into(),
            ends_entry: false,
        }
    }

    pub(crate) fn ending(place: &Place, line: u64, reason: impl Into<String>) -> Self {
        Self {
            ends_entry: true,
            ..Self::new(place, line, reason)
        }
    }

    /// The number of the line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// What is wrong and what to do, without the place.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the rest of the entry cannot be read either: the medium failed, or a zip is damaged.
    #[must_use]
    pub fn ends_entry(&self) -> bool {
        self.ends_entry
    }
}
