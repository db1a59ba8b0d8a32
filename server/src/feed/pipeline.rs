//! From a feed into the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickbook::Clock;
use tickbook::ingest::fanout::{FanOut, QueueMonitor, QueueOptions, SinkTask};
use tickbook::ingest::quality::{QualityControl, Quarantine};
use tickbook::ingest::{PersisterHealth, TickPersister};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::quality::QualityStage;
use super::store::{Refused, StoreSink};
use super::{Feed, FeedOutput};
use crate::metrics;

/// How long ticks that wait may take to be stored when the server stops.
const FLUSH: Duration = Duration::from_secs(10);

/// How much of that ticks may take to reach the persister, which can keep what it has.
const HAND_OVER: Duration = Duration::from_secs(3);

/// How often ticks that were held back are asked for, when a spool is to be given back.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Ticks between the feed and the persister, which has a queue of its own.
const STORE_QUEUE: usize = 1_000;

/// What a feed has brought since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedState {
    /// simulated, replay, or none where only ticks of earlier runs are stored.
    #[schema(example = "simulated")]
    pub name: String,
    /// Whether it still brings ticks; a replay ends with its last file.
    pub running: bool,
    /// Ticks that were accepted to be stored.
    pub received: u64,
    /// Ticks that were not, since neither memory nor spool had a place and `spool.on_full` is
    /// `error`. They are not stored.
    pub refused: u64,
    /// Ticks that are stored now and were not before.
    pub inserted: u64,
    /// Ticks that were stored already.
    pub duplicates: u64,
    /// Ticks whose key is taken by other content.
    pub conflicts: u64,
    /// Ticks that can never be stored.
    pub rejected: u64,
    /// Ticks whose bid is above their ask, stored all the same.
    pub crossed: u64,
    /// Writes that failed and were tried again.
    pub retries: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
    /// Those of them that the disk has, which survive the end of the server.
    pub spooled: u64,
    /// Ticks that were held back and wait to be written into the quarantine.
    pub quarantine_waiting: u64,
    /// How storing goes: up, draining, degraded, saturated, misconfigured or stopping.
    #[schema(example = "up")]
    pub health: String,
}

/// A running feed as others see it. Cloning shares it.
#[derive(Debug, Clone)]
pub struct FeedMonitor {
    name: &'static str,
    ended: Arc<AtomicBool>,
    /// What has not reached the persister yet.
    handed_over: QueueMonitor,
    refused: Refused,
    persister: TickPersister,
    quarantine: Option<Quarantine>,
    /// Everything is stored, and the spool is free for others.
    given_back: Arc<AtomicBool>,
}

impl FeedMonitor {
    /// What came so far, and what became of it.
    #[must_use]
    pub fn state(&self) -> FeedState {
        // read first: a feed that has ended brings nothing that is missing in the numbers
        let running = !self.ended.load(Ordering::Acquire);
        // likewise: what has left this queue is in the numbers
        let on_the_way = self.handed_over.waiting() as u64;
        let stats = self.persister.stats();
        FeedState {
            name: self.name.to_owned(),
            running,
            received: stats.received,
            refused: self.refused.count(),
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            crossed: stats.crossed,
            retries: stats.retries,
            waiting: on_the_way + stats.queued,
            spooled: self
                .persister
                .spool_content()
                .map_or(0, |spool| spool.ticks),
            quarantine_waiting: self.quarantine.as_ref().map_or(0, Quarantine::waiting),
            health: self.health().as_str().to_owned(),
        }
    }

    /// How storing its ticks goes.
    #[must_use]
    pub fn health(&self) -> PersisterHealth {
        if self.given_back.load(Ordering::Acquire) {
            return PersisterHealth::Up;
        }
        self.persister.health()
    }

    /// Brings the counters of `/metrics` up to date.
    pub fn update_metrics(&self) {
        metrics::set_feed(&self.persister.stats());
    }
}

/// Tells of the end of a feed, also where it panics.
struct FeedEnd {
    ended: Arc<AtomicBool>,
    panicked: CancellationToken,
}

impl Drop for FeedEnd {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if std::thread::panicking() {
            self.panicked.cancel();
        }
    }
}

/// A feed that runs, and what stores its ticks.
#[derive(Debug)]
pub struct Pipeline {
    feed: JoinHandle<()>,
    panicked: CancellationToken,
    fan_out: FanOut,
    store: SinkTask,
    monitor: FeedMonitor,
}

impl Pipeline {
    /// Starts `feed`, which ends by itself or at `stop`. Its ticks go into `fan_out`, and from
    /// there into `persister`, which stores them; with `quality` those that pass the rules, while
    /// the others go into quarantine; its clock is the present.
    pub fn start(
        mut feed: Box<dyn Feed>,
        persister: TickPersister,
        quality: Option<(QualityControl, Quarantine, Clock)>,
        fan_out: &FanOut,
        stop: CancellationToken,
    ) -> Self {
        let name = feed.name();
        let panicked = CancellationToken::new();
        let store = StoreSink::new(persister.clone());
        let refused = store.refused();
        let options = QueueOptions::storing("store", STORE_QUEUE);
        let store = fan_out.attach(Box::new(store), options);
        let monitor = FeedMonitor {
            name,
            ended: Arc::new(AtomicBool::new(false)),
            handed_over: store.monitor(),
            refused,
            persister,
            quarantine: quality
                .as_ref()
                .map(|(_, quarantine, _)| quarantine.clone()),
            given_back: Arc::default(),
        };
        let mut output = FeedOutput::new(fan_out.clone());
        if let Some((control, quarantine, clock)) = quality {
            output = output.with_quality(QualityStage::new(control, quarantine, clock));
        }
        let end = FeedEnd {
            ended: Arc::clone(&monitor.ended),
            panicked: panicked.clone(),
        };
        let feed = tokio::spawn(async move {
            let _end = end;
            match stop.run_until_cancelled(feed.run(output)).await {
                None => {}
                Some(Ok(())) => tracing::info!(feed = name, "the feed has ended"),
                Some(Err(error)) => {
                    let error = format!("{error:#}");
                    tracing::error!(feed = name, error, "the feed broke off");
                }
            }
        });
        Self {
            feed,
            panicked,
            fan_out: fan_out.clone(),
            store,
            monitor,
        }
    }

    /// What the feed brings, to be looked at while it runs.
    #[must_use]
    pub fn monitor(&self) -> FeedMonitor {
        self.monitor.clone()
    }

    /// Gives the spool back as soon as everything in it is stored, for a server that adds nothing:
    /// another one with a feed may need it.
    pub fn give_back_when_drained(&self) {
        let monitor = self.monitor();
        tokio::spawn(async move {
            // it waits for as long as the database is away
            if monitor.persister.flush().await.is_err() {
                return;
            }
            if let Some(quarantine) = &monitor.quarantine {
                while quarantine.waiting() > 0 {
                    sleep(LOOK_AGAIN).await;
                }
            }
            monitor.given_back.store(true, Ordering::Release);
            if let Some(quarantine) = &monitor.quarantine {
                quarantine.stop(FLUSH).await;
            }
            monitor.persister.stop(FLUSH).await;
            tracing::info!("everything in the spool is stored: other servers may use it");
        });
    }

    /// Waits until the feed has panicked, or until what stores its ticks has ended before it was
    /// stopped. The server has to end then. A feed that returns an error does not count: the server
    /// goes on to serve what is stored.
    pub async fn broken(&self) {
        let quarantine = async {
            match &self.monitor.quarantine {
                Some(quarantine) => quarantine.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.panicked.cancelled() => {
                tracing::error!(feed = self.monitor.name, "the feed panicked: see above for where");
            }
            () = self.monitor.persister.ended() => {
                if self.monitor.given_back.load(Ordering::Acquire) {
                    // nothing has to be stored any more
                    std::future::pending::<()>().await;
                }
                tracing::error!("the writer of ticks has ended: see above for why");
            }
            () = quarantine => {
                if self.monitor.given_back.load(Ordering::Acquire) {
                    std::future::pending::<()>().await;
                }
                tracing::error!("the writer of the quarantine has ended: see above for why");
            }
        }
    }

    /// Waits for the end of the feed and until everything is stored, ten seconds at most, and says
    /// in the log what was. Returns whether nothing was lost. To be called after `stop`; it closes
    /// the fan-out.
    pub async fn finish(self) -> bool {
        if let Err(error) = self.feed.await {
            tracing::error!(%error, "the feed ended unexpectedly");
        }
        let deadline = Instant::now() + FLUSH;
        self.fan_out.close();
        let not_handed_over = self.store.finish(HAND_OVER).await as u64;
        let left = deadline.saturating_duration_since(Instant::now());
        let quarantine = async {
            match &self.monitor.quarantine {
                Some(quarantine) => quarantine.stop(left).await,
                None => (0, 0),
            }
        };
        let persister = self.monitor.persister.stop(left);
        let (report, (kept, lost)) = tokio::join!(persister, quarantine);
        let feed = self.monitor.name;
        let stats = report.stats;
        let (inserted, duplicates) = (stats.inserted, stats.duplicates);
        let (conflicts, rejected) = (stats.conflicts, stats.rejected);
        // what the persister could not hand back was not stored for certain either
        let unsaved = stats.queued.saturating_sub(report.spooled);
        let unsaved = not_handed_over + unsaved.max(report.unsaved.len() as u64);
        let spooled = report.spooled;
        let refused = self.monitor.refused.count();
        if kept > 0 {
            tracing::warn!(
                feed,
                kept,
                "ticks that were held back wait on the disk for the next start"
            );
        }
        if lost > 0 {
            tracing::error!(
                feed,
                lost,
                "ticks that were held back could not be kept in time"
            );
        }
        if refused > 0 {
            tracing::error!(
                feed,
                refused,
                "ticks of the feed found no place and are not stored"
            );
        }
        if stats.damaged > 0 {
            tracing::error!(
                feed,
                damaged = stats.damaged,
                "ticks of the spool were damaged and are put aside in it"
            );
        }
        if spooled > 0 {
            tracing::warn!(
                feed,
                spooled,
                "ticks stay in the spool until the next start or `tickbook spool replay`"
            );
        }
        if unsaved == 0 {
            tracing::info!(
                feed,
                inserted,
                duplicates,
                conflicts,
                rejected,
                "every tick of the feed is settled"
            );
        } else {
            tracing::error!(
                feed,
                inserted,
                duplicates,
                conflicts,
                rejected,
                unsaved,
                "ticks of the feed could not be stored in time"
            );
        }
        unsaved == 0 && refused == 0 && lost == 0 && stats.damaged == 0
    }
}

#[cfg(test)]
mod tests;
