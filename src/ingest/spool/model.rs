//! A disk in memory for tests: it fails when told to, and a power cut takes what was not synced.

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

/// What changes a file.
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

/// Which operations fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ingest) enum Failing {
    #[default]
    Nothing,
    /// The one of this number and no other; the first is 1.
    Once(u64),
    Syncs,
    Writes,
}

#[derive(Debug, Default)]
struct Model {
    /// What is read.
    seen: Vec<u8>,
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// What the next sync brings to the disk. A sync that fails forgets it, as Linux does.
    pending: Vec<Change>,
    history: Vec<Change>,
    failing: Failing,
    /// Nobody gets a file closed.
    is_busy: bool,
    /// Nothing is written, and nothing fails.
    hangs: bool,
    /// Operations that wait for the end of that.
    hanging: u64,
    folders: Vec<PathBuf>,
    is_uncached: bool,
    operations: u64,
    failures: u64,
    descriptors: u64,
    /// Of those, whose sync has failed.
    poisoned: BTreeSet<u64>,
    syncs_after_failure: u64,
}

/// Clones are the same disk, which has one file.
#[derive(Debug, Clone, Default)]
pub(in crate::ingest) struct ModelDisk(Arc<Mutex<Model>>);

impl ModelDisk {
    /// With a file of these bytes.
    pub(in crate::ingest) fn with(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.lock().durable.clone_from(&bytes);
        disk.lock().seen = bytes;
        disk
    }

    /// A disk all of whose bytes are read when they are needed, so that damage is seen.
    pub(in crate::ingest) fn uncached() -> Self {
        let disk = Self::default();
        disk.lock().is_uncached = true;
        disk
    }

    pub(in crate::ingest) fn set_failing(&self, failing: Failing) {
        self.lock().failing = failing;
    }

    /// While it is busy, closing a file waits.
    pub(in crate::ingest) fn set_busy(&self, is_busy: bool) {
        self.lock().is_busy = is_busy;
    }

    /// While it hangs, writes and syncs wait, and so do reads.
    pub(in crate::ingest) fn set_hanging(&self, hangs: bool) {
        self.lock().hangs = hangs;
    }

    /// How many operations hang.
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

    /// What is in the file after a power cut.
    pub(in crate::ingest) fn durable(&self) -> Vec<u8> {
        self.lock().durable.clone()
    }

    /// What is in the file.
    pub(in crate::ingest) fn seen(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    /// All changes that succeeded, in their order.
    pub(in crate::ingest) fn history(&self) -> Vec<Change> {
        self.lock().history.clone()
    }

    /// Operations that could have failed.
    pub(in crate::ingest) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Operations that have failed.
    pub(in crate::ingest) fn failures(&self) -> u64 {
        self.lock().failures
    }

    /// Syncs of an open file whose sync had failed before; they would succeed and mean nothing.
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
            // as much of it as there was
            let part = data[..data.len() / 2].to_vec();
            model.change(Change::Write(offset, part));
            return Err(error());
        }
        model.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }
}
