//! The file of heads of the audit log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use crate::domain::AuditHead;

/// A file with one head of the audit log in each line, in the order of recording. It belongs on another disk or machine
/// than the database. All methods block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorFile {
    path: PathBuf,
}

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorFileError {
    /// The operating system refuses the access.
    #[error("cannot {attempt} the anchor file {}: {source}", path.display())]
    Io {
        /// `read` or `write`.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A line is not a head.
    #[error("invalid line {line} of the anchor file {}: expected a chain, a number and 64 hexadecimal digits, separated by colons", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line.
        line: usize,
    },
}

impl AnchorFile {
    /// The file at `path`, which need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a head, and waits until it is on the disk. Creates the file if it is missing. Several processes may
    /// append.
    ///
    /// # Errors
    /// The operating system refuses the access.
    pub fn append(&self, head: &AuditHead) -> Result<(), AnchorFileError> {
        let append = || {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.path)?;
            // one call, so that lines of several processes do not mix
            file.write_all(format!("{head}\n").as_bytes())?;
            file.sync_data()
        };
        append().map_err(|error| self.error("write", error))
    }

    /// Returns the head with the largest number of each chain, by ascending chain. A missing file has none.
    ///
    /// # Errors
    /// The operating system refuses the access, or a line is not a head.
    pub fn heads(&self) -> Result<Vec<AuditHead>, AnchorFileError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error("read", error)),
        };
        let mut heads = BTreeMap::new();
        for (line, text) in (1..).zip(BufReader::new(file).lines()) {
            let text = text.map_err(|error| self.error("read", error))?;
            let Ok(head) = text.parse::<AuditHead>() else {
                let path = self.path.clone();
                return Err(AnchorFileError::Line { path, line });
            };
            let known = heads.entry(head.chain).or_insert(head);
            if known.sequence < head.sequence {
                *known = head;
            }
        }
        Ok(heads.into_values().collect())
    }

    fn error(&self, attempt: &'static str, source: io::Error) -> AnchorFileError {
        AnchorFileError::Io {
            attempt,
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuditChain, AuditMac, TenantId};

    #[test]
    fn last_head_of_each_chain_is_read() {
        let path = std::env::temp_dir().join(format!("tickbook-anchors-{}", std::process::id()));
        let file = AnchorFile::new(&path);
        assert_eq!(file.heads().expect("no file"), []);
        let head = |chain, sequence| {
            AuditHead::new(chain, sequence, AuditMac::from_bytes([sequence as u8; 32]))
        };
        let (first, second) = (
            AuditChain::INSTALLATION,
            AuditChain::tenant(TenantId::new(7)),
        );
        for it in [
            head(first, 1),
            head(second, 1),
            head(first, 3),
            head(first, 2),
        ] {
            file.append(&it).expect("appended");
        }
        let heads = file.heads();
        std::fs::write(&path, "0:1:xx\n").expect("written");
        let invalid = file.heads();
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(heads.expect("read"), [head(first, 3), head(second, 1)]);
        assert!(
            matches!(invalid, Err(AnchorFileError::Line { line: 1, .. })),
            "{invalid:?}"
        );
    }
}
