//! The files of a certificate and its key.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::certificate::InvalidCertificate;

/// Longer files are refused.
const MAX_BYTES: u64 = 1 << 20;

/// Permission of every user of the system to read.
const READ_BY_OTHERS: u32 = 0o004;

/// The contents of both files.
pub(super) struct Files {
    pub(super) chain: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Files {
    /// Reads both files. The key must not be readable by every user.
    pub(super) fn read(chain: &Path, key: &Path) -> Result<Self, InvalidCertificate> {
        Ok(Self {
            chain: read(chain, false)?,
            key: read(key, true)?,
        })
    }

    /// A number that differs for different contents, so that the key itself need not be retained.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.chain.hash(&mut hasher);
        self.key.hash(&mut hasher);
        hasher.finish()
    }
}

fn read(path: &Path, is_secret: bool) -> Result<Vec<u8>, InvalidCertificate> {
    let file = || path.display().to_string();
    let unreadable = |error: io::Error| InvalidCertificate::Unreadable {
        file: file(),
        reason: error.to_string(),
    };
    let opened = File::open(path).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if is_secret && metadata.permissions().mode() & READ_BY_OTHERS != 0 {
        return Err(InvalidCertificate::PublicKeyFile { file: file() });
    }
    let mut content = Vec::new();
    let read = opened.take(MAX_BYTES + 1).read_to_end(&mut content);
    read.map_err(unreadable)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(content)
}
