//! The way of order books from the feeds to the live books and to the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::lane::{HAND_OVER, LaneState};
use super::report::LaneReport;
use super::running::Outcomes;
use crate::domain::SymbolId;
use crate::ingest::book::{
    Applied, BookEvent, BookRecording, BookSource, Desks, LiveBooks, RecordingMonitor,
    RunningRecording,
};
use crate::ingest::fanout::FanOutClosed;
use crate::ingest::{BookRecord, PersisterClosed, PersisterHealth};

/// The books of a pipeline that has not started.
#[derive(Debug)]
pub(super) struct BookLane {
    pub(super) live: LiveBooks,
    pub(super) recording: Option<BookRecording>,
}

impl BookLane {
    pub(super) fn start(self) -> RunningBookLane {
        let recording = self.recording.map(|it| it.start(&self.live));
        RunningBookLane {
            live: self.live,
            recording,
            given_back: Arc::default(),
        }
    }
}

/// The books of a running pipeline.
#[derive(Debug)]
pub(super) struct RunningBookLane {
    live: LiveBooks,
    recording: Option<RunningRecording>,
    given_back: Arc<AtomicBool>,
}

impl RunningBookLane {
    /// The output of one feed.
    pub(super) fn entrance(&self, feed: &str) -> BookOutput {
        let recording = self.recording.as_ref();
        let recording = recording.map(|it| it.monitor.clone());
        BookOutput::new(&self.live, feed, recording)
    }

    /// Observes the persister; `None` if no books are stored.
    pub(super) fn monitor(&self) -> Option<BookLaneMonitor> {
        let recording = self.recording.as_ref()?;
        Some(BookLaneMonitor {
            recording: recording.monitor.clone(),
            given_back: Arc::clone(&self.given_back),
        })
    }

    /// Waits at most `patience` until everything is stored. Call it after the end of all feeds.
    pub(super) async fn stop(self, patience: Duration) -> Option<LaneReport<BookRecord>> {
        let recording = self.recording?;
        let monitor = recording.monitor.clone();
        let hand_over = HAND_OVER.min(patience);
        let (stopped, not_handed_over) = recording.stop(hand_over, patience).await;
        // records that the persister could not return may not be stored either
        let unsaved = stopped.stats.queued.saturating_sub(stopped.spooled);
        Some(LaneReport {
            unsaved: not_handed_over + unsaved.max(stopped.unsaved.len() as u64),
            handed_back: stopped.unsaved,
            stats: stopped.stats,
            spooled: stopped.spooled,
            refused: monitor.refused(),
            quarantine_spooled: 0,
            quarantine_lost: 0,
        })
    }
}

/// Observes the persister of books. Clones observe the same one.
#[derive(Debug, Clone)]
pub(super) struct BookLaneMonitor {
    recording: RecordingMonitor,
    /// Set when everything is stored and the spool is free for other processes.
    given_back: Arc<AtomicBool>,
}

impl BookLaneMonitor {
    pub(super) fn state(&self) -> LaneState {
        let (stats, waiting) = self.recording.stats();
        let content = self.recording.persister.spool_content();
        LaneState {
            stats,
            refused: self.recording.refused(),
            waiting,
            spooled: content.map_or(0, |spool| spool.records),
            quarantine_waiting: 0,
            health: self.health(),
        }
    }

    pub(super) fn health(&self) -> PersisterHealth {
        if self.is_given_back() {
            return PersisterHealth::Up;
        }
        self.recording.health()
    }

    fn is_given_back(&self) -> bool {
        self.given_back.load(Ordering::Acquire)
    }

    /// Releases the spool as soon as everything in it is stored.
    pub(super) async fn give_back_when_drained(self, patience: Duration) {
        // waits for as long as the database is unavailable
        if self.recording.persister.flush().await.is_err() {
            return;
        }
        self.given_back.store(true, Ordering::Release);
        self.recording.persister.stop(patience).await;
        tracing::info!("all rows of books in the spool are stored: other servers may use it");
    }

    /// Waits until the persister has ended before it was stopped.
    pub(super) async fn broken(&self) {
        self.recording.persister.ended().await;
        if self.is_given_back() {
            // nothing has to be stored any more
            std::future::pending::<()>().await;
        }
        tracing::error!("the writer of order books has ended: see the log for the reason");
    }
}

/// The rows of books that were recorded.
#[derive(Debug, Clone)]
pub(super) struct BooksSent {
    recording: RecordingMonitor,
    position: u64,
}

impl BooksSent {
    pub(super) async fn durable(&self) -> Result<(), PersisterClosed> {
        self.recording.desks.passed(self.position).await;
        self.recording.persister.sync().await
    }
}

fn desks_of(recording: Option<&RecordingMonitor>) -> Option<&Desks> {
    recording.map(|it| &*it.desks)
}

/// Receives the order books of one feed. When it is dropped, they are stale, since nothing changes them any more.
#[derive(Debug)]
pub(super) struct BookOutput {
    source: BookSource,
    recording: Option<RecordingMonitor>,
    name: String,
    /// The symbols that have a recorder.
    prepared: BTreeSet<SymbolId>,
    /// The symbols whose books belong to another feed, which the log has once.
    foreign: BTreeSet<SymbolId>,
    pub(super) outcomes: Option<Arc<Outcomes>>,
}

impl BookOutput {
    pub(super) fn new(live: &LiveBooks, feed: &str, recording: Option<RecordingMonitor>) -> Self {
        Self {
            source: live.source(feed),
            recording,
            name: feed.to_owned(),
            prepared: BTreeSet::new(),
            foreign: BTreeSet::new(),
            outcomes: None,
        }
    }

    /// The events so far; `None` if no books are stored.
    pub(super) fn sent(&self) -> Option<BooksSent> {
        let recording = self.recording.clone()?;
        let position = recording.desks.position();
        Some(BooksSent {
            recording,
            position,
        })
    }

    /// Applies an event and records it. Waits while the store has no space for its records.
    pub(super) async fn send(&mut self, event: BookEvent) -> Result<(), FanOutClosed> {
        let symbol_id = event.symbol_id;
        if let Some(desks) = desks_of(self.recording.as_ref())
            && self.prepared.insert(symbol_id)
        {
            desks.prepare(symbol_id, &self.name).await;
        }
        let desks = desks_of(self.recording.as_ref());
        let applied = self.source.apply(event, |now, applied| {
            if let Some(desks) = desks {
                desks.record(symbol_id, now, applied);
            }
        });
        self.count(symbol_id, applied);
        match desks_of(self.recording.as_ref()) {
            Some(desks) if !desks.has_room().await => Err(FanOutClosed),
            _ => Ok(()),
        }
    }

    fn count(&mut self, symbol_id: SymbolId, applied: Applied) {
        if applied == Applied::Foreign && self.foreign.insert(symbol_id) {
            let feed = &self.name;
            tracing::error!(
                feed, %symbol_id,
                "the order book is ignored: another feed sends the book of this symbol"
            );
        }
        let Some(outcomes) = &self.outcomes else {
            return;
        };
        match applied {
            Applied::Snapshot | Applied::Levels | Applied::Stale(_) => outcomes.count_published(),
            Applied::Ignored | Applied::Foreign => outcomes.count_held_back(),
        }
    }
}

impl Drop for BookOutput {
    fn drop(&mut self) {
        let desks = desks_of(self.recording.as_ref());
        self.source.end(|symbol_id, time| {
            if let Some(desks) = desks {
                desks.stop(symbol_id, time);
            }
        });
    }
}
