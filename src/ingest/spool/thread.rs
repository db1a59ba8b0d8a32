//! The one thread that touches the disk. It answers in the order of the requests and lets all that
//! wait share one write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::block;
use super::dead_letter::DeadLetter;
use super::directory::OwnedDirectory;
use super::error::SpoolError;
use super::lock;
use super::store::{Block, SpoolContent, Store, disk_bytes};
use crate::domain::Tick;

/// How long the removal of what is in the database waits for a write to share.
const LAZY: Duration = Duration::from_millis(50);
/// More than so many bytes of ticks do not wait to share a write.
const LARGEST_GROUP: usize = 8 << 20;
/// After a failure the file is opened anew, at most so often.
const REOPEN_EVERY: Duration = Duration::from_millis(200);

pub(super) type Answer<T> = oneshot::Sender<Result<T, SpoolError>>;

/// Ticks that become one block.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct SpoolBatch {
    /// Of its last tick.
    pub(in crate::ingest) number: u64,
    pub(in crate::ingest) ticks: Arc<Vec<Tick>>,
    /// When the first of them was accepted.
    pub(in crate::ingest) accepted_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) enum Request {
    Append(Vec<SpoolBatch>, Answer<()>),
    /// Everything up to the number is in the database; answered only where somebody asks.
    Settle(u64, Vec<DeadLetter>, Option<Answer<()>>),
    Read {
        after: u64,
        through: u64,
        most_ticks: usize,
        answer: Answer<Vec<(u64, Vec<Tick>)>>,
    },
    DeadLetters(Answer<Vec<(u64, DeadLetter)>>),
    Discard(Vec<u64>, Answer<()>),
    /// The last one; the files are closed when it is answered.
    Close(oneshot::Sender<()>),
}

pub(super) struct SpoolThread {
    /// `None` after a failure.
    store: Option<Store>,
    /// Kept while the file is closed, so that nobody else takes it meanwhile.
    directory: OwnedDirectory,
    max_bytes: u64,
    content: Arc<Mutex<SpoolContent>>,
    settled_through: u64,
    last_failure: Option<(Instant, SpoolError)>,
}

/// Requests that share one write.
#[derive(Default)]
struct Group {
    blocks: Vec<Block>,
    bytes: usize,
    disk_bytes: u64,
    dead_letters: Vec<DeadLetter>,
    answers: Vec<Answer<()>>,
}

impl SpoolThread {
    pub(super) fn new(
        store: Store,
        directory: OwnedDirectory,
        max_bytes: u64,
        content: Arc<Mutex<SpoolContent>>,
    ) -> Self {
        Self {
            store: Some(store),
            directory,
            max_bytes,
            content,
            settled_through: 0,
            last_failure: None,
        }
    }

    /// Works until it is closed, or until nobody can send any more.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let next = if self.owes_removal() {
                requests.recv_timeout(LAZY)
            } else {
                requests.recv().map_err(RecvTimeoutError::from)
            };
            let mut group = Group::default();
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
                        // who asked may have gone
                        let _ = closed.send(());
                        return;
                    }
                    Request::Append(batches, answer) => self.add(&mut group, &batches, answer),
                    Request::Settle(through, letters, answer) => {
                        self.settled_through = self.settled_through.max(through);
                        group.dead_letters.extend(letters);
                        group.answers.extend(answer);
                    }
                    reading => {
                        // it has to see what was written before
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
            // a removal alone waits for something to share its write with
            let only_removal = group.answers.is_empty() && group.dead_letters.is_empty();
            if is_idle || !only_removal {
                self.commit(group);
            }
        }
    }

    fn owes_removal(&self) -> bool {
        let first = self.store.as_ref().and_then(Store::first);
        first.is_some_and(|(number, _)| number <= self.settled_through)
    }

    fn add(&mut self, group: &mut Group, batches: &[SpoolBatch], answer: Answer<()>) {
        let blocks: Vec<Block> = batches
            .iter()
            .map(|batch| Block {
                number: batch.number,
                bytes: block::encode(&batch.ticks, batch.accepted_at),
            })
            .collect();
        let cost: u64 = blocks
            .iter()
            .map(|block| disk_bytes(block.bytes.len()))
            .sum();
        if let Some(store) = &self.store
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

    fn commit(&mut self, group: Group) {
        let through = self.settled_through;
        let done =
            self.with_store(|store| store.commit(&group.blocks, through, &group.dead_letters));
        for answer in group.answers {
            // who asked may have gone
            let _ = answer.send(done.clone());
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Read {
                after,
                through,
                most_ticks,
                answer,
            } => {
                let _ =
                    answer.send(self.with_store(|store| store.read(after, through, most_ticks)));
            }
            Request::DeadLetters(answer) => {
                let _ = answer.send(self.with_store(|store| store.dead_letters()));
            }
            Request::Discard(numbers, answer) => {
                let _ = answer.send(self.with_store(|store| store.discard_dead_letters(&numbers)));
            }
            Request::Append(..) | Request::Settle(..) | Request::Close(_) => {}
        }
    }

    /// Works with the file; after a failure it is closed and opened again for the next request,
    /// since a file whose write failed says nothing about what the disk has.
    fn with_store<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        self.reopen()?;
        let Some(store) = &mut self.store else {
            return Err(SpoolError::Closed);
        };
        // the file format's library asserts what only damage can break
        let done = catch_unwind(AssertUnwindSafe(|| work(store)))
            .unwrap_or_else(|_| Err(contradiction(self.directory.path())));
        match &done {
            Ok(_) => {
                self.last_failure = None;
                *lock(&self.content) = store.content();
            }
            Err(error) => {
                tracing::error!(%error, "the spool failed and will be opened again");
                self.last_failure = Some((Instant::now(), error.clone()));
                self.store = None;
            }
        }
        done
    }

    fn reopen(&mut self) -> Result<(), SpoolError> {
        if self.store.is_some() {
            return Ok(());
        }
        if let Some((at, error)) = &self.last_failure
            && at.elapsed() < REOPEN_EVERY
        {
            return Err(error.clone());
        }
        match open(self.directory.path(), self.max_bytes) {
            Ok(store) => {
                tracing::info!("the spool works again");
                self.store = Some(store);
                Ok(())
            }
            Err(error) => {
                self.last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// Opens the file; damage that makes the file format's library panic is an error like other damage.
pub(super) fn open(directory: &Path, max_bytes: u64) -> Result<Store, SpoolError> {
    catch_unwind(|| Store::open(directory, max_bytes))
        .unwrap_or_else(|_| Err(contradiction(directory)))
}

fn contradiction(directory: &Path) -> SpoolError {
    SpoolError::Corrupted {
        directory: directory.to_owned(),
        reason: "its file contradicts itself".to_owned(),
    }
}
