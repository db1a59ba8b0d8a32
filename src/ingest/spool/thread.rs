//! The thread that accesses the disk. It answers requests in order, and requests that wait share one write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::block;
use super::database::{Block, SpoolContent, SpoolDatabase, SpoolRead, StoredLetters, disk_bytes};
use super::dead_letter::{DeadLetter, NumberedDeadLetter};
use super::directory::OwnedDirectory;
use super::disk::Disk;
use super::error::SpoolError;
use super::reopening_file::ReopeningFile;
use crate::ingest::record::Record;

/// The time for which a removal of stored batches waits for another request, to share its write.
const LAZY: Duration = Duration::from_millis(50);
/// The size of a group of requests in bytes above which no further request shares its write.
const MAX_GROUP_BYTES: usize = 8 << 20;

pub(super) type Reply<T> = oneshot::Sender<Result<T, SpoolError>>;

/// Records that become one block.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct SpoolBatch<R: Record> {
    /// The number of its last record.
    pub(in crate::ingest) number: u64,
    pub(in crate::ingest) records: Arc<Vec<R>>,
    /// The time at which its first record was accepted.
    pub(in crate::ingest) accepted_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) enum SpoolRequest<R: Record> {
    Append(Vec<SpoolBatch<R>>, Reply<()>),
    /// The database has more records than before.
    Remove,
    /// Everything up to the number is in the database, or is one of these dead letters.
    KeepDeadLetters(u64, Vec<DeadLetter<R>>, Reply<StoredLetters>),
    Read {
        after: u64,
        through: u64,
        max_records: usize,
        reply: Reply<SpoolRead<R>>,
    },
    DeadLetters(Reply<Vec<NumberedDeadLetter<R>>>),
    Discard(Vec<u64>, Reply<()>),
    /// The last request; it is answered when the files are closed.
    Close(oneshot::Sender<()>),
}

pub(super) struct SpoolThread<R: Record> {
    reopening_file: ReopeningFile<R>,
    removable: Arc<RemovableThrough>,
    removable_through: u64,
}

/// The number up to which the database has everything. At most one request is pending, even if the disk keeps
/// the thread busy.
#[derive(Debug, Default)]
pub(super) struct RemovableThrough {
    through: AtomicU64,
    is_reported: AtomicBool,
}

impl RemovableThrough {
    /// Raises the number. Returns whether the thread must be notified.
    pub(super) fn advance(&self, through: u64) -> bool {
        self.through.fetch_max(through, Ordering::SeqCst);
        !self.is_reported.swap(true, Ordering::SeqCst)
    }

    fn through(&self) -> u64 {
        self.is_reported.store(false, Ordering::SeqCst);
        self.through.load(Ordering::SeqCst)
    }
}

/// Requests that share one write.
struct Group<R: Record> {
    blocks: Vec<Block>,
    bytes: usize,
    disk_bytes: u64,
    /// Dead letters, and the number up to which all other records are in the database.
    dead_letters: Option<(u64, Vec<DeadLetter<R>>, Reply<StoredLetters>)>,
    replies: Vec<Reply<()>>,
}

impl<R: Record> Default for Group<R> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            bytes: 0,
            disk_bytes: 0,
            dead_letters: None,
            replies: Vec::new(),
        }
    }
}

impl<R: Record> Group<R> {
    fn has_blocks(&self) -> bool {
        !self.blocks.is_empty()
    }
}

impl<R: Record> SpoolThread<R> {
    /// Opens the file.
    pub(super) fn open(
        directory: OwnedDirectory,
        max_bytes: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, SpoolError> {
        Ok(Self {
            reopening_file: ReopeningFile::open(directory, max_bytes, disk)?,
            removable: Arc::default(),
            removable_through: 0,
        })
    }

    /// The numbers before the first and of the last record at the time of opening.
    pub(super) fn found(&self) -> (u64, u64) {
        let store = self.reopening_file.store();
        let last = store.and_then(SpoolDatabase::last).unwrap_or(0);
        let first = store.and_then(SpoolDatabase::first);
        let before_first = first.map_or(last, |(number, ticks)| number.saturating_sub(ticks));
        (before_first, last)
    }

    /// The shared number up to which the database has everything.
    pub(super) fn removable(&self) -> Arc<RemovableThrough> {
        Arc::clone(&self.removable)
    }

    /// The shared content, which stays up to date.
    pub(super) fn content(&self) -> Arc<Mutex<SpoolContent>> {
        self.reopening_file.content()
    }

    /// Runs until a close request, or until all senders are dropped.
    pub(super) fn run(mut self, requests: &Receiver<SpoolRequest<R>>) {
        loop {
            let next = if self.owes_removal() {
                requests.recv_timeout(LAZY)
            } else {
                requests.recv().map_err(RecvTimeoutError::from)
            };
            let mut group = Group::<R>::default();
            let mut next = match next {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    self.commit(group);
                    return;
                }
            };
            let is_idle = next.is_none();
            while let Some(request) = next {
                match request {
                    SpoolRequest::Close(closed) => {
                        self.commit(group);
                        drop(self);
                        // the caller may no longer wait
                        let _ = closed.send(());
                        return;
                    }
                    SpoolRequest::Append(batches, reply) => self.add(&mut group, &batches, reply),
                    SpoolRequest::Remove => {
                        self.removable_through =
                            self.removable_through.max(self.removable.through());
                    }
                    SpoolRequest::KeepDeadLetters(through, letters, reply) => {
                        if group.dead_letters.is_some() {
                            self.commit(std::mem::take(&mut group));
                        }
                        group.dead_letters = Some((through, letters, reply));
                    }
                    reading => {
                        // it must see earlier writes
                        self.commit(std::mem::take(&mut group));
                        self.read_request(reading);
                    }
                }
                next = if group.bytes < MAX_GROUP_BYTES {
                    requests.try_recv().ok()
                } else {
                    None
                };
            }
            // a removal waits for another request, to share its write
            let only_removal = group.replies.is_empty() && group.dead_letters.is_none();
            if is_idle || !only_removal {
                self.commit(group);
            }
        }
    }

    fn owes_removal(&self) -> bool {
        let first = self.reopening_file.store().and_then(SpoolDatabase::first);
        first.is_some_and(|(number, _)| number <= self.removable_through)
    }

    fn add(&mut self, group: &mut Group<R>, batches: &[SpoolBatch<R>], reply: Reply<()>) {
        let blocks: Vec<Block> = batches
            .iter()
            .map(|batch| Block {
                number: batch.number,
                bytes: block::encode(&batch.records, batch.accepted_at),
            })
            .collect();
        let cost: u64 = blocks
            .iter()
            .map(|block| disk_bytes(block.bytes.len()))
            .sum();
        if !group.has_blocks()
            && let Err(error) = self.reopening_file.make_room()
        {
            let _ = reply.send(Err(error));
            return;
        }
        if let Some(store) = self.reopening_file.store()
            && !store.has_room(self.removable_through, group.disk_bytes + cost)
        {
            let _ = reply.send(Err(store.full()));
            return;
        }
        group.disk_bytes += cost;
        group.bytes += blocks.iter().map(|block| block.bytes.len()).sum::<usize>();
        group.blocks.extend(blocks);
        group.replies.push(reply);
    }

    fn commit(&mut self, group: Group<R>) {
        let (through, letters, keeping) = match group.dead_letters {
            Some((through, letters, reply)) => (through, letters, Some(reply)),
            None => (0, Vec::new(), None),
        };
        let through = through.max(self.removable_through);
        let done = self
            .reopening_file
            .with_store(|store| store.commit(&group.blocks, through, &letters));
        if done.is_ok() {
            // records before dead letters are removed only when the dead letters are on the disk
            self.removable_through = through;
        }
        // the caller may no longer wait
        if let Some(keeping) = keeping {
            let _ = keeping.send(done.clone());
        }
        for reply in group.replies {
            let _ = reply.send(done.clone().map(|_| ()));
        }
    }

    fn read_request(&mut self, request: SpoolRequest<R>) {
        match request {
            SpoolRequest::Read {
                after,
                through,
                max_records,
                reply,
            } => {
                let _ = reply.send(
                    self.reopening_file
                        .with_store(|store| store.read(after, through, max_records)),
                );
            }
            SpoolRequest::DeadLetters(reply) => {
                let _ = reply.send(self.reopening_file.with_store(|store| store.dead_letters()));
            }
            SpoolRequest::Discard(numbers, reply) => {
                let _ = reply.send(
                    self.reopening_file
                        .with_store(|store| store.discard_dead_letters(&numbers)),
                );
            }
            SpoolRequest::Append(..)
            | SpoolRequest::Remove
            | SpoolRequest::KeepDeadLetters(..)
            | SpoolRequest::Close(_) => {}
        }
    }
}
