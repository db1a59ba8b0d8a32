//! Baseline of the disk: blocks of ticks, each appended to a file and synchronized.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use tickbook::domain::Tick;

use super::BlockingContender;

/// Approximate size of a tick in a spool.
const BYTES_PER_TICK: usize = 40;

pub(crate) struct AppendAndSync {
    file: File,
}

impl AppendAndSync {
    pub(crate) const NAME: &str = "append + fsync alone";

    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let file = File::create(directory.join("appended"))?;
        Ok(Self { file })
    }
}

impl BlockingContender for AppendAndSync {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn write(&mut self, number: usize, batch: &[Tick]) -> Result<()> {
        let bytes = vec![number as u8; batch.len() * BYTES_PER_TICK];
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        Ok(())
    }
}
