//! The state of the persister's records, changed under one lock and without waiting.
//!
//! Records are numbered in the order of acceptance. The last accepted ones are `open`. From there the writer
//! takes them, or, with spooling, batches of them: from the `window`, which is also in memory, or from
//! `spilled`, which is only on the disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::batch::{Batch, Source, Spilled, Step};
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
pub(super) struct State<R> {
    pub(super) config: PersisterConfig,
    pub(super) clock: Clock,
    pub(super) mode: SpoolMode,
    pub(super) stats: PersisterStats,
    pub(super) closing: bool,
    open: VecDeque<Accepted<R>>,
    /// The number of the next accepted record.
    next: u64,
    /// The number up to which a caller waits for the disk.
    pub(super) urged_durable: u64,
    /// The number up to which a caller waits for the database.
    pub(super) urged_committed: u64,
    /// Whether open records are taken by the spooler instead of the writer.
    pub(super) spooling: bool,
    /// Batches that the spool still has to write; they are in the window or with the writer as well.
    pub(super) unspooled: Vec<Batch<R>>,
    window: VecDeque<Batch<R>>,
    window_records: usize,
    spilled: Option<Spilled>,
    pub(super) committed: u64,
    pub(super) writer_done: bool,
    /// The acceptance time of the oldest record that the writer has.
    pub(super) in_hand_since: Option<Instant>,
    pub(super) failure: Option<Failure>,
    pub(super) spool_failures: SpoolFailures,
}

impl<R: Record> State<R> {
    /// `found` are the numbers before the spool's first record and of its last record.
    pub(super) fn new(
        config: PersisterConfig,
        clock: Clock,
        mode: SpoolMode,
        found: (u64, u64),
        records: u64,
    ) -> Self {
        let (before, last) = found;
        let spilled = (last > before).then_some(Spilled {
            first: before + 1,
            through: last,
        });
        Self {
            spooling: mode == SpoolMode::WriteAhead
                || (mode == SpoolMode::OnFailure && spilled.is_some()),
            config,
            clock,
            mode,
            stats: PersisterStats {
                queued: records,
                ..PersisterStats::default()
            },
            closing: false,
            open: VecDeque::new(),
            next: last + 1,
            urged_durable: 0,
            urged_committed: 0,
            unspooled: Vec::new(),
            window: VecDeque::new(),
            window_records: 0,
            spilled,
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
        self.open.push_back(Accepted { record, at });
        self.next += 1;
        self.next - 1
    }

    /// The number of the last accepted record.
    pub(super) fn newest(&self) -> u64 {
        self.next - 1
    }

    pub(super) fn open_len(&self) -> usize {
        self.open.len()
    }

    /// The waiting time of the oldest record; `spooled_at` is the acceptance time of the oldest one on the
    /// disk.
    pub(super) fn oldest_age(&self, spooled_at: Option<DateTime<Utc>>) -> Duration {
        let window = self.window.front().map(|batch| batch.at);
        let open = self.open.front().map(|accepted| accepted.at);
        let memory = self.in_hand_since.or(window).or(open);
        let in_memory = memory.map_or(Duration::ZERO, |at| at.elapsed());
        let on_disk = spooled_at.and_then(|at| (self.clock.now() - at).to_std().ok());
        // committed records may stay on the disk for a while
        match on_disk {
            Some(on_disk) if self.spilled.is_some() => in_memory.max(on_disk),
            _ => in_memory,
        }
    }

    /// The spooler's next step: writing batches, with the number of new ones among them. After a failed write
    /// it retries at `retry_at`, even if the spool owes nothing, to find out whether the disk works. While
    /// the disk `hangs`, it only takes new batches, which the disk cannot have.
    pub(super) fn spooler_step(&mut self, retry_at: Option<Instant>, hangs: bool) -> Step<usize> {
        self.forget_committed();
        let owes = !self.unspooled.is_empty();
        if self.writer_done && !owes && (self.open.is_empty() || !self.spooling) {
            return Step::End;
        }
        let now = Instant::now();
        let (is_due, due) = if self.spooling {
            self.open_due(self.urged_durable.max(self.urged_committed), now)
        } else {
            (false, None)
        };
        if is_due {
            let new = self.take_open(self.config.drain_batch_size);
            let count = new.len();
            self.unspooled.extend(new);
            return Step::Do(count);
        }
        if hangs || !(owes || retry_at.is_some()) {
            return Step::Wait(due);
        }
        if self.writer_done || retry_at.is_none_or(|at| at <= now) {
            return Step::Do(0);
        }
        Step::Wait(due.into_iter().chain(retry_at).min())
    }

    /// Notes that the disk has the `unspooled` batches up to the number `through`, the last `new` of which
    /// are nowhere else yet. Returns the number of records that no longer need space in memory.
    pub(super) fn spooled(&mut self, through: u64, new: usize) -> usize {
        self.spool_failures.end(SpoolPart::Append);
        let count = self
            .unspooled
            .partition_point(|batch| batch.number <= through);
        let on_disk: Vec<Batch<R>> = self.unspooled.drain(..count).collect();
        let first_new = on_disk.len() - new;
        for batch in on_disk.iter().skip(first_new) {
            self.push_window(batch.clone());
        }
        match (self.spilled, on_disk.last()) {
            (Some(spilled), Some(last)) => {
                // later batches have been waiting in memory for the disk
                let freed = self.drop_from_window(|batch| {
                    batch.number > spilled.through && batch.number <= through
                });
                self.spilled = Some(Spilled {
                    through: spilled.through.max(last.number),
                    ..spilled
                });
                freed
            }
            (None, Some(_)) => self.spill(through),
            (_, None) => 0,
        }
    }

    /// Leaves records that are on the disk to the disk alone, until the window fits half of the queue.
    /// Returns the number of those records.
    fn spill(&mut self, through: u64) -> usize {
        let mut first = None;
        let mut left = self.window_records;
        for batch in self.window.iter().rev() {
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
        self.spilled = Some(Spilled { first, through });
        self.drop_from_window(|batch| batch.number >= first && batch.number <= through)
    }

    fn drop_from_window(&mut self, is_dropped: impl Fn(&Batch<R>) -> bool) -> usize {
        let mut freed = 0;
        self.window.retain(|batch| {
            let dropped = is_dropped(batch);
            freed += if dropped { batch.records.len() } else { 0 };
            !dropped
        });
        self.window_records -= freed;
        freed
    }

    /// Notes that the disk does not have the last `new` of `unspooled`: they wait in memory for the disk and
    /// the database.
    pub(super) fn not_spooled(&mut self, new: usize) {
        let first_new = self.unspooled.len() - new;
        let new: Vec<Batch<R>> = self.unspooled[first_new..].to_vec();
        new.into_iter().for_each(|batch| self.push_window(batch));
    }

    /// The writer's next step, with up to `most` records from memory.
    pub(super) fn writer_step(&mut self, most: usize) -> Step<Source<R>> {
        self.forget_committed();
        let is_idle = self.window.is_empty() && self.spilled.is_none();
        let nothing_else = is_idle && self.unspooled.is_empty();
        if self.mode == SpoolMode::OnFailure && nothing_else && self.failure.is_none() {
            self.spooling = false;
        }
        let now = Instant::now();
        let before_spilled = |batch: &Batch<R>| {
            self.spilled
                .is_none_or(|spilled| batch.number < spilled.first)
        };
        if let Some(front) = self.window.front().filter(|batch| before_spilled(batch)) {
            let due = front.at + self.config.flush_interval;
            let is_ready = self.window_records >= self.config.batch_size
                || due <= now
                || self.urged_committed >= front.first()
                || self.spilled.is_some()
                || self.closing;
            return if is_ready {
                Step::Do(Source::Memory(self.take_window(most)))
            } else {
                Step::Wait(Some(due))
            };
        }
        if let Some(spilled) = self.spilled {
            return Step::Do(Source::Disk(spilled));
        }
        if self.spooling {
            let is_over = self.closing && nothing_else && self.open.is_empty();
            return if is_over { Step::End } else { Step::Wait(None) };
        }
        match self.open_due(self.urged_committed, now) {
            (true, _) => Step::Do(Source::Memory(self.take_open(most))),
            (false, None) if self.closing && nothing_else => Step::End,
            (false, due) => Step::Wait(due),
        }
    }

    /// Notes that the writer has read the spilled records up to `number`.
    pub(super) fn read_through(&mut self, number: u64) {
        if let Some(spilled) = &mut self.spilled {
            spilled.first = number + 1;
            if spilled.first > spilled.through {
                self.spilled = None;
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
        self.spooling && self.open.is_empty() && self.unspooled.is_empty()
    }

    /// Takes all records that are only in memory; `in_hand` are the writer's batches.
    pub(super) fn take_unsaved(&mut self, in_hand: Vec<Batch<R>>) -> Vec<R> {
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
            .chain(self.open.drain(..).map(|accepted| accepted.record))
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

    fn push_window(&mut self, batch: Batch<R>) {
        self.window_records += batch.records.len();
        self.window.push_back(batch);
    }

    /// Whether open records are due now, and otherwise the time at which they are.
    fn open_due(&self, urged: u64, now: Instant) -> (bool, Option<Instant>) {
        let Some(front) = self.open.front() else {
            return (false, None);
        };
        let due = front.at + self.config.flush_interval;
        let first = self.next - self.open.len() as u64;
        let is_due = self.open.len() >= self.config.batch_size
            || due <= now
            || urged >= first
            || self.closing;
        (is_due, Some(due))
    }

    /// Takes up to `most` records in batches. If the rest does not fill a batch, it stays and waits.
    fn take_open(&mut self, most: usize) -> Vec<Batch<R>> {
        let mut batches: Vec<Batch<R>> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.open.front() {
            let count = self.open.len().min(self.config.batch_size).min(most);
            let is_partial = count < self.config.batch_size;
            if !batches.is_empty() && (is_partial || taken + count > most) {
                break;
            }
            let at = front.at;
            let number = self.next - 1 - (self.open.len() - count) as u64;
            let records = self.open.drain(..count).map(|accepted| accepted.record);
            let records = Arc::new(records.collect());
            batches.push(Batch {
                number,
                records,
                at,
            });
            taken += count;
        }
        batches
    }

    fn take_window(&mut self, most: usize) -> Vec<Batch<R>> {
        let limit = self.spilled.map_or(u64::MAX, |spilled| spilled.first);
        let mut batches: Vec<Batch<R>> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.window.front() {
            let count = front.records.len();
            if front.number >= limit || (!batches.is_empty() && taken + count > most) {
                break;
            }
            taken += count;
            batches.extend(self.window.pop_front());
        }
        self.window_records -= taken;
        batches
    }
}
