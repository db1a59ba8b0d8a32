//! The way of one type of records from the feeds to the store: checks, fan-out, persister, quarantine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::record::FeedRecord;
use super::report::LaneReport;
use super::stage::QualityStage;
use super::store::{RefusedRecords, StoreSink};
use crate::clock::Clock;
use crate::ingest::fanout::{FanOut, QueueMonitor, QueueOptions, SinkTask};
use crate::ingest::quality::{Quarantine, QuarantineReport, SymbolRules};
use crate::ingest::{Persister, PersisterClosed, PersisterHealth, PersisterStats};

/// The part of the time for a stop in which records must reach the persister, which can write them to the
/// disk.
pub(super) const HAND_OVER: Duration = Duration::from_secs(3);

/// The interval of checks for records that wait in the quarantine, before the spool is released.
const POLL: Duration = Duration::from_millis(200);

/// The capacity of the queue between the feeds and the persister, which has a queue of its own.
const STORE_QUEUE: usize = 1_000;

/// The state of the way of one type of records since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneState {
    /// The counts of records that were accepted to be stored. `queued` counts the persister only.
    pub stats: PersisterStats,
    /// Records that were refused, since neither memory nor spool had space and the persister does not wait for
    /// it. They are not stored.
    pub refused: u64,
    /// Records that wait to be stored.
    pub waiting: u64,
    /// The waiting records that are on the disk and survive the end of the process.
    pub spooled: u64,
    /// Records that were held back and wait to be written to the quarantine.
    pub quarantine_waiting: u64,
    /// The health of the persister.
    pub health: PersisterHealth,
}

/// The settings of a lane that has not started.
#[derive(Debug)]
pub(super) struct Lane<R: FeedRecord> {
    pub(super) persister: Persister<R>,
    pub(super) fan_out: FanOut<R>,
    pub(super) quality: Option<(SymbolRules, Quarantine<R>, Clock)>,
}

impl<R: FeedRecord> Lane<R> {
    pub(super) fn new(persister: Persister<R>) -> Self {
        Self {
            persister,
            fan_out: FanOut::new(),
            quality: None,
        }
    }

    pub(super) fn start(self) -> RunningLane<R> {
        let sink = StoreSink::new(self.persister.clone());
        let refused = sink.refused();
        let options = QueueOptions::storing("store", STORE_QUEUE);
        let store = self.fan_out.attach(Box::new(sink), options);
        let monitor = LaneMonitor {
            handed_over: store.monitor(),
            refused,
            persister: self.persister,
            quarantine: self.quality.as_ref().map(|(_, held, _)| held.clone()),
            given_back: Arc::default(),
        };
        RunningLane {
            fan_out: self.fan_out,
            quality: self.quality,
            store,
            monitor,
        }
    }
}

/// A running lane.
#[derive(Debug)]
pub(super) struct RunningLane<R: FeedRecord> {
    fan_out: FanOut<R>,
    quality: Option<(SymbolRules, Quarantine<R>, Clock)>,
    store: SinkTask<R>,
    pub(super) monitor: LaneMonitor<R>,
}

impl<R: FeedRecord> RunningLane<R> {
    /// The fan-out, and the checks of one feed, whose records are compared with its own earlier ones only.
    pub(super) fn entrance(&self) -> (FanOut<R>, Option<QualityStage<R>>) {
        let stage = self.quality.as_ref().map(|(rules, quarantine, clock)| {
            QualityStage::new(rules.clone().into(), quarantine.clone(), clock.clone())
        });
        (self.fan_out.clone(), stage)
    }

    /// Waits at most `patience` until everything is stored. Closes the fan-out.
    pub(super) async fn stop(self, patience: Duration) -> LaneReport<R> {
        let deadline = Instant::now() + patience;
        self.fan_out.close();
        let not_handed_over = self.store.finish(HAND_OVER.min(patience)).await as u64;
        let left = deadline.saturating_duration_since(Instant::now());
        let quarantine = async {
            match &self.monitor.quarantine {
                Some(quarantine) => quarantine.stop(left).await,
                None => QuarantineReport::default(),
            }
        };
        let persister = self.monitor.persister.stop(left);
        let (stopped, quarantine) = tokio::join!(persister, quarantine);
        // records that the persister could not return may not be stored either
        let unsaved = stopped.stats.queued.saturating_sub(stopped.spooled);
        LaneReport {
            unsaved: not_handed_over + unsaved.max(stopped.unsaved.len() as u64),
            handed_back: stopped.unsaved,
            stats: stopped.stats,
            spooled: stopped.spooled,
            refused: self.monitor.refused.count(),
            quarantine_spooled: quarantine.spooled,
            quarantine_lost: quarantine.lost,
        }
    }
}

/// Observes a running lane. Clones observe the same one.
#[derive(Debug, Clone)]
pub(super) struct LaneMonitor<R: FeedRecord> {
    /// The queue of records that have not reached the persister.
    pub(super) handed_over: QueueMonitor<R>,
    refused: RefusedRecords,
    persister: Persister<R>,
    quarantine: Option<Quarantine<R>>,
    /// Set when everything is stored and the spool is free for other processes.
    given_back: Arc<AtomicBool>,
}

impl<R: FeedRecord> LaneMonitor<R> {
    pub(super) fn state(&self) -> LaneState {
        // read the queue before the counts, which then include all records that have left it
        let on_the_way = self.handed_over.waiting() as u64;
        let stats = self.persister.stats();
        let content = self.persister.spool_content();
        LaneState {
            stats,
            refused: self.refused.count(),
            waiting: on_the_way + stats.queued,
            spooled: content.map_or(0, |spool| spool.records),
            quarantine_waiting: self.quarantine.as_ref().map_or(0, Quarantine::waiting),
            health: self.health(),
        }
    }

    /// The health of the persister.
    pub(super) fn health(&self) -> PersisterHealth {
        if self.is_given_back() {
            return PersisterHealth::Up;
        }
        self.persister.health()
    }

    /// Waits until the persister and the quarantine have made durable what they have.
    pub(super) async fn sync(&self) -> Result<(), PersisterClosed> {
        self.persister.sync().await?;
        match &self.quarantine {
            Some(quarantine) => quarantine.sync().await.map_err(|_| PersisterClosed),
            None => Ok(()),
        }
    }

    fn is_given_back(&self) -> bool {
        self.given_back.load(Ordering::Acquire)
    }

    /// Releases the spool as soon as everything in it is stored.
    pub(super) async fn give_back_when_drained(self, patience: Duration) {
        // waits for as long as the database is unavailable
        if self.persister.flush().await.is_err() {
            return;
        }
        if let Some(quarantine) = &self.quarantine {
            while quarantine.waiting() > 0 {
                sleep(POLL).await;
            }
        }
        self.given_back.store(true, Ordering::Release);
        if let Some(quarantine) = &self.quarantine {
            quarantine.stop(patience).await;
        }
        self.persister.stop(patience).await;
        let records = R::NAMES;
        tracing::info!(
            records,
            "everything in the spool is stored: other servers may use it"
        );
    }

    /// Waits until the persister or the quarantine has ended before it was stopped.
    pub(super) async fn broken(&self) {
        let quarantine = async {
            match &self.quarantine {
                Some(quarantine) => quarantine.ended().await,
                None => std::future::pending().await,
            }
        };
        let records = R::NAMES;
        let writer = tokio::select! {
            () = self.persister.ended() => "the writer",
            () = quarantine => "the writer of the quarantine",
        };
        if self.is_given_back() {
            // nothing has to be stored any more
            std::future::pending::<()>().await;
        }
        tracing::error!(records, "{writer} has ended: see the log for the reason");
    }
}
