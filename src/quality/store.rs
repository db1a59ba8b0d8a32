//! Ticks that wait to be put into quarantine: on the disk, or in memory where there is none.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition,
};

use super::keeper::QuarantineError;
use super::record;
use crate::repository::QuarantinedTick;

/// What waits is written once and read once.
const CACHE: usize = 1 << 20;

const FILE: &str = "quarantine.redb";
const TICKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("ticks");
/// What cannot be read stays to be looked at.
const DAMAGED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("damaged");

/// Numbered ticks, oldest first. Those that the disk does not take are kept in memory.
pub(super) struct Store {
    file: Option<Database>,
    on_disk: u64,
    memory: VecDeque<(u64, QuarantinedTick)>,
    next: u64,
}

impl Store {
    pub(super) fn in_memory() -> Self {
        Self {
            file: None,
            on_disk: 0,
            memory: VecDeque::new(),
            next: 1,
        }
    }

    pub(super) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    pub(super) fn open(directory: &Path) -> Result<Self, QuarantineError> {
        let path = Self::path(directory);
        let failed = |reason: String| QuarantineError {
            path: path.clone(),
            reason,
        };
        std::fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        let file = Database::builder()
            .set_cache_size(CACHE)
            .create(&path)
            .map_err(|error| failed(error.to_string()))?;
        let mut store = Self {
            file: Some(file),
            ..Self::in_memory()
        };
        store.count().map_err(|error| failed(error.to_string()))?;
        Ok(store)
    }

    fn count(&mut self) -> Result<(), redb::Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let transaction = file.begin_write()?;
        {
            let ticks = transaction.open_table(TICKS)?;
            let damaged = transaction.open_table(DAMAGED)?;
            self.on_disk = ticks.len()?;
            for table in [&ticks, &damaged] {
                if let Some((last, _)) = table.last()? {
                    self.next = self.next.max(last.value() + 1);
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// How many wait.
    pub(super) fn len(&self) -> u64 {
        self.on_disk + self.memory.len() as u64
    }

    /// How many wait on the disk, and how many in memory.
    pub(super) fn left(&self) -> (u64, u64) {
        (self.on_disk, self.memory.len() as u64)
    }

    pub(super) fn append(&mut self, ticks: Vec<QuarantinedTick>) {
        if ticks.is_empty() {
            return;
        }
        let numbered: Vec<_> = (self.next..).zip(ticks).collect();
        self.next += numbered.len() as u64;
        // behind others that the disk did not take these would overtake them
        let goes_to_disk = self.file.is_some() && self.memory.is_empty();
        if goes_to_disk {
            match self.write(&numbered) {
                Ok(()) => {
                    self.on_disk += numbered.len() as u64;
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "the disk does not take ticks of the quarantine")
                }
            }
        }
        self.memory.extend(numbered);
    }

    fn write(&self, numbered: &[(u64, QuarantinedTick)]) -> Result<(), redb::Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let transaction = file.begin_write()?;
        {
            let mut table = transaction.open_table(TICKS)?;
            for (number, tick) in numbered {
                table.insert(number, record::encode(tick).as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The oldest ones, `most` at most.
    pub(super) fn first(&mut self, most: usize) -> Vec<(u64, QuarantinedTick)> {
        while self.on_disk > 0 {
            match self.read(most) {
                Ok((ticks, damaged)) if damaged.is_empty() => return ticks,
                Ok((_, damaged)) => {
                    tracing::error!(
                        count = damaged.len(),
                        "damaged ticks of the quarantine are put aside in its file"
                    );
                    if let Err(error) = self.put_aside(&damaged) {
                        tracing::error!(%error, "the disk does not take ticks of the quarantine");
                        return Vec::new();
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the disk does not give ticks of the quarantine");
                    return Vec::new();
                }
            }
        }
        self.memory.iter().take(most).cloned().collect()
    }

    #[allow(clippy::type_complexity)]
    fn read(
        &self,
        most: usize,
    ) -> Result<(Vec<(u64, QuarantinedTick)>, Vec<(u64, Vec<u8>)>), redb::Error> {
        let (mut ticks, mut damaged) = (Vec::new(), Vec::new());
        if let Some(file) = &self.file {
            let table = file.begin_read()?.open_table(TICKS)?;
            for row in table.iter()?.take(most) {
                let (number, bytes) = row?;
                match record::decode(bytes.value()) {
                    Some(tick) => ticks.push((number.value(), tick)),
                    None => damaged.push((number.value(), bytes.value().to_vec())),
                }
            }
        }
        Ok((ticks, damaged))
    }

    fn put_aside(&mut self, damaged: &[(u64, Vec<u8>)]) -> Result<(), redb::Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let transaction = file.begin_write()?;
        {
            let mut ticks = transaction.open_table(TICKS)?;
            let mut aside = transaction.open_table(DAMAGED)?;
            for (number, bytes) in damaged {
                ticks.remove(number)?;
                aside.insert(number, bytes.as_slice())?;
            }
        }
        transaction.commit()?;
        self.on_disk -= damaged.len() as u64;
        Ok(())
    }

    /// Forgets what the repository has.
    pub(super) fn remove_through(&mut self, last: u64) {
        self.memory.retain(|(number, _)| *number > last);
        if let Err(error) = self.remove_from_disk(last) {
            // they are put once more, which changes nothing
            tracing::error!(%error, "the disk does not forget ticks of the quarantine");
        }
    }

    fn remove_from_disk(&mut self, last: u64) -> Result<(), redb::Error> {
        let Some(file) = self.file.as_ref().filter(|_| self.on_disk > 0) else {
            return Ok(());
        };
        let transaction = file.begin_write()?;
        let left = {
            let mut table = transaction.open_table(TICKS)?;
            table.retain_in(..=last, |_, _| false)?;
            table.len()?
        };
        transaction.commit()?;
        self.on_disk = left;
        Ok(())
    }
}
