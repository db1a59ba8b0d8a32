//! Which ticks are where: the part that is changed under one lock and never waits.
//!
//! Ticks have numbers in the order they were accepted. Those that were accepted last are `open`;
//! from there they go to the writer directly, or, where they are spooled, in batches to the
//! `window` that still has them in memory, or into `spilled`, which only the disk has.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::health::Failure;
use super::settings::SpoolMode;
use super::{PersisterConfig, PersisterStats};
use crate::domain::Tick;
use crate::ingest::spool::SpoolBatch;

/// Ticks that are written together, or with others.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// Of its last tick.
    pub(super) number: u64,
    pub(super) ticks: Arc<Vec<Tick>>,
    /// When its first tick was accepted.
    pub(super) at: Instant,
}

impl Batch {
    /// Of its first tick.
    pub(super) fn first(&self) -> u64 {
        self.number + 1 - self.ticks.len() as u64
    }

    pub(super) fn for_spool(&self) -> SpoolBatch {
        SpoolBatch {
            number: self.number,
            ticks: Arc::clone(&self.ticks),
            accepted_at: Utc::now() - self.at.elapsed(),
        }
    }
}

#[derive(Debug)]
struct Accepted {
    tick: Tick,
    at: Instant,
}

/// Numbers of ticks that only the disk has; both ends belong to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spilled {
    pub(super) first: u64,
    pub(super) through: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) config: PersisterConfig,
    pub(super) mode: SpoolMode,
    pub(super) stats: PersisterStats,
    pub(super) closing: bool,
    open: VecDeque<Accepted>,
    /// The number of the tick accepted next.
    next: u64,
    /// Somebody waits until these are on the disk …
    pub(super) urged_durable: u64,
    /// … or in the database.
    pub(super) urged_committed: u64,
    /// Whether open ticks go to the spool rather than to the writer.
    pub(super) spooling: bool,
    /// Whether the spooler has taken open ticks that are nowhere else yet.
    pub(super) spooler_busy: bool,
    /// Batches the spool has not taken and has to; the window or the writer have them as well.
    pub(super) unspooled: Vec<Batch>,
    window: VecDeque<Batch>,
    window_ticks: usize,
    spilled: Option<Spilled>,
    pub(super) committed: u64,
    pub(super) writer_done: bool,
    /// When the oldest tick was accepted that the writer has.
    pub(super) in_hand_since: Option<Instant>,
    pub(super) failure: Option<Failure>,
    pub(super) spool_failure: Option<Failure>,
}

/// Whether there is something to do.
#[derive(Debug)]
pub(super) enum Step<T> {
    Do(T),
    /// Nothing before this time, unless something happens.
    Wait(Option<Instant>),
    End,
}

/// Where the writer gets its next ticks from.
#[derive(Debug)]
pub(super) enum Source {
    Memory(Vec<Batch>),
    Disk(Spilled),
}

impl State {
    /// `found` are the numbers of what the spool holds already: before its first tick, and of its
    /// last.
    pub(super) fn new(
        config: PersisterConfig,
        mode: SpoolMode,
        found: (u64, u64),
        ticks: u64,
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
            mode,
            stats: PersisterStats {
                queued: ticks,
                ..PersisterStats::default()
            },
            closing: false,
            open: VecDeque::new(),
            next: last + 1,
            urged_durable: 0,
            urged_committed: 0,
            spooler_busy: false,
            unspooled: Vec::new(),
            window: VecDeque::new(),
            window_ticks: 0,
            spilled,
            committed: before,
            writer_done: false,
            in_hand_since: None,
            failure: None,
            spool_failure: None,
        }
    }

    pub(super) fn accept(&mut self, tick: Tick) -> u64 {
        self.stats.received += 1;
        self.stats.queued += 1;
        self.stats.crossed += u64::from(tick.is_crossed());
        let at = Instant::now();
        self.open.push_back(Accepted { tick, at });
        self.next += 1;
        self.next - 1
    }

    /// The number of the tick accepted last.
    pub(super) fn newest(&self) -> u64 {
        self.next - 1
    }

    pub(super) fn open_len(&self) -> usize {
        self.open.len()
    }

    /// How long the oldest tick has waited, `spooled_at` being the oldest of those on the disk.
    pub(super) fn oldest_age(&self, spooled_at: Option<DateTime<Utc>>) -> Duration {
        let window = self.window.front().map(|batch| batch.at);
        let open = self.open.front().map(|accepted| accepted.at);
        let memory = self.in_hand_since.or(window).or(open);
        let in_memory = memory.map_or(Duration::ZERO, |at| at.elapsed());
        let on_disk = spooled_at.and_then(|at| (Utc::now() - at).to_std().ok());
        // what is settled may be on the disk for some time more
        match on_disk {
            Some(on_disk) if self.spilled.is_some() => in_memory.max(on_disk),
            _ => in_memory,
        }
    }

    /// What the spooler has to do: batches for the spool, how many of them being new.
    pub(super) fn spooler_step(&mut self, retry_at: Option<Instant>) -> Step<usize> {
        self.forget_committed();
        if !self.spooling {
            return if self.writer_done {
                Step::End
            } else {
                Step::Wait(None)
            };
        }
        let now = Instant::now();
        let (is_due, due) = self.open_due(self.urged_durable.max(self.urged_committed), now);
        if is_due {
            let new = self.take_open(self.config.drain_batch_size);
            let count = new.len();
            self.unspooled.extend(new);
            self.spooler_busy = true;
            return Step::Do(count);
        }
        if !self.unspooled.is_empty() {
            if self.writer_done || retry_at.is_none_or(|at| at <= now) {
                return Step::Do(0);
            }
            return Step::Wait(due.into_iter().chain(retry_at).min());
        }
        if self.writer_done && self.open.is_empty() {
            return Step::End;
        }
        Step::Wait(due)
    }

    /// The disk has all of `unspooled`, the last `new` of which are nowhere else yet. Returns how
    /// many ticks need no place in memory any more.
    pub(super) fn spooled(&mut self, new: usize) -> usize {
        let all = std::mem::take(&mut self.unspooled);
        self.spooler_busy = false;
        self.spool_failure = None;
        let mut freed = 0;
        if let Some(spilled) = &mut self.spilled {
            // those behind have been waiting for the disk in memory
            while self
                .window
                .back()
                .is_some_and(|batch| batch.number > spilled.through)
            {
                freed += self.window.pop_back().map_or(0, |batch| batch.ticks.len());
            }
            self.window_ticks -= freed;
            spilled.through = spilled
                .through
                .max(all.last().map_or(0, |batch| batch.number));
            let new = &all[all.len() - new..];
            return freed + new.iter().map(|batch| batch.ticks.len()).sum::<usize>();
        }
        let first_new = all.len() - new;
        for batch in all.into_iter().skip(first_new) {
            if let Some(spilled) = &mut self.spilled {
                spilled.through = batch.number;
                freed += batch.ticks.len();
            } else if self.window_ticks + batch.ticks.len() > self.config.queue / 2 {
                self.spilled = Some(Spilled {
                    first: batch.first(),
                    through: batch.number,
                });
                freed += batch.ticks.len();
            } else {
                self.push_window(batch);
            }
        }
        freed
    }

    /// The disk has nothing of `unspooled`: the last `new` of them wait in memory for both.
    pub(super) fn not_spooled(&mut self, new: usize) {
        self.spooler_busy = false;
        let first_new = self.unspooled.len() - new;
        let new: Vec<Batch> = self.unspooled[first_new..].to_vec();
        new.into_iter().for_each(|batch| self.push_window(batch));
    }

    /// What the writer has to do, taking up to `most` ticks from memory.
    pub(super) fn writer_step(&mut self, most: usize) -> Step<Source> {
        self.forget_committed();
        let is_idle = self.window.is_empty() && self.spilled.is_none();
        let nothing_else = is_idle && !self.spooler_busy && self.unspooled.is_empty();
        if self.mode == SpoolMode::OnFailure && nothing_else && self.failure.is_none() {
            self.spooling = false;
        }
        let now = Instant::now();
        let before_spilled = |batch: &Batch| {
            self.spilled
                .is_none_or(|spilled| batch.number < spilled.first)
        };
        if let Some(front) = self.window.front().filter(|batch| before_spilled(batch)) {
            let due = front.at + self.config.flush_interval;
            let is_ready = self.window_ticks >= self.config.batch_size
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

    /// The writer has read up to `number` of what only the disk has.
    pub(super) fn read_through(&mut self, number: u64) {
        if let Some(spilled) = &mut self.spilled {
            spilled.first = number + 1;
            if spilled.first > spilled.through {
                self.spilled = None;
            }
        }
    }

    /// Whether all that is not in the database is on the disk.
    pub(super) fn is_all_spooled(&mut self) -> bool {
        self.forget_committed();
        self.spooling && self.open.is_empty() && !self.spooler_busy && self.unspooled.is_empty()
    }

    /// Takes everything that is in memory only, `in_hand` being what the writer has.
    pub(super) fn take_unsaved(&mut self, in_hand: Vec<Batch>) -> Vec<Tick> {
        self.forget_committed();
        let batches = if self.mode == SpoolMode::Memory {
            in_hand
        } else {
            std::mem::take(&mut self.unspooled)
        };
        let batches = batches.iter().flat_map(|batch| batch.ticks.iter().cloned());
        batches
            .chain(self.open.drain(..).map(|accepted| accepted.tick))
            .collect()
    }

    /// The database has all up to `number`. Returns whether the spool owes nothing.
    pub(super) fn commit_through(&mut self, number: u64) -> bool {
        self.committed = number;
        self.forget_committed();
        self.unspooled.is_empty()
    }

    fn forget_committed(&mut self) {
        let committed = self.committed;
        self.unspooled.retain(|batch| batch.number > committed);
    }

    fn push_window(&mut self, batch: Batch) {
        self.window_ticks += batch.ticks.len();
        self.window.push_back(batch);
    }

    /// Whether open ticks are to be taken now, and else when.
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

    /// Takes up to `most` ticks in batches; fewer when the rest does not fill one, and waits on.
    fn take_open(&mut self, most: usize) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.open.front() {
            let count = self.open.len().min(self.config.batch_size).min(most);
            let is_partial = count < self.config.batch_size;
            if !batches.is_empty() && (is_partial || taken + count > most) {
                break;
            }
            let at = front.at;
            let number = self.next - 1 - (self.open.len() - count) as u64;
            let ticks = self.open.drain(..count).map(|accepted| accepted.tick);
            let ticks = Arc::new(ticks.collect());
            batches.push(Batch { number, ticks, at });
            taken += count;
        }
        batches
    }

    fn take_window(&mut self, most: usize) -> Vec<Batch> {
        let limit = self.spilled.map_or(u64::MAX, |spilled| spilled.first);
        let mut batches: Vec<Batch> = Vec::new();
        let mut taken = 0;
        while let Some(front) = self.window.front() {
            let count = front.ticks.len();
            if front.number >= limit || (!batches.is_empty() && taken + count > most) {
                break;
            }
            taken += count;
            batches.extend(self.window.pop_front());
        }
        self.window_ticks -= taken;
        batches
    }
}
