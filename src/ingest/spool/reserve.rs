//! The reserve: space set aside next to the spool's file, so that the spool can be emptied into the database
//! on a full disk. Removing ticks from the file takes some pages before it frees others.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Reopening the file takes some hundred kilobytes, and removing a batch some pages.
const BYTES: u64 = 4 << 20;
/// The additional space that must be free. Without it the next ticks would fill the disk again, and the file
/// would have to be reopened each time.
const MARGIN: u64 = 1 << 20;
const NAME: &str = "reserve";

/// A file without information. Unless it is complete, no ticks are added.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    is_whole: bool,
}

impl Reserve {
    /// The reserve in `directory`, created if there is space.
    pub(super) fn of(directory: &Path) -> Self {
        let path = directory.join(NAME);
        let is_whole = fs::metadata(&path).is_ok_and(|file| file.len() == BYTES);
        let mut reserve = Self { path, is_whole };
        if let Err(error) = reserve.make() {
            tracing::error!(%error, "the spool cannot set space aside and accepts no ticks until it can");
        }
        reserve
    }

    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Sets the space aside again if it and the margin are free; does nothing if it is set aside.
    pub(super) fn make(&mut self) -> io::Result<()> {
        if self.is_whole {
            return Ok(());
        }
        let made = self.write();
        self.is_whole = made.is_ok();
        if made.is_err() {
            // leave the remaining space to the spool's file
            let _ = fs::remove_file(&self.path);
        }
        made
    }

    /// Releases the space. Returns whether there was any.
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
        // bytes that no file system omits or compresses
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = Vec::with_capacity(64 << 10);
        while block.len() < 64 << 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        let mut file = File::create(&self.path)?;
        for _ in 0..(BYTES + MARGIN) / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        file.set_len(BYTES)?;
        file.sync_all()
    }
}
