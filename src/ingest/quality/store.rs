//! Ticks that wait to be put into quarantine: on the disk, or in memory where there is none or it
//! fails.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::error::QuarantineError;
use super::file::{Numbered, QuarantineFile};
use crate::repository::QuarantinedTick;

/// After a failure the file is opened anew at most so often.
const TRY_EVERY: Duration = Duration::from_millis(250);
/// Ticks of one write.
const TOGETHER: usize = 1_000;

/// Numbered ticks, oldest first. Those that the disk does not take are kept in memory until it does.
pub(super) struct Store {
    directory: Option<PathBuf>,
    /// `None` after a failure.
    file: Option<QuarantineFile>,
    failed_at: Option<Instant>,
    /// How many wait there; what was put does not.
    on_disk: u64,
    /// What was put and may still be in the file.
    put: Vec<RangeInclusive<u64>>,
    /// What may not be in the file.
    memory: VecDeque<(u64, QuarantinedTick)>,
    next: u64,
}

/// Ticks to be put together.
pub(super) struct Batch {
    numbers: RangeInclusive<u64>,
    pub(super) ticks: Vec<QuarantinedTick>,
}

impl Store {
    pub(super) fn in_memory() -> Self {
        Self {
            directory: None,
            file: None,
            failed_at: None,
            on_disk: 0,
            put: Vec::new(),
            memory: VecDeque::new(),
            next: 1,
        }
    }

    pub(super) fn path(directory: &Path) -> PathBuf {
        QuarantineFile::path(directory)
    }

    pub(super) fn open(directory: &Path) -> Result<Self, QuarantineError> {
        let opened = QuarantineFile::open(directory).and_then(|file| {
            let content = file.write(&[], &[])?;
            Ok((file, content))
        });
        let (file, content) = opened.map_err(|error| QuarantineError {
            path: Self::path(directory),
            reason: error.to_string(),
        })?;
        Ok(Self {
            directory: Some(directory.to_owned()),
            file: Some(file),
            on_disk: content.ticks,
            next: content.last + 1,
            ..Self::in_memory()
        })
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
        let count = ticks.len() as u64;
        self.memory.extend((self.next..).zip(ticks));
        self.next += count;
        self.save();
    }

    /// When the disk is to be tried again; `None` while it works.
    pub(super) fn try_again_at(&self) -> Option<Instant> {
        self.failed_at.map(|at| at + TRY_EVERY)
    }

    /// Brings to the disk what it does not have, unless it has just failed.
    pub(super) fn save(&mut self) {
        if self.try_again_at().is_none_or(|at| at <= Instant::now()) {
            self.save_now();
        }
    }

    /// As [`save`](Self::save), however often it has failed.
    pub(super) fn save_now(&mut self) {
        let Some(directory) = &self.directory else {
            return;
        };
        if self.file.is_some() && self.memory.is_empty() && self.put.is_empty() {
            return;
        }
        let opened = match self.file.take() {
            Some(file) => Ok(file),
            None => QuarantineFile::open_again(directory),
        };
        match opened.and_then(|file| self.write(file)) {
            Ok(file) => {
                self.file = Some(file);
                if self.failed_at.take().is_some() {
                    tracing::info!("the disk takes ticks of the quarantine again");
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Brings everything to the disk, some at a time, so that a disk that takes nothing is asked for
    /// little.
    fn write(&mut self, file: QuarantineFile) -> Result<QuarantineFile, redb::Error> {
        loop {
            let count = self.memory.len().min(TOGETHER);
            let some: Vec<_> = self.memory.range(..count).cloned().collect();
            self.on_disk = file.write(&self.put, &some)?.ticks;
            self.memory.drain(..count);
            self.put.clear();
            if self.memory.is_empty() {
                return Ok(file);
            }
        }
    }

    /// Up to `most` of the oldest; those in memory while the disk does not give others.
    pub(super) fn first(&mut self, most: usize) -> Option<Batch> {
        let numbered = match self.first_on_disk(most) {
            Some(numbered) => numbered,
            None => self.memory.iter().take(most).cloned().collect(),
        };
        let (first, last) = (numbered.first()?.0, numbered.last()?.0);
        Some(Batch {
            numbers: first..=last,
            ticks: numbered.into_iter().map(|(_, tick)| tick).collect(),
        })
    }

    fn first_on_disk(&mut self, most: usize) -> Option<Numbered> {
        while self.on_disk > 0 {
            let file = self.file.as_ref()?;
            let read = file.first(most).and_then(|ticks| Ok((ticks, file.len()?)));
            match read {
                Ok((ticks, left)) => {
                    self.on_disk = left;
                    if !ticks.is_empty() {
                        return Some(ticks);
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    return None;
                }
            }
        }
        None
    }

    /// Forgets what the repository has.
    pub(super) fn forget(&mut self, batch: &Batch) {
        let (first, last) = (*batch.numbers.start(), *batch.numbers.end());
        let before = self.memory.len();
        self.memory
            .retain(|(number, _)| *number < first || *number > last);
        // the others have come to the disk meanwhile
        let there = batch.ticks.len() - (before - self.memory.len());
        self.on_disk = self.on_disk.saturating_sub(there as u64);
        if self.directory.is_none() {
            return;
        }
        // a write that failed may have brought those in memory to the disk as well
        match self.put.last_mut() {
            Some(range) if *range.end() + 1 == first => *range = *range.start()..=last,
            _ => self.put.push(first..=last),
        }
        self.save();
    }

    fn failed(&mut self, error: &redb::Error) {
        self.file = None;
        if self.failed_at.is_none() {
            tracing::error!(%error, "the disk does not take ticks of the quarantine: they wait in memory");
        }
        self.failed_at = Some(Instant::now());
    }
}
