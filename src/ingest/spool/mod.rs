//! The spool: holds records on the disk until they are in the database.
//!
//! The spool is one file, written by one thread and owned by one process at a time. Batches have ascending
//! numbers and are removed after the database has them. Batches that were not removed in time are sent again,
//! which stores nothing twice.

mod block;
mod database;
mod dead_letter;
mod directory;
mod disk;
mod error;
mod reopening_file;
mod reserve;
mod thread;

use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

pub use self::dead_letter::{DeadLetter, DeadLetterReason, NumberedDeadLetter};
use self::directory::OwnedDirectory;
pub(super) use self::disk::Disk;
use self::disk::FileSystem;

pub use self::database::SpoolContent;
pub(super) use self::database::{SpoolRead, StoredLetters};
pub use self::error::SpoolError;
pub(super) use self::thread::SpoolBatch;
use self::thread::{RemovableThrough, Reply, SpoolRequest, SpoolThread};
use super::record::{BookRecord, Record};
use crate::domain::{Tick, Trade};

/// The format of the files that this version writes, and the newest that it reads.
pub const SPOOL_FORMAT: u32 = directory::FORMAT;

/// An open spool of ticks.
pub type TickSpool = Spool<Tick>;

/// An open spool of trades.
pub type TradeSpool = Spool<Trade>;

/// An open spool of rows of order books.
pub type BookSpool = Spool<BookRecord>;

/// An open spool of records. Clones are handles of the same spool; it closes when all are dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use tickbook::Repositories;
/// use tickbook::ingest::{PersisterConfig, SpoolConfig, TickPersister, TickSpool};
///
/// let folder = tempfile::tempdir()?;
/// let (ticks, config) = (Repositories::in_memory().ticks, PersisterConfig::default());
/// let persister = TickPersister::open(ticks, config, &SpoolConfig::new(folder.path())).await?;
/// persister.stop(Duration::from_secs(10)).await;
/// // a stopped persister leaves its spool to others
/// let spool = TickSpool::open(folder.path(), 1 << 30).await?;
/// assert_eq!((spool.content().records, spool.dead_letters().await?.len()), (0, 0));
/// spool.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Spool<R: Record = Tick> {
    requests: Sender<SpoolRequest<R>>,
    content: Arc<Mutex<SpoolContent>>,
    removable: Arc<RemovableThrough>,
    directory: Arc<Path>,
    /// The numbers before the first and of the last record at the time of opening.
    found: (u64, u64),
}

impl<R: Record> Spool<R> {
    /// Opens the spool in `directory`, or creates one that holds up to `max_bytes` of records.
    ///
    /// Reads everything in it once; sets damaged batches aside and counts them.
    ///
    /// # Errors
    /// Fails immediately if the spool is in use, has a newer format, holds records of another kind or
    /// version, or is damaged beyond repair.
    pub async fn open(directory: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        Self::open_on(directory, max_bytes, Arc::new(FileSystem)).await
    }

    /// Opens the spool on another disk than the file system.
    pub(super) async fn open_on(
        directory: &Path,
        max_bytes: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, SpoolError> {
        let path = directory.to_owned();
        let (requests, receiver) = std::sync::mpsc::channel();
        let (opened, reply) = oneshot::channel();
        let work = move || match open::<R>(&path, max_bytes, disk) {
            Ok((found, content, thread)) => {
                let removable = thread.removable();
                if opened.send(Ok((found, content, removable))).is_ok() {
                    thread.run(&receiver);
                }
            }
            Err(error) => {
                // the caller may no longer wait
                let _ = opened.send(Err(error));
            }
        };
        std::thread::Builder::new()
            .name(format!("{}-spool", R::METRICS))
            .spawn(work)
            .map_err(|error| error::io_error(directory, &error))?;
        let (found, content, removable) = reply.await.map_err(|_| SpoolError::Closed)??;
        Ok(Self {
            requests,
            content,
            removable,
            directory: directory.into(),
            found,
        })
    }

    /// Whether there is a spool in `directory`, in use or not.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory::exists(directory)
    }

    /// The size of the file in `directory`, in use or not; 0 without a file.
    #[must_use]
    pub fn file_bytes(directory: &Path) -> u64 {
        directory::file_bytes(directory)
    }

    /// The directory of the spool.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The content of the spool, without access to the disk.
    #[must_use]
    pub fn content(&self) -> SpoolContent {
        *lock(&self.content)
    }

    /// Reads the dead letters, oldest first.
    ///
    /// # Errors
    /// Returns errors of the disk.
    pub async fn dead_letters(&self) -> Result<Vec<NumberedDeadLetter<R>>, SpoolError> {
        self.ask(SpoolRequest::DeadLetters).await
    }

    /// Deletes the dead letters with these numbers; ignores unknown numbers.
    ///
    /// # Errors
    /// Returns errors of the disk; then none is deleted.
    pub async fn discard_dead_letters(&self, numbers: Vec<u64>) -> Result<(), SpoolError> {
        self.ask(|reply| SpoolRequest::Discard(numbers, reply))
            .await
    }

    /// Completes all earlier requests and closes the files.
    pub async fn close(self) {
        let (closed, reply) = oneshot::channel();
        if self.requests.send(SpoolRequest::Close(closed)).is_ok() {
            // an error means that it is closed already
            let _ = reply.await;
        }
    }

    /// Writes batches, which replace those with the same numbers. Returns when they are on the disk.
    pub(super) async fn append(&self, batches: Vec<SpoolBatch<R>>) -> Result<(), SpoolError> {
        self.ask(|reply| SpoolRequest::Append(batches, reply)).await
    }

    /// Removes everything up to `through`, which is in the database, from the disk some time later.
    pub(super) fn remove_through(&self, through: u64) {
        if self.removable.advance(through) {
            // a closed spool still has them, and they are sent again
            let _ = self.requests.send(SpoolRequest::Remove);
        }
    }

    /// Removes everything up to `through`, which is in the database, and adds these dead letters. Returns,
    /// when this is on the disk, the number of dead letters that had space, from the first on.
    pub(super) async fn remove_through_with_letters(
        &self,
        through: u64,
        dead_letters: Vec<DeadLetter<R>>,
    ) -> Result<StoredLetters, SpoolError> {
        self.ask(|reply| SpoolRequest::KeepDeadLetters(through, dead_letters, reply))
            .await
    }

    /// Reads batches after `after` and up to `through`: at least one if there is one, and up to `max_records`
    /// records. If the first batch is damaged, returns only that.
    pub(super) async fn read(
        &self,
        after: u64,
        through: u64,
        max_records: usize,
    ) -> Result<SpoolRead<R>, SpoolError> {
        self.ask(|reply| SpoolRequest::Read {
            after,
            through,
            max_records,
            reply,
        })
        .await
    }

    /// The numbers before the first and of the last record at the time of opening.
    pub(super) fn found(&self) -> (u64, u64) {
        self.found
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> SpoolRequest<R>,
    ) -> Result<T, SpoolError> {
        let (sender, reply) = oneshot::channel();
        self.requests
            .send(request(sender))
            .map_err(|_| SpoolError::Closed)?;
        reply.await.map_err(|_| SpoolError::Closed)?
    }
}

type Opened<R> = ((u64, u64), Arc<Mutex<SpoolContent>>, SpoolThread<R>);

/// Blocks.
fn open<R: Record>(
    path: &Path,
    max_bytes: u64,
    disk: Arc<dyn Disk>,
) -> Result<Opened<R>, SpoolError> {
    let owned = OwnedDirectory::take(path)?;
    directory::make_lasting(path, &*disk)?;
    let thread = SpoolThread::open(owned, max_bytes, disk)?;
    let content = thread.content();
    Ok((thread.found(), content, thread))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod model;
#[cfg(test)]
mod tests;
