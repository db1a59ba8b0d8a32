//! The recorders of all books of a pipeline, and the records that wait for the persister.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::task::coop;
use tokio::time::timeout;

use super::live::{Applied, BookNow, LiveBooks};
use super::recorder::{BookRecorder, RecorderConfig};
use super::taken::{Taken, TakenKind};
use crate::clock::Clock;
use crate::domain::SymbolId;
use crate::domain::book::{BookInterval, EndReason};
use crate::ingest::BookPersister;
use crate::ingest::record::{BookRecord, Record as _};

/// The number of waiting records from which on a feed waits.
const QUEUE: usize = 1_000;

/// Maximum time that the first event of a book waits until the rows of an earlier run are settled.
const PATIENCE: Duration = Duration::from_secs(5);

/// The recorders of all books, and their records in the order in which they are stored.
///
/// The persister gets a record at once if it has space and no other record waits. Only otherwise the record waits
/// for a task that passes it on.
#[derive(Debug)]
pub(crate) struct Desks {
    config: RecorderConfig,
    clock: Clock,
    persister: BookPersister,
    state: Mutex<State>,
    /// Records wait, or no more follow.
    pub(super) added: Notify,
    /// Symbols were added whose earlier rows are not settled.
    pub(super) unsettled: Notify,
    /// Records were taken, or a desk became ready.
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    desks: BTreeMap<SymbolId, Desk>,
    waiting: VecDeque<BookRecord>,
    /// The number of records, without dropped ones.
    added: u64,
    /// Whether a record was taken and its result is not known.
    is_in_hand: bool,
    unsettled: Vec<SymbolId>,
    is_closed: bool,
    refused: u64,
}

/// The recorder of one symbol.
#[derive(Debug)]
struct Desk {
    recorder: BookRecorder,
    /// Whether an interval that an earlier run left open is ended.
    is_settled: bool,
    /// The live book may be valid without being recorded.
    needs_start: bool,
    /// The start of the interval of the last accepted record, and the time of that record.
    accepted: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The end of an interval whose later records were refused. Nothing is recorded until it is accepted.
    unsent_end: Option<BookRecord>,
}

impl Desk {
    fn is_open(&self) -> bool {
        self.is_settled && self.unsent_end.is_none()
    }

    /// Notes that the persister has accepted a record.
    fn accept(&mut self, taken: TakenKind) {
        self.accepted = match taken {
            TakenKind::End => None,
            TakenKind::Start(from) => Some((from, from)),
            TakenKind::Row(time) => self.accepted.map(|(from, _)| (from, time)),
        };
    }
}

impl Desks {
    pub(super) fn new(config: RecorderConfig, clock: Clock, persister: BookPersister) -> Self {
        Self {
            config,
            clock,
            persister,
            state: Mutex::default(),
            added: Notify::new(),
            unsettled: Notify::new(),
            moved: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a recorder for a symbol, and waits for some seconds until it may record.
    pub(crate) async fn prepare(&self, symbol_id: SymbolId, source: &str) {
        {
            let mut state = self.lock();
            if state.is_closed || state.desks.contains_key(&symbol_id) {
                return;
            }
            let (config, clock) = (self.config.clone(), self.clock.clone());
            let desk = Desk {
                recorder: BookRecorder::new(symbol_id, source, config, clock),
                is_settled: false,
                needs_start: false,
                accepted: None,
                unsent_end: None,
            };
            state.desks.insert(symbol_id, desk);
            state.unsettled.push(symbol_id);
        }
        self.unsettled.notify_one();
        let settled = async {
            loop {
                let moved = self.moved.notified();
                if self.is_settled(symbol_id) {
                    return;
                }
                moved.await;
            }
        };
        if timeout(PATIENCE, settled).await.is_err() {
            tracing::warn!(%symbol_id, "the book is recorded as soon as the database answers");
        }
    }

    fn is_settled(&self, symbol_id: SymbolId) -> bool {
        let state = self.lock();
        let desk = state.desks.get(&symbol_id);
        state.is_closed || desk.is_some_and(|desk| desk.is_settled)
    }

    /// The symbols whose earlier rows are to be settled.
    pub(super) fn take_unsettled(&self) -> Vec<SymbolId> {
        std::mem::take(&mut self.lock().unsettled)
    }

    /// Lets the recorder of a symbol begin.
    pub(super) fn settle(&self, symbol_id: SymbolId) {
        if let Some(desk) = self.lock().desks.get_mut(&symbol_id) {
            desk.is_settled = true;
            desk.needs_start = true;
        }
        self.moved.notify_waiters();
    }

    /// Records a book after an event.
    pub(crate) fn record(&self, symbol_id: SymbolId, now: BookNow<'_>, applied: Applied) {
        self.record_with(symbol_id, |recorder| {
            recorder.set_source(now.source);
            match applied {
                Applied::Snapshot | Applied::Levels => recorder.on_message(now.book, now.message),
                Applied::Stale(reason) => recorder.on_stale_at(now.message.time, reason),
                Applied::Ignored | Applied::Foreign => Vec::new(),
            }
        });
    }

    /// Ends the interval of a book whose feed has ended.
    pub(crate) fn stop(&self, symbol_id: SymbolId, time: DateTime<Utc>) {
        self.record_with(symbol_id, |recorder| recorder.stop_at(time));
    }

    fn record_with(
        &self,
        symbol_id: SymbolId,
        records: impl FnOnce(&mut BookRecorder) -> Vec<BookRecord>,
    ) {
        let mut state = self.lock();
        let State {
            desks,
            waiting,
            added,
            is_in_hand,
            is_closed,
            ..
        } = &mut *state;
        let desk = desks.get_mut(&symbol_id).filter(|desk| desk.is_open());
        let Some(desk) = desk.filter(|_| !*is_closed) else {
            return;
        };
        desk.needs_start = false;
        let records = records(&mut desk.recorder);
        *added += records.len() as u64;
        let before = waiting.len();
        for record in records {
            if *is_in_hand || !waiting.is_empty() {
                waiting.push_back(record);
                continue;
            }
            let taken = Taken::of(&record);
            match self.persister.try_push(record) {
                Ok(()) => desk.accept(taken.kind),
                Err(record) => waiting.push_back(record),
            }
        }
        let waits = waiting.len() > before;
        drop(state);
        if waits {
            self.added.notify_one();
        }
    }

    /// Records snapshots that are due, and books that became valid while they could not be recorded.
    pub(super) fn on_timer(&self, live: &LiveBooks) {
        let mut state = self.lock();
        let State {
            desks,
            waiting,
            added,
            ..
        } = &mut *state;
        let before = waiting.len();
        let mut unstarted = Vec::new();
        for (symbol_id, desk) in desks.iter_mut().filter(|(_, desk)| desk.is_open()) {
            waiting.extend(desk.recorder.on_timer());
            if desk.needs_start {
                unstarted.push(*symbol_id);
            }
        }
        *added += (waiting.len() - before) as u64;
        // an event locks the live book first
        drop(state);
        for symbol_id in unstarted {
            live.visit_valid(symbol_id, |now| {
                if self.needs_start(symbol_id) {
                    self.record(symbol_id, now, Applied::Levels);
                }
            });
        }
    }

    fn needs_start(&self, symbol_id: SymbolId) -> bool {
        let state = self.lock();
        state
            .desks
            .get(&symbol_id)
            .is_some_and(|desk| desk.needs_start)
    }

    /// Waits while too many records wait. Returns whether more are accepted.
    pub(crate) async fn has_room(&self) -> bool {
        // a feed that never waits yields to other tasks
        coop::consume_budget().await;
        loop {
            let moved = self.moved.notified();
            let (length, is_closed) = {
                let state = self.lock();
                (state.waiting.len(), state.is_closed)
            };
            if is_closed {
                return false;
            }
            if length < QUEUE {
                return true;
            }
            moved.await;
        }
    }

    /// Takes the next record; tell its result by [`accept`](Self::accept) or [`refuse`](Self::refuse).
    pub(super) fn take(&self) -> Option<BookRecord> {
        let record = {
            let mut state = self.lock();
            let record = state.waiting.pop_front();
            state.is_in_hand = record.is_some();
            record
        };
        self.moved.notify_waiters();
        record
    }

    /// Notes that the persister has accepted the record that was taken.
    pub(super) fn accept(&self, taken: Taken) {
        let mut state = self.lock();
        state.is_in_hand = false;
        if state.waiting.is_empty() {
            self.moved.notify_waiters();
        }
        if let Some(desk) = state.desks.get_mut(&taken.symbol_id) {
            desk.accept(taken.kind);
        }
    }

    /// Notes that the record that was taken was refused. A book without it would be wrong: its interval ends after
    /// the last accepted record, and another one begins as soon as the persister accepts that end. Returns the number
    /// of lost records.
    pub(super) fn refuse(&self, taken: Taken) -> u64 {
        let symbol_id = taken.symbol_id;
        let mut state = self.lock();
        let State {
            desks,
            waiting,
            added,
            ..
        } = &mut *state;
        let before = waiting.len();
        waiting.retain(|other| other.symbol_id() != symbol_id);
        let dropped = (before - waiting.len()) as u64;
        *added -= dropped;
        let lost = dropped + 1;
        if let Some(desk) = desks.get_mut(&symbol_id) {
            desk.recorder.restart();
            desk.needs_start = true;
            let end = desk.accepted.take().map(|(from, last)| {
                let at = last + TimeDelta::microseconds(1);
                BookInterval::open(symbol_id, from).closed(at, EndReason::Stopped)
            });
            desk.unsent_end = end.map(Into::into);
        }
        state.is_in_hand = false;
        state.refused += lost;
        tracing::error!(
            %symbol_id, lost,
            "the book is not recorded: the spool is full or fails, and spool.on_full is \"error\""
        );
        lost
    }

    /// The ends of intervals that were refused.
    pub(super) fn unsent_ends(&self) -> Vec<BookRecord> {
        let state = self.lock();
        let desks = state.desks.values();
        desks.filter_map(|desk| desk.unsent_end.clone()).collect()
    }

    /// Notes that the persister has accepted the end of an interval.
    pub(super) fn sent_end(&self, symbol_id: SymbolId) {
        if let Some(desk) = self.lock().desks.get_mut(&symbol_id) {
            desk.unsent_end = None;
        }
    }

    /// Accepts no more records. Those that wait may still be taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.added.notify_one();
        self.moved.notify_waiters();
    }

    /// Whether no more records follow.
    pub(super) fn is_drained(&self) -> bool {
        let state = self.lock();
        state.is_closed && state.waiting.is_empty()
    }

    /// The number of records that the persister has not accepted yet.
    pub(super) fn waiting(&self) -> u64 {
        let state = self.lock();
        state.waiting.len() as u64 + u64::from(state.is_in_hand)
    }

    /// The number of records so far.
    pub(crate) fn position(&self) -> u64 {
        self.lock().added
    }

    /// Waits until the persister has accepted or refused the first `position` records, or no more are accepted.
    pub(crate) async fn passed(&self, position: u64) {
        loop {
            let moved = self.moved.notified();
            {
                let state = self.lock();
                let left = state.waiting.len() as u64 + u64::from(state.is_in_hand);
                // records that were refused for an earlier one are not waited for
                let position = position.min(state.added);
                if state.is_closed || state.added - left >= position {
                    return;
                }
            }
            moved.await;
        }
    }

    /// The number of records that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.lock().refused
    }
}
