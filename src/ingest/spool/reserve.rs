//! Space set aside beside the spool's file, so that a full disk can still be emptied into the
//! database: removing ticks from the file takes some pages before it frees others.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Opening the file anew takes some hundred kilobytes, and removing a batch some pages.
const BYTES: u64 = 4 << 20;
const NAME: &str = "reserve";

/// A file that nobody reads. While it is not whole, no ticks are added.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    is_whole: bool,
}

impl Reserve {
    /// The one in `directory`, made where there is space for it.
    pub(super) fn of(directory: &Path) -> Self {
        let path = directory.join(NAME);
        let is_whole = fs::metadata(&path).is_ok_and(|file| file.len() == BYTES);
        let mut reserve = Self { path, is_whole };
        if let Err(error) = reserve.make() {
            tracing::error!(%error, "the spool cannot set space aside and takes no ticks until it can");
        }
        reserve
    }

    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Sets the space aside again; does nothing while it is.
    pub(super) fn make(&mut self) -> io::Result<()> {
        if self.is_whole {
            return Ok(());
        }
        let made = self.write();
        self.is_whole = made.is_ok();
        if made.is_err() {
            // what there is left has a better use
            let _ = fs::remove_file(&self.path);
        }
        made
    }

    /// Gives the space to whoever needs it. Returns whether there was any.
    pub(super) fn free(&mut self) -> bool {
        if !std::mem::take(&mut self.is_whole) {
            return false;
        }
        let freed = fs::remove_file(&self.path);
        if let Err(error) = &freed {
            tracing::error!(%error, "the space that was set aside for the spool cannot be freed");
        }
        freed.is_ok()
    }

    fn write(&self) -> io::Result<()> {
        // bytes that no file system leaves out or makes much smaller
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = Vec::with_capacity(64 << 10);
        while block.len() < 64 << 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        let mut file = File::create(&self.path)?;
        for _ in 0..BYTES / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}
