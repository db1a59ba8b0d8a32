//! The output of an export.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempPath;

use crate::args::is_stdout;

/// Permissions of a new file, before the umask of the process.
#[cfg(unix)]
const NEW_FILE: u32 = 0o666;

/// Opens the output.
pub(crate) type Opener = Box<dyn FnOnce() -> io::Result<Box<dyn Write + Send>> + Send>;

/// Standard output, a device or a pipe, or a file that is renamed to its final name when it is complete.
#[derive(Debug)]
pub(crate) enum Output {
    Stdout,
    /// Opened by the writing thread, because opening a pipe waits for a reader.
    Stream(PathBuf),
    /// A temporary file, removed on drop.
    File {
        part: TempPath,
        file: File,
        name: PathBuf,
        replaces: bool,
    },
}

impl Output {
    /// Opens `path`, or standard output. An existing file is replaced only if `force` is set.
    pub(crate) fn open(path: Option<&Path>, force: bool) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| !is_stdout(path)) else {
            return Ok(Self::Stdout);
        };
        let shown = path.display();
        let replaced = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                bail!("{shown}: is a directory: name a file in it")
            }
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Stream(path.to_path_buf())),
            Ok(_) if !force => {
                bail!("{shown}: already exists: name another file, or give --force to replace it")
            }
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    bail!("{shown}: is a dangling link: name a file");
                }
                None
            }
            Err(error) => return Err(error).with_context(|| format!("{shown}: cannot be written")),
        };
        // if the path is a link, its target is replaced and the link is unchanged
        let name = match &replaced {
            Some(_) => path.canonicalize(),
            None => Ok(path.to_path_buf()),
        };
        let name = name.with_context(|| format!("{shown}: cannot resolve"))?;
        let folder = name.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let part = new_file(folder, replaced.as_ref());
        let part = part.with_context(|| format!("{shown}: cannot be written"))?;
        let (file, part) = part.into_parts();
        Ok(Self::File {
            part,
            file,
            name,
            replaces: replaced.is_some(),
        })
    }

    /// Opens the output, which may block.
    pub(crate) fn opener(&self) -> Opener {
        match self {
            Self::Stdout => Box::new(|| Ok(Box::new(io::stdout()))),
            Self::Stream(path) => {
                let path = path.clone();
                Box::new(move || Ok(Box::new(OpenOptions::new().write(true).open(path)?)))
            }
            Self::File { file, .. } => {
                let file = file.try_clone();
                Box::new(move || Ok(Box::new(file?)))
            }
        }
    }

    /// Whether a reader may close the output before the end.
    pub(crate) fn is_stream(&self) -> bool {
        !matches!(self, Self::File { .. })
    }

    /// Gives the file its final name.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Self::File {
            part,
            file,
            name,
            replaces,
        } = self
        else {
            return Ok(());
        };
        file.sync_all()
            .context("cannot write the file: check its disk")?;
        let named = match replaces {
            true => part.persist(&name),
            false => part.persist_noclobber(&name),
        };
        named.with_context(|| format!("{}: cannot rename the complete file", name.display()))
    }
}

/// Creates a temporary file in `folder` with the permissions of `replaced`.
fn new_file(folder: &Path, replaced: Option<&fs::Metadata>) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tickbook-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(NEW_FILE));
    let file = builder.tempfile_in(folder)?;
    if let Some(replaced) = replaced {
        file.as_file().set_permissions(replaced.permissions())?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_output_is_known_by_its_names() {
        for name in [None, Some("-"), Some("/dev/stdout")] {
            let output = Output::open(name.map(Path::new), false).expect("it is open");
            assert!(matches!(output, Output::Stdout), "{name:?}");
        }
    }
}
