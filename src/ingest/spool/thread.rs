//! The thread that accesses the disk. It answers requests in order, and requests that wait share one write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::block;
use super::dead_letter::{DeadLetter, NumberedDeadLetter};
use super::directory::OwnedDirectory;
use super::disk::Disk;
use super::error::SpoolError;
use super::keeper::Keeper;
use super::store::{Block, Found, Kept, SpoolContent, Store, disk_bytes};
use crate::ingest::record::Record;

/// The time for which a removal of stored batches waits for a write to share.
const LAZY: Duration = Duration::from_millis(50);
/// The size of a group of requests in bytes above which no further request shares its write.
const LARGEST_GROUP: usize = 8 << 20;

pub(super) type Answer<T> = oneshot::Sender<Result<T, SpoolError>>;

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
pub(super) enum Request<R: Record> {
    Append(Vec<SpoolBatch<R>>, Answer<()>),
    /// The database has more records than before.
    Settle,
    /// Everything up to the number is in the database, or is one of these dead letters.
    Keep(u64, Vec<DeadLetter<R>>, Answer<Kept>),
    Read {
        after: u64,
        through: u64,
        max_records: usize,
        answer: Answer<Found<R>>,
    },
    DeadLetters(Answer<Vec<NumberedDeadLetter<R>>>),
    Discard(Vec<u64>, Answer<()>),
    /// The last request; it is answered when the files are closed.
    Close(oneshot::Sender<()>),
}

pub(super) struct SpoolThread<R: Record> {
    keeper: Keeper<R>,
    settled: Arc<Settled>,
    settled_through: u64,
}

/// The number up to which the database has everything. At most one request is pending, even if the disk keeps
/// the thread busy.
#[derive(Debug, Default)]
pub(super) struct Settled {
    through: AtomicU64,
    is_told: AtomicBool,
}

impl Settled {
    /// Raises the number. Returns whether the thread must be notified.
    pub(super) fn advance(&self, through: u64) -> bool {
        self.through.fetch_max(through, Ordering::SeqCst);
        !self.is_told.swap(true, Ordering::SeqCst)
    }

    fn through(&self) -> u64 {
        self.is_told.store(false, Ordering::SeqCst);
        self.through.load(Ordering::SeqCst)
    }
}

/// Requests that share one write.
struct Group<R: Record> {
    blocks: Vec<Block>,
    bytes: usize,
    disk_bytes: u64,
    /// Dead letters, and the number up to which all other records are in the database.
    dead_letters: Option<(u64, Vec<DeadLetter<R>>, Answer<Kept>)>,
    answers: Vec<Answer<()>>,
}

impl<R: Record> Default for Group<R> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            bytes: 0,
            disk_bytes: 0,
            dead_letters: None,
            answers: Vec::new(),
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
            keeper: Keeper::open(directory, max_bytes, disk)?,
            settled: Arc::default(),
            settled_through: 0,
        })
    }

    /// The numbers before the first and of the last record at the time of opening.
    pub(super) fn found(&self) -> (u64, u64) {
        let store = self.keeper.store();
        let last = store.and_then(Store::last).unwrap_or(0);
        let first = store.and_then(Store::first);
        let before_first = first.map_or(last, |(number, ticks)| number.saturating_sub(ticks));
        (before_first, last)
    }

    /// The shared number up to which the database has everything.
    pub(super) fn settled(&self) -> Arc<Settled> {
        Arc::clone(&self.settled)
    }

    /// The shared content, which stays up to date.
    pub(super) fn content(&self) -> Arc<Mutex<SpoolContent>> {
        self.keeper.content()
    }

    /// Runs until a close request, or until all senders are dropped.
    pub(super) fn run(mut self, requests: &Receiver<Request<R>>) {
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
                    Request::Close(closed) => {
                        self.commit(group);
                        drop(self);
                        // the caller may no longer wait
                        let _ = closed.send(());
                        return;
                    }
                    Request::Append(batches, answer) => self.add(&mut group, &batches, answer),
                    Request::Settle => {
                        self.settled_through = self.settled_through.max(self.settled.through());
                    }
                    Request::Keep(through, letters, answer) => {
                        if group.dead_letters.is_some() {
                            self.commit(std::mem::take(&mut group));
                        }
                        group.dead_letters = Some((through, letters, answer));
                    }
                    reading => {
                        // it must see earlier writes
                        self.commit(std::mem::take(&mut group));
                        self.answer(reading);
                    }
                }
                next = if group.bytes < LARGEST_GROUP {
                    requests.try_recv().ok()
                } else {
                    None
                };
            }
            // a removal alone waits for a write to share
            let only_removal = group.answers.is_empty() && group.dead_letters.is_none();
            if is_idle || !only_removal {
                self.commit(group);
            }
        }
    }

    fn owes_removal(&self) -> bool {
        let first = self.keeper.store().and_then(Store::first);
        first.is_some_and(|(number, _)| number <= self.settled_through)
    }

    fn add(&mut self, group: &mut Group<R>, batches: &[SpoolBatch<R>], answer: Answer<()>) {
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
            && let Err(error) = self.keeper.make_room()
        {
            let _ = answer.send(Err(error));
            return;
        }
        if let Some(store) = self.keeper.store()
            && !store.has_place(self.settled_through, group.disk_bytes + cost)
        {
            let _ = answer.send(Err(store.full()));
            return;
        }
        group.disk_bytes += cost;
        group.bytes += blocks.iter().map(|block| block.bytes.len()).sum::<usize>();
        group.blocks.extend(blocks);
        group.answers.push(answer);
    }

    fn commit(&mut self, group: Group<R>) {
        let (through, letters, keeping) = match group.dead_letters {
            Some((through, letters, answer)) => (through, letters, Some(answer)),
            None => (0, Vec::new(), None),
        };
        let through = through.max(self.settled_through);
        let done = self
            .keeper
            .with_store(|store| store.commit(&group.blocks, through, &letters));
        if done.is_ok() {
            // records before dead letters are removed only when the dead letters are on the disk
            self.settled_through = through;
        }
        // the caller may no longer wait
        if let Some(keeping) = keeping {
            let _ = keeping.send(done.clone());
        }
        for answer in group.answers {
            let _ = answer.send(done.clone().map(|_| ()));
        }
    }

    fn answer(&mut self, request: Request<R>) {
        match request {
            Request::Read {
                after,
                through,
                max_records,
                answer,
            } => {
                let _ = answer.send(
                    self.keeper
                        .with_store(|store| store.read(after, through, max_records)),
                );
            }
            Request::DeadLetters(answer) => {
                let _ = answer.send(self.keeper.with_store(|store| store.dead_letters()));
            }
            Request::Discard(numbers, answer) => {
                let _ = answer.send(
                    self.keeper
                        .with_store(|store| store.discard_dead_letters(&numbers)),
                );
            }
            Request::Append(..) | Request::Settle | Request::Keep(..) | Request::Close(_) => {}
        }
    }
}
