//! A disk in memory for tests, with injected failures and power cuts that remove unsynced changes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::DateTime;
use redb::StorageBackend;

use super::block;
use super::disk::Disk;
use crate::domain::Tick;

/// A change of a file.
#[derive(Debug, Clone)]
pub(in crate::ingest) enum Change {
    Length(u64),
    Write(u64, Vec<u8>),
}

impl Change {
    pub(in crate::ingest) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length as usize, 0),
            Self::Write(offset, data) => {
                let (start, end) = (*offset as usize, *offset as usize + data.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(data);
            }
        }
    }
}

/// The operations that fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ingest) enum Failing {
    #[default]
    Nothing,
    /// Only the operation of this number; the first is 1.
    Once(u64),
    Syncs,
    Writes,
}

#[derive(Debug, Default)]
struct Model {
    /// The bytes that reads return.
    seen: Vec<u8>,
    /// The bytes that survive a power cut.
    durable: Vec<u8>,
    /// The changes that the next sync writes. A failed sync drops them, as Linux does.
    pending: Vec<Change>,
    history: Vec<Change>,
    failing: Failing,
    /// Closing a file blocks.
    is_busy: bool,
    /// Operations neither succeed nor fail.
    hangs: bool,
    /// The number of operations that hang.
    hanging: u64,
    folders: Vec<PathBuf>,
    is_uncached: bool,
    operations: u64,
    failures: u64,
    descriptors: u64,
    /// Open files whose sync has failed.
    poisoned: BTreeSet<u64>,
    syncs_after_failure: u64,
}

/// A disk with one file. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(in crate::ingest) struct ModelDisk(Arc<Mutex<Model>>);

impl ModelDisk {
    /// Creates a disk with a file of these bytes.
    pub(in crate::ingest) fn with(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.lock().durable.clone_from(&bytes);
        disk.lock().seen = bytes;
        disk
    }

    /// Creates a disk without a cache, so that every read sees damage.
    pub(in crate::ingest) fn uncached() -> Self {
        let disk = Self::default();
        disk.lock().is_uncached = true;
        disk
    }

    pub(in crate::ingest) fn set_failing(&self, failing: Failing) {
        self.lock().failing = failing;
    }

    /// Sets whether closing a file blocks.
    pub(in crate::ingest) fn set_busy(&self, is_busy: bool) {
        self.lock().is_busy = is_busy;
    }

    /// Sets whether writes, syncs and reads hang.
    pub(in crate::ingest) fn set_hanging(&self, hangs: bool) {
        self.lock().hangs = hangs;
    }

    /// The number of operations that hang.
    pub(in crate::ingest) fn hanging(&self) -> u64 {
        self.lock().hanging
    }

    /// The folders that were synced.
    pub(in crate::ingest) fn folders(&self) -> Vec<PathBuf> {
        self.lock().folders.clone()
    }

    fn wait(&self) {
        if !self.lock().hangs {
            return;
        }
        self.lock().hanging += 1;
        while self.lock().hangs {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.lock().hanging -= 1;
    }

    /// Flips a bit of `tick`, which follows `before` in a batch.
    pub(in crate::ingest) fn damage(&self, before: &Tick, tick: &Tick) {
        let of = |ticks: &[Tick]| block::encode(ticks, DateTime::UNIX_EPOCH);
        let start = of(std::slice::from_ref(before)).len();
        let pattern = of(&[before.clone(), tick.clone()]).split_off(start);
        let mut model = self.lock();
        let places: Vec<usize> = model
            .seen
            .windows(pattern.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == pattern)
            .map(|(place, _)| place)
            .collect();
        assert!(!places.is_empty(), "the tick is on the disk");
        for place in places {
            model.seen[place] ^= 1;
        }
    }

    /// The file after a power cut.
    pub(in crate::ingest) fn durable(&self) -> Vec<u8> {
        self.lock().durable.clone()
    }

    /// The file as reads see it.
    pub(in crate::ingest) fn seen(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    /// All changes that succeeded, in order.
    pub(in crate::ingest) fn history(&self) -> Vec<Change> {
        self.lock().history.clone()
    }

    /// The number of operations that could have failed.
    pub(in crate::ingest) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// The number of operations that have failed.
    pub(in crate::ingest) fn failures(&self) -> u64 {
        self.lock().failures
    }

    /// The number of syncs of open files whose sync had failed before; they succeed without an effect.
    pub(in crate::ingest) fn syncs_after_failure(&self) -> u64 {
        self.lock().syncs_after_failure
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        self.0.lock().expect("whole")
    }
}

impl Disk for ModelDisk {
    fn open(&self, _path: &Path) -> Result<Box<dyn StorageBackend>, redb::Error> {
        let mut model = self.lock();
        model.descriptors += 1;
        let (disk, descriptor) = (self.clone(), model.descriptors);
        Ok(Box::new(ModelFile { disk, descriptor }))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.lock().folders.push(path.to_owned());
        Ok(())
    }

    fn cache_bytes(&self) -> usize {
        if self.lock().is_uncached { 0 } else { 16 << 20 }
    }
}

#[derive(Debug)]
struct ModelFile {
    disk: ModelDisk,
    descriptor: u64,
}

impl Model {
    fn fails(&mut self, lasting: Failing) -> bool {
        self.operations += 1;
        let fails = self.failing == lasting || self.failing == Failing::Once(self.operations);
        self.failures += u64::from(fails);
        fails
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change.clone());
        self.history.push(change);
    }
}

fn error() -> io::Error {
    io::Error::other("told to fail")
}

impl StorageBackend for ModelFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.wait();
        let model = self.disk.lock();
        let start = offset as usize;
        let found = model.seen.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.wait();
        let mut model = self.disk.lock();
        if model.fails(Failing::Writes) {
            return Err(error());
        }
        model.change(Change::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.wait();
        let mut model = self.disk.lock();
        model.syncs_after_failure += u64::from(model.poisoned.contains(&self.descriptor));
        let pending = std::mem::take(&mut model.pending);
        if model.fails(Failing::Syncs) {
            model.poisoned.insert(self.descriptor);
            return Err(error());
        }
        for change in pending {
            change.apply(&mut model.durable);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        while self.disk.lock().is_busy {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.wait();
        let mut model = self.disk.lock();
        if model.fails(Failing::Writes) {
            // only a part of it fits
            let part = data[..data.len() / 2].to_vec();
            model.change(Change::Write(offset, part));
            return Err(error());
        }
        model.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }
}
