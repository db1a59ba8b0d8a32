//! Keeps the spool's file open, and reopens it after failures: of the disk, of space, and of the file itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::database::{KnownBatches, SpoolContent, SpoolDatabase};
use super::directory::{OwnedDirectory, file_bytes};
use super::disk::data_file;
use super::disk::{self, Disk};
use super::error::io_error;
use super::error::{SpoolError, storage_error};
use super::lock;
use super::reserve::Reserve;
use crate::ingest::record::Record;

/// Minimum interval between attempts to reopen the file. Tests make it fail hundreds of times.
const TRY_EVERY: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });
/// Minimum interval between checks for space, since a check writes as much as it sets aside.
const CHECK_INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 1_000 });
/// A file that exceeds twice its content by this much is compacted.
const SLACK: u64 = 2 << 20;

pub(super) struct ReopeningFile<R: Record> {
    /// `None` after a failure.
    store: Option<SpoolDatabase<R>>,
    /// Stays locked while the file is closed, so that no other process takes it.
    directory: OwnedDirectory,
    disk: Arc<dyn Disk>,
    max_bytes: u64,
    content: Arc<Mutex<SpoolContent>>,
    reserve: Reserve,
    no_room_since: Option<(Instant, SpoolError)>,
    /// Whether the file may have pages that the disk lacks.
    sync_failed: Arc<AtomicBool>,
    last_failure: Option<(Instant, SpoolError)>,
    /// The batches of the file when it was closed because of a failure.
    known: Option<KnownBatches>,
}

impl<R: Record> ReopeningFile<R> {
    pub(super) fn open(
        directory: OwnedDirectory,
        max_bytes: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, SpoolError> {
        let reserve = Reserve::of(directory.path());
        let mut reopening_file = Self {
            store: None,
            directory,
            disk,
            max_bytes,
            content: Arc::default(),
            reserve,
            no_room_since: None,
            sync_failed: Arc::default(),
            last_failure: None,
            known: None,
        };
        let mut opened = reopening_file.open_store();
        if matches!(opened, Err(SpoolError::DiskFull { .. })) && reopening_file.reserve.free() {
            opened = reopening_file.open_store();
        }
        let store = opened?;
        *lock(&reopening_file.content) = store.content();
        reopening_file.store = Some(store);
        Ok(reopening_file)
    }

    /// `None` after a failure.
    pub(super) fn store(&self) -> Option<&SpoolDatabase<R>> {
        self.store.as_ref()
    }

    /// The shared content, which stays up to date.
    pub(super) fn content(&self) -> Arc<Mutex<SpoolContent>> {
        Arc::clone(&self.content)
    }

    /// Sets space aside unless it is set aside already. Without it nothing may be added.
    pub(super) fn make_room(&mut self) -> Result<(), SpoolError> {
        if self.reserve.is_whole() {
            return Ok(());
        }
        if let Some((at, error)) = &self.no_room_since
            && at.elapsed() < CHECK_INTERVAL
        {
            return Err(error.clone());
        }
        let mut made = self.reserve.make();
        if made.is_err() && self.wastes_space() {
            // a failure does not matter: the caller waits for space anyway
            let _ = self.with_store(SpoolDatabase::compact);
            made = self.reserve.make();
        }
        match made {
            Ok(()) => {
                tracing::info!("the disk of the spool has space again");
                self.no_room_since = None;
                Ok(())
            }
            Err(error) => {
                let error = io_error(self.directory.path(), &error);
                self.no_room_since = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Runs `work` on the file. After a failure it closes the file and reopens it for the next request, since
    /// the state of the disk is unknown after a failed write.
    pub(super) fn with_store<T>(
        &mut self,
        work: impl FnOnce(&mut SpoolDatabase<R>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        self.reopen()?;
        let Some(store) = &mut self.store else {
            return Err(SpoolError::Closed);
        };
        // redb asserts conditions that only damage can violate
        let done = catch_unwind(AssertUnwindSafe(|| work(store)))
            .unwrap_or_else(|_| Err(contradiction(self.directory.path())));
        match &done {
            Ok(_) => {
                self.last_failure = None;
                *lock(&self.content) = store.content();
            }
            Err(error) => {
                tracing::error!(%error, "the spool failed and will be opened again");
                self.known = self.store.take().map(|store| store.known());
                // with the space that was set aside the next attempt can succeed immediately
                if !self.frees_space(error) {
                    self.last_failure = Some((Instant::now(), error.clone()));
                }
            }
        }
        done
    }

    fn wastes_space(&self) -> bool {
        let used = lock(&self.content).bytes;
        file_bytes(self.directory.path()) > used.saturating_mul(2).saturating_add(SLACK)
    }

    /// Releases the space that was set aside if `error` is a full disk. Returns whether it did.
    fn frees_space(&mut self, error: &SpoolError) -> bool {
        if !matches!(error, SpoolError::DiskFull { .. }) || !self.reserve.free() {
            return false;
        }
        self.no_room_since = Some((Instant::now(), error.clone()));
        true
    }

    fn reopen(&mut self) -> Result<(), SpoolError> {
        if self.store.is_some() {
            return Ok(());
        }
        if let Some((at, error)) = &self.last_failure
            && at.elapsed() < TRY_EVERY
        {
            return Err(error.clone());
        }
        let mut opened = self.open_store();
        if let Err(error) = &opened
            && self.frees_space(&error.clone())
        {
            opened = self.open_store();
        }
        match opened {
            Ok(mut store) => {
                tracing::info!("the spool works again");
                if let Some(known) = self.known.take() {
                    store.compare(&known);
                }
                self.store = Some(store);
                Ok(())
            }
            Err(error) => {
                self.last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Opens the file; damage that makes redb panic is an error like other damage.
    fn open_store(&self) -> Result<SpoolDatabase<R>, SpoolError> {
        let (path, sync_failed) = (self.directory.path(), &self.sync_failed);
        if sync_failed.load(Ordering::SeqCst) {
            let failed = |error: redb::Error| storage_error(path, &error);
            let file = self.disk.open(&data_file(path)).map_err(failed)?;
            let rewritten = disk::rewrite(&*file);
            let _ = file.close();
            rewritten.map_err(|error| io_error(path, &error))?;
            sync_failed.store(false, Ordering::SeqCst);
        }
        catch_unwind(AssertUnwindSafe(|| {
            SpoolDatabase::open(path, self.max_bytes, &*self.disk, Arc::clone(sync_failed))
        }))
        .unwrap_or_else(|_| Err(contradiction(path)))
    }
}

fn contradiction(directory: &Path) -> SpoolError {
    SpoolError::Corrupted {
        directory: directory.to_owned(),
        reason: "its file contradicts itself".to_owned(),
    }
}
