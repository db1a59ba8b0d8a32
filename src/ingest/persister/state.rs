//! The state of the persister's records, changed under one lock and without waiting.
//!
//! Records are numbered in the order of acceptance. `accepted` holds the newest ones. Without spooling
//! the writer takes records from `accepted`. With spooling the spooler takes them from `accepted` in
//! batches, writes the batches to the disk and moves them to `in_memory`, from which the writer takes
//! them. Batches for which `in_memory` has no space are only on the disk; `on_disk` has their numbers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::batch::{DiskRange, NextStep, RecordBatch, WriterInput};
use super::failures::{Failure, SpoolFailures, SpoolPart};
use super::settings::SpoolMode;
use super::{PersisterConfig, PersisterStats};
use crate::Clock;
use crate::ingest::record::Record;

#[derive(Debug)]
struct Accepted<R> {
    record: R,
    at: Instant,
}

#[derive(Debug)]
pub(super) struct PersisterState<R> {
    pub(super) config: PersisterConfig,
    pub(super) clock: Clock,
    pub(super) mode: SpoolMode,
    pub(super) stats: PersisterStats,
    pub(super) closing: bool,
    accepted: VecDeque<Accepted<R>>,
    /// The number of the next accepted record.
    next: u64,
    /// The number up to which a caller waits for the disk.
    pub(super) durable_requested: u64,
    /// The number up to which a caller waits for the database.
    pub(super) committed_requested: u64,
    /// Whether the spooler takes the records of `accepted` instead of the writer.
    pub(super) spooling: bool,
    /// Batches that the spooler still has to write to the disk. After a failed write they are also in
    /// `in_memory` or with the writer.
    pub(super) unspooled: Vec<RecordBatch<R>>,
    in_memory: VecDeque<RecordBatch<R>>,
    in_memory_records: usize,
    on_disk: Option<DiskRange>,
    pub(super) committed: u64,
    pub(super) writer_done: bool,
    /// The acceptance time of the oldest record that the writer has taken.
    pub(super) in_hand_since: Option<Instant>,
    pub(super) failure: Option<Failure>,
    pub(super) spool_failures: SpoolFailures,
}

impl<R: Record> PersisterState<R> {
    /// `found` are the numbers before the spool's first record and of its last record.
    pub(super) fn new(
        config: PersisterConfig,
        clock: Clock,
        mode: SpoolMode,
        found: (u64, u64),
        records: u64,
    ) -> Self {
        let (before, last) = found;
        let on_disk = (last > before).then_some(DiskRange {
            first: before + 1,
            through: last,
        });
        Self {
            spooling: mode == SpoolMode::WriteAhead
                || (mode == SpoolMode::OnFailure && on_disk.is_some()),
            config,
            clock,
            mode,
            stats: PersisterStats {
                queued: records,
                ..PersisterStats::default()
            },
            closing: false,
            accepted: VecDeque::new(),
            next: last + 1,
            durable_requested: 0,
            committed_requested: 0,
            unspooled: Vec::new(),
            in_memory: VecDeque::new(),
            in_memory_records: 0,
            on_disk,
            committed: before,
            writer_done: false,
            in_hand_since: None,
            failure: None,
            spool_failures: SpoolFailures::default(),
        }
    }

    pub(super) fn accept(&mut self, record: R) -> u64 {
        self.stats.received += 1;
        self.stats.queued += 1;
        self.stats.crossed += u64::from(record.is_crossed());
        let at = Instant::now();
        self.accepted.push_back(Accepted { record, at });
        self.next += 1;
        self.next - 1
    }

    /// The number of the last accepted record.
    pub(super) fn newest(&self) -> u64 {
        self.next - 1
    }

    pub(super) fn accepted_len(&self) -> usize {
        self.accepted.len()
    }

    /// The waiting time of the oldest record; `spooled_at` is the acceptance time of the oldest one on the
    /// disk.
    pub(super) fn oldest_age(&self, spooled_at: Option<DateTime<Utc>>) -> Duration {
        let in_memory = self.in_memory.front().map(|batch| batch.at);
        let accepted = self.accepted.front().map(|accepted| accepted.at);
        let memory = self.in_hand_since.or(in_memory).or(accepted);
        let in_memory = memory.map_or(Duration::ZERO, |at| at.elapsed());
        let on_disk = spooled_at.and_then(|at| (self.clock.now() - at).to_std().ok());
        // committed records may stay on the disk for a while
        match on_disk {
            Some(on_disk) if self.on_disk.is_some() => in_memory.max(on_disk),
            _ => in_memory,
        }
    }

    /// The spooler's next step: writes batches. `Do` has the number of new batches among them. After a
    /// failed write it retries at `retry_at`, even if the spool owes nothing, to find out whether the
    /// disk works. While the disk `hangs`, it only takes new batches, which the disk cannot have.
    pub(super) fn spooler_step(
        &mut self,
        retry_at: Option<Instant>,
        hangs: bool,
    ) -> NextStep<usize> {
        self.forget_committed();
        let owes = !self.unspooled.is_empty();
        if self.writer_done && !owes && (self.accepted.is_empty() || !self.spooling) {
            return NextStep::End;
        }
        let now = Instant::now();
        let (is_due, due) = if self.spooling {
            self.accepted_due(self.durable_requested.max(self.committed_requested), now)
        } else {
            (false, None)
        };
        if is_due {
            let new = self.take_accepted(self.config.drain_batch_size);
            let count = new.len();
            self.unspooled.extend(new);
            return NextStep::Do(count);
        }
        if hangs || !(owes || retry_at.is_some()) {
            return NextStep::Wait(due);
        }
        if self.writer_done || retry_at.is_none_or(|at| at <= now) {
            return NextStep::Do(0);
        }
        NextStep::Wait(due.into_iter().chain(retry_at).min())
    }

    /// Notes that the disk has the `unspooled` batches up to the number `through`. The last `new` of them
    /// are not in `in_memory` yet. Returns the number of records that no longer need space in memory.
    pub(super) fn spooled(&mut self, through: u64, new: usize) -> usize {
        self.spool_failures.end(SpoolPart::Append);
        let count = self
            .unspooled
            .partition_point(|batch| batch.number <= through);
        let on_disk: Vec<RecordBatch<R>> = self.unspooled.drain(..count).collect();
        let first_new = on_disk.len() - new;
        for batch in on_disk.iter().skip(first_new) {
            self.push_in_memory(batch.clone());
        }
        match (self.on_disk, on_disk.last()) {
            (Some(on_disk), Some(last)) => {
                // later batches have been waiting in memory for the disk
                let freed = self.drop_from_memory(|batch| {
                    batch.number > on_disk.through && batch.number <= through
                });
                self.on_disk = Some(DiskRange {
                    through: on_disk.through.max(last.number),
                    ..on_disk
                });
                freed
            }
            (None, Some(_)) => self.leave_to_disk(through),
            (_, None) => 0,
        }
    }

    /// Drops records that are on the disk from memory until `in_memory` takes at most half of the queue.
    /// Returns the number of dropped records.
    fn leave_to_disk(&mut self, through: u64) -> usize {
        let mut first = None;
        let mut left = self.in_memory_records;
        for batch in self.in_memory.iter().rev() {
            if left <= self.config.queue / 2 {
                break;
            }
            if batch.number <= through {
                left -= batch.records.len();
                first = Some(batch.first());
            }
        }
        let Some(first) = first else {
            return 0;
        };
        self.on_disk = Some(DiskRange { first, through });
        self.drop_from_memory(|batch| batch.number >= first && batch.number <= through)
    }

    fn drop_from_memory(&mut self, is_dropped: impl Fn(&RecordBatch<R>) -> bool) -> usize {
        let mut freed = 0;
        self.in_memory.retain(|batch| {
            let dropped = is_dropped(batch);
            freed += if dropped { batch.records.len() } else { 0 };
            !dropped
        });
        self.in_memory_records -= freed;
        freed
    }

    /// Notes that the last `new` batches of `unspooled` could not be written: they wait in memory for the
    /// disk and the database.
    pub(super) fn not_spooled(&mut self, new: usize) {
        let first_new = self.unspooled.len() - new;
        let new: Vec<RecordBatch<R>> = self.unspooled[first_new..].to_vec();
        new.into_iter().for_each(|batch| self.push_in_memory(batch));
    }

    /// The writer's next step, with up to `max_records` records from memory.
    pub(super) fn writer_step(&mut self, max_records: usize) -> NextStep<WriterInput<R>> {
        self.forget_committed();
        let is_idle = self.in_memory.is_empty() && self.on_disk.is_none();
        let nothing_else = is_idle && self.unspooled.is_empty();
        if self.mode == SpoolMode::OnFailure && nothing_else && self.failure.is_none() {
            self.spooling = false;
        }
        let now = Instant::now();
        let before_disk = |batch: &RecordBatch<R>| {
            self.on_disk
                .is_none_or(|on_disk| batch.number < on_disk.first)
        };
        if let Some(front) = self.in_memory.front().filter(|batch| before_disk(batch)) {
            let due = front.at + self.config.flush_interval;
            let is_ready = self.in_memory_records >= self.config.batch_size
                || due <= now
                || self.committed_requested >= front.first()
                || self.on_disk.is_some()
                || self.closing;
            return if is_ready {
                NextStep::Do(WriterInput::Memory(self.take_in_memory(max_records)))
            } else {
                NextStep::Wait(Some(due))
            };
        }
        if let Some(on_disk) = self.on_disk {
            return NextStep::Do(WriterInput::Disk(on_disk));
        }
        if self.spooling {
            let is_over = self.closing && nothing_else && self.accepted.is_empty();
            return if is_over {
                NextStep::End
            } else {
                NextStep::Wait(None)
            };
        }
        match self.accepted_due(self.committed_requested, now) {
            (true, _) => NextStep::Do(WriterInput::Memory(self.take_accepted(max_records))),
            (false, None) if self.closing && nothing_else => NextStep::End,
            (false, due) => NextStep::Wait(due),
        }
    }

    /// Notes that the writer has read the records on the disk up to `number`.
    pub(super) fn read_through(&mut self, number: u64) {
        if let Some(on_disk) = &mut self.on_disk {
            on_disk.first = number + 1;
            if on_disk.first > on_disk.through {
                self.on_disk = None;
            }
        }
    }

    /// Notes that the batch of this number, which was only on the disk, is damaged and set aside.
    pub(super) fn give_up_damaged(&mut self, number: u64, records: u64) {
        self.stats.damaged += records;
        self.stats.queued = self.stats.queued.saturating_sub(records);
        self.read_through(number);
    }

    /// Whether all records that are not in the database are on the disk.
    pub(super) fn is_all_spooled(&mut self) -> bool {
        self.forget_committed();
        self.spooling && self.accepted.is_empty() && self.unspooled.is_empty()
    }

    /// Takes all records that are only in memory; `in_hand` are the writer's batches.
    pub(super) fn take_unsaved(&mut self, in_hand: Vec<RecordBatch<R>>) -> Vec<R> {
        self.forget_committed();
        let batches = if self.mode == SpoolMode::Memory {
            in_hand
        } else {
            std::mem::take(&mut self.unspooled)
        };
        let batches = batches
            .iter()
            .flat_map(|batch| batch.records.iter().cloned());
        batches
            .chain(self.accepted.drain(..).map(|accepted| accepted.record))
            .collect()
    }

    /// Notes that the database has everything up to `number`. Returns whether the spool owes nothing.
    pub(super) fn commit_through(&mut self, number: u64) -> bool {
        self.committed = number;
        self.forget_committed();
        self.unspooled.is_empty()
    }

    fn forget_committed(&mut self) {
        let committed = self.committed;
        self.unspooled.retain(|batch| batch.number > committed);
    }

    fn push_in_memory(&mut self, batch: RecordBatch<R>) {
        self.in_memory_records += batch.records.len();
        self.in_memory.push_back(batch);
    }

    /// Whether open records are due now, and otherwise the time at which they are.
    fn accepted_due(&self, requested: u64, now: Instant) -> (bool, Option<Instant>) {
        let Some(front) = self.accepted.front() else {
            return (false, None);
        };
        let due = front.at + self.config.flush_interval;
        let first = self.next - self.accepted.len() as u64;
        let is_due = self.accepted.len() >= self.config.batch_size
            || due <= now
            || requested >= first
            || self.closing;
        (is_due, Some(due))
    }

    /// Takes up to `max_records` records in batches. If the rest does not fill a batch, it stays and waits.
    fn take_accepted(&mut self, max_records: usize) -> Vec<RecordBatch<R>> {
        let mut batches: Vec<RecordBatch<R>> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.accepted.front() {
            let count = self
                .accepted
                .len()
                .min(self.config.batch_size)
                .min(max_records);
            let is_partial = count < self.config.batch_size;
            if !batches.is_empty() && (is_partial || taken + count > max_records) {
                break;
            }
            let at = front.at;
            let number = self.next - 1 - (self.accepted.len() - count) as u64;
            let records = self.accepted.drain(..count).map(|accepted| accepted.record);
            let records = Arc::new(records.collect());
            batches.push(RecordBatch {
                number,
                records,
                at,
            });
            taken += count;
        }
        batches
    }

    fn take_in_memory(&mut self, max_records: usize) -> Vec<RecordBatch<R>> {
        let limit = self.on_disk.map_or(u64::MAX, |on_disk| on_disk.first);
        let mut batches: Vec<RecordBatch<R>> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.in_memory.front() {
            let count = front.records.len();
            if front.number >= limit || (!batches.is_empty() && taken + count > max_records) {
                break;
            }
            taken += count;
            batches.extend(self.in_memory.pop_front());
        }
        self.in_memory_records -= taken;
        batches
    }
}
