//! The file of the tokens.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::list::{InvalidTokenList, TokenList, TokenListError};
use crate::permissions::{create_private, identity, keep_owner, of_others};
use crate::record::TokenRecord;

/// Maximum size of a file in bytes.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// A file with tokens: one JSON object a line, for its owner only.
///
/// A change replaces the file, so a reader sees the old or the new content. Changes of several processes wait for
/// each other. All methods block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    path: PathBuf,
}

/// The state of a file; every change through [`TokenFile`] gives another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    identity: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
}

/// The file cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// There is no file.
    #[error("there is no tokens file {}: create it with `tickbook tokens add`", .0.display())]
    Missing(PathBuf),
    /// Other users may read or change the file.
    #[error(
        "other users can access the tokens file {} (mode {mode:04o}): run `chmod 600` on it",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is longer than 8 MiB.
    #[error("the tokens file {} has more than {MAX_FILE_BYTES} bytes: name the right file", .0.display())]
    TooLarge(PathBuf),
    /// The content is not a list of tokens.
    #[error("invalid tokens file {}: {invalid}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line and the problem.
        invalid: InvalidTokenList,
    },
    /// The list cannot be changed as wanted.
    #[error(transparent)]
    List(#[from] TokenListError),
    /// The operating system refuses the access.
    #[error("cannot {attempt} the tokens file {}: {source}", path.display())]
    Io {
        /// `read`, `create`, `lock` or `replace`.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl TokenFile {
    /// The file at `path`, which need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the tokens, and the version that they belong to.
    ///
    /// # Errors
    /// The file is missing, other users may access it, or it is not a list of tokens.
    pub fn read(&self) -> Result<(TokenList, FileVersion), TokenFileError> {
        let file = File::open(&self.path).map_err(|error| self.error("read", error))?;
        self.read_open(&file)
    }

    /// The present version. It costs one system call.
    ///
    /// # Errors
    /// The file is missing, or the operating system refuses the access.
    pub fn version(&self) -> Result<FileVersion, TokenFileError> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.error("read", error))?;
        Ok(version(&metadata))
    }

    /// Adds a token; creates the file if it is missing.
    ///
    /// # Errors
    /// The file cannot be read or written, or a token has this name.
    pub fn add(&self, record: TokenRecord) -> Result<(), TokenFileError> {
        match create_private(&self.path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(self.error("create", error)),
        }
        self.change(|list| list.add(record))
    }

    /// Removes a token, and returns it.
    ///
    /// # Errors
    /// The file cannot be read or written, or no token has this name.
    pub fn revoke(&self, name: &str) -> Result<TokenRecord, TokenFileError> {
        self.change(|list| list.revoke(name))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut TokenList) -> Result<T, TokenListError>,
    ) -> Result<T, TokenFileError> {
        let file = self.locked()?;
        let (mut list, _) = self.read_open(&file)?;
        let changed = change(&mut list)?;
        let replacing = self.replace(&file, &list.to_text());
        replacing.map_err(|error| self.error("replace", error))?;
        Ok(changed)
    }

    /// Opens and locks the file. Another process may replace it before the lock is there; then the new one is
    /// locked.
    fn locked(&self) -> Result<File, TokenFileError> {
        loop {
            let file = File::open(&self.path).map_err(|error| self.error("read", error))?;
            file.lock().map_err(|error| self.error("lock", error))?;
            let own = file.metadata().map_err(|error| self.error("read", error))?;
            let named = fs::metadata(&self.path).map_err(|error| self.error("read", error))?;
            if identity(&own) == identity(&named) {
                return Ok(file);
            }
        }
    }

    fn read_open(&self, file: &File) -> Result<(TokenList, FileVersion), TokenFileError> {
        let metadata = file.metadata().map_err(|error| self.error("read", error))?;
        let path = || self.path.clone();
        if let Some(mode) = of_others(&metadata) {
            return Err(TokenFileError::Permissions { path: path(), mode });
        }
        let mut text = String::new();
        let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| self.error("read", error))?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(TokenFileError::TooLarge(path()));
        }
        match TokenList::parse(&text) {
            Ok(list) => Ok((list, version(&metadata))),
            Err(invalid) => Err(TokenFileError::Content {
                path: path(),
                invalid,
            }),
        }
    }

    /// Replaces the file by one with `text`, of the same owner.
    fn replace(&self, replaced: &File, text: &str) -> io::Result<()> {
        // the target of a link is replaced, and the link is unchanged
        let name = self.path.canonicalize()?;
        let folder = name.parent().unwrap_or(Path::new("/"));
        let mut builder = tempfile::Builder::new();
        // such a file is for its owner only
        let mut part = builder.prefix(".tickbook-tokens-").tempfile_in(folder)?;
        keep_owner(part.as_file(), &replaced.metadata()?)?;
        part.write_all(text.as_bytes())?;
        part.as_file().sync_all()?;
        part.persist(&name)?;
        // the name survives a crash of the machine
        File::open(folder)?.sync_all()
    }

    fn error(&self, attempt: &'static str, source: io::Error) -> TokenFileError {
        let path = self.path.clone();
        match source.kind() {
            io::ErrorKind::NotFound if attempt == "read" => TokenFileError::Missing(path),
            _ => TokenFileError::Io {
                attempt,
                path,
                source,
            },
        }
    }
}

fn version(metadata: &Metadata) -> FileVersion {
    FileVersion {
        identity: identity(metadata),
        length: metadata.len(),
        modified: metadata.modified().ok(),
    }
}

#[cfg(test)]
mod tests;
