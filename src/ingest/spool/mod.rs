//! Records on the disk until they are in the database.
//!
//! One file, written by one thread, owned by one process at a time. Batches are kept by increasing
//! number and removed after the database has them; what was removed too late is sent again, which
//! stores nothing twice.

mod block;
mod dead_letter;
mod directory;
mod disk;
mod error;
mod keeper;
mod reserve;
mod store;
mod thread;

use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

pub use self::dead_letter::{DeadLetter, DeadLetterReason, NumberedDeadLetter};
use self::directory::OwnedDirectory;
pub(super) use self::disk::Disk;
use self::disk::FileSystem;

pub use self::error::SpoolError;
pub use self::store::SpoolContent;
pub(super) use self::store::{Found, Kept};
pub(super) use self::thread::SpoolBatch;
use self::thread::{Answer, Request, Settled, SpoolThread};
use super::record::Record;
use crate::domain::Tick;

/// The format of the files this version writes, and the newest it reads.
pub const SPOOL_FORMAT: u32 = directory::FORMAT;

/// An open spool of ticks.
pub type TickSpool = Spool<Tick>;

/// An open spool of records. Clones are handles of the same one; it is closed when all are dropped.
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
    requests: Sender<Request<R>>,
    content: Arc<Mutex<SpoolContent>>,
    settled: Arc<Settled>,
    directory: Arc<Path>,
    /// The numbers of what it held when it was opened: before the first record, and of the last.
    found: (u64, u64),
}

impl<R: Record> Spool<R> {
    /// Opens the spool in `directory`, or makes one that holds up to `max_bytes` of records.
    ///
    /// Everything in it is read once; damaged batches are put aside and counted.
    ///
    /// # Errors
    /// At once when somebody else uses it, when it is of a newer format, when it holds records of
    /// another kind or version, or when it is damaged beyond repair.
    pub async fn open(directory: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        Self::open_on(directory, max_bytes, Arc::new(FileSystem)).await
    }

    /// Opens it on another disk than the one of the file system.
    pub(super) async fn open_on(
        directory: &Path,
        max_bytes: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, SpoolError> {
        let path = directory.to_owned();
        let (requests, receiver) = std::sync::mpsc::channel();
        let (opened, answer) = oneshot::channel();
        let work = move || match open::<R>(&path, max_bytes, disk) {
            Ok((found, content, thread)) => {
                let settled = thread.settled();
                if opened.send(Ok((found, content, settled))).is_ok() {
                    thread.run(&receiver);
                }
            }
            Err(error) => {
                // who asked may have gone
                let _ = opened.send(Err(error));
            }
        };
        std::thread::Builder::new()
            .name(format!("{}-spool", R::METRICS))
            .spawn(work)
            .map_err(|error| error::io_error(directory, &error))?;
        let (found, content, settled) = answer.await.map_err(|_| SpoolError::Closed)??;
        Ok(Self {
            requests,
            content,
            settled,
            directory: directory.into(),
            found,
        })
    }

    /// Whether there is one in `directory`, in use or not.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory::exists(directory)
    }

    /// How large the file in `directory` is, in use or not; 0 where there is none.
    #[must_use]
    pub fn file_bytes(directory: &Path) -> u64 {
        directory::file_bytes(directory)
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it holds, without asking the disk.
    #[must_use]
    pub fn content(&self) -> SpoolContent {
        *lock(&self.content)
    }

    /// The records that no database will take, oldest first.
    ///
    /// # Errors
    /// The disk.
    pub async fn dead_letters(&self) -> Result<Vec<NumberedDeadLetter<R>>, SpoolError> {
        self.ask(Request::DeadLetters).await
    }

    /// Forgets the dead letters of these numbers; others are not looked at.
    ///
    /// # Errors
    /// The disk; then all are still there.
    pub async fn discard_dead_letters(&self, numbers: Vec<u64>) -> Result<(), SpoolError> {
        self.ask(|answer| Request::Discard(numbers, answer)).await
    }

    /// Returns when everything asked for before is done and the files are closed.
    pub async fn close(self) {
        let (closed, answer) = oneshot::channel();
        if self.requests.send(Request::Close(closed)).is_ok() {
            // an error means that it is closed already
            let _ = answer.await;
        }
    }

    /// Returns when the disk has the batches, which replace those of the same numbers.
    pub(super) async fn append(&self, batches: Vec<SpoolBatch<R>>) -> Result<(), SpoolError> {
        self.ask(|answer| Request::Append(batches, answer)).await
    }

    /// Everything up to `through` is in the database. The disk is told some time later.
    pub(super) fn settle(&self, through: u64) {
        if self.settled.advance(through) {
            // a closed spool keeps them, and they are sent again
            let _ = self.requests.send(Request::Settle);
        }
    }

    /// Everything up to `through` is in the database, except these. Returns when the disk knows, and
    /// how many of them it has, the first ones.
    pub(super) async fn settle_with(
        &self,
        through: u64,
        dead_letters: Vec<DeadLetter<R>>,
    ) -> Result<Kept, SpoolError> {
        self.ask(|answer| Request::Keep(through, dead_letters, answer))
            .await
    }

    /// Batches behind `after` up to `through`: at least one where there is one, and up to so many
    /// records; or the first of them, where it is damaged.
    pub(super) async fn read(
        &self,
        after: u64,
        through: u64,
        max_records: usize,
    ) -> Result<Found<R>, SpoolError> {
        self.ask(|answer| Request::Read {
            after,
            through,
            max_records,
            answer,
        })
        .await
    }

    /// The numbers of what it held when it was opened: before the first record, and of the last.
    pub(super) fn found(&self) -> (u64, u64) {
        self.found
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request<R>) -> Result<T, SpoolError> {
        let (sender, answer) = oneshot::channel();
        self.requests
            .send(request(sender))
            .map_err(|_| SpoolError::Closed)?;
        answer.await.map_err(|_| SpoolError::Closed)?
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
