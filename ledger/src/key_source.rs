//! Where secret keys come from: a file, an environment variable or a command.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

use tickbook::domain::excerpt;
use zeroize::Zeroizing;

use crate::domain::{InvalidKeyRing, KeyRing};

/// The largest size of a list of keys in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Where a [`KeyRing`] is read from. Its text is `file:` and a path, `env:` and the name of a variable, or `command:`
/// and a command line for `sh`, whose standard output is read.
///
/// # Examples
/// ```
/// use tickbook_ledger::KeySource;
///
/// let source: KeySource = "file:/etc/tickbook/audit.keys".parse()?;
/// assert_eq!(source.to_string(), "file:/etc/tickbook/audit.keys");
/// assert!("/etc/tickbook/audit.keys".parse::<KeySource>().is_err());
/// # Ok::<(), tickbook_ledger::InvalidKeySource>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// A file that only its owner can access.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The standard output of a command, such as that of a password manager.
    Command(String),
}

/// A text is not a source of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid source of keys {}: expected file:PATH, env:VARIABLE or command:COMMAND", excerpt(.0))]
pub struct InvalidKeySource(pub String);

/// Keys cannot be read. The message contains no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// Other users can access the file.
    #[error("other users can access the keys in {} (mode {mode:04o}): run `chmod 600` on it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file or the command cannot be read.
    #[error("cannot read keys from {from}: {source}")]
    Io {
        /// The source of the keys.
        from: KeySource,
        /// The error.
        source: io::Error,
    },
    /// The variable is not set, or is not UTF-8.
    #[error("the environment variable {0} has no keys: set it")]
    Unset(String),
    /// The command failed.
    #[error("the command for keys failed with {0}: correct it")]
    Command(String),
    /// The content is not a list of keys.
    #[error("invalid keys in {from}: {invalid}")]
    Content {
        /// The source of the keys.
        from: KeySource,
        /// The problem.
        invalid: InvalidKeyRing,
    },
}

impl FromStr for KeySource {
    type Err = InvalidKeySource;

    fn from_str(text: &str) -> Result<Self, InvalidKeySource> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("command", line)) if !line.is_empty() => Ok(Self::Command(line.to_owned())),
            _ => Err(InvalidKeySource(text.to_owned())),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Command(line) => write!(f, "command:{line}"),
        }
    }
}

impl KeySource {
    /// Reads the keys. Blocks.
    ///
    /// # Errors
    /// The source cannot be read, other users can access the file, or the content is not a list of keys.
    pub fn read(&self) -> Result<KeyRing, KeySourceError> {
        let text = match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|error| self.io(error))?;
                if let Some(mode) = permissions_of_others(&file).map_err(|error| self.io(error))? {
                    let path = path.clone();
                    return Err(KeySourceError::Permissions { path, mode });
                }
                self.text(file)?
            }
            Self::Environment(name) => {
                let text = std::env::var(name).map(Zeroizing::new);
                text.map_err(|_| KeySourceError::Unset(name.clone()))?
            }
            Self::Command(line) => self.output(line)?,
        };
        KeyRing::parse(&text).map_err(|invalid| KeySourceError::Content {
            from: self.clone(),
            invalid,
        })
    }

    fn io(&self, source: io::Error) -> KeySourceError {
        KeySourceError::Io {
            from: self.clone(),
            source,
        }
    }

    fn text(&self, reader: impl io::Read) -> Result<Zeroizing<String>, KeySourceError> {
        // with its final capacity, so that no part of a key stays in freed memory
        let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
        let read = reader.take(MAX_BYTES).read_to_string(&mut text);
        read.map_err(|error| self.io(error))?;
        Ok(text)
    }

    fn output(&self, line: &str) -> Result<Zeroizing<String>, KeySourceError> {
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| self.io(error))?;
        let text = child.stdout.take().map(|output| self.text(output));
        let status = child.wait().map_err(|error| self.io(error))?;
        match status.success() {
            true => text.transpose().map(Option::unwrap_or_default),
            false => Err(KeySourceError::Command(status.to_string())),
        }
    }
}

#[cfg(unix)]
fn permissions_of_others(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
fn permissions_of_others(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> KeySource {
        text.parse().expect("a source")
    }

    #[test]
    fn keys_are_read_from_a_command() {
        let key = "0a".repeat(32);
        let keys = source(&format!("command:echo k:{key}")).read();
        assert_eq!(keys.expect("keys").current_id().as_str(), "k");
        let failed = source("command:exit 3").read().expect_err("it fails");
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
    }

    #[test]
    fn invalid_sources_are_refused() {
        for text in ["", "keys", "file:", "env:", "command:", "https://x"] {
            assert!(text.parse::<KeySource>().is_err(), "{text}");
        }
        let unset = source("env:TICKBOOK_TEST_UNSET").read();
        assert!(matches!(unset, Err(KeySourceError::Unset(_))), "{unset:?}");
        let missing = source("file:/nonexistent/keys").read();
        assert!(
            matches!(missing, Err(KeySourceError::Io { .. })),
            "{missing:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn file_that_others_can_access_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("tickbook-keys-{}", std::process::id()));
        std::fs::write(&path, format!("k:{}", "0a".repeat(32))).expect("written");
        let from = KeySource::File(path.clone());
        let permissions = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions(0o640)).expect("set");
        let refused = from.read();
        std::fs::set_permissions(&path, permissions(0o600)).expect("set");
        let read = from.read();
        std::fs::remove_file(&path).expect("removed");
        let is_refused = matches!(
            refused,
            Err(KeySourceError::Permissions { mode: 0o640, .. })
        );
        assert!(is_refused, "{refused:?}");
        assert_eq!(read.expect("keys").current_id().as_str(), "k");
    }
}
