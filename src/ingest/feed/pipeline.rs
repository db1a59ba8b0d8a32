//! The pipeline from feeds to the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::monitor::PipelineMonitor;
use super::report::PipelineReport;
use super::running::{FeedStatus, RunningFeed};
use super::stage::QualityStage;
use super::store::StoreSink;
use super::{Feed, FeedError, FeedOutput};
use crate::clock::Clock;
use crate::ingest::TickPersister;
use crate::ingest::fanout::{FanOut, QueueOptions, SinkTask};
use crate::ingest::quality::{Quarantine, QuarantineReport, SymbolRules};

/// The part of the time for a stop in which ticks must reach the persister, which can write them to the
/// disk.
const HAND_OVER: Duration = Duration::from_secs(3);

/// The interval of checks for ticks that wait in the quarantine, before the spool is released.
const POLL: Duration = Duration::from_millis(200);

/// The capacity of the queue between the feeds and the persister, which has a queue of its own.
const STORE_QUEUE: usize = 1_000;

/// Runs feeds side by side, and stores their ticks through one persister and one quarantine.
///
/// If a feed ends or fails, the others continue; [`broken`](Self::broken) returns when one panics.
/// Dropping the pipeline without a [`stop`](Self::stop) stops the feeds and waits for nothing.
///
/// # Examples
///
/// Every quote of a feed is checked, then stored or held back, and nothing is lost at the end:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use rust_decimal::Decimal;
/// use tickbook::domain::{SymbolId, Tick, TimeRange};
/// use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, FeedStatus, Pipeline};
/// use tickbook::ingest::quality::{Quarantine, SymbolRules};
/// use tickbook::ingest::{PersisterConfig, TickPersister};
/// use tickbook::{Clock, Repositories};
///
/// #[derive(Debug)]
/// struct Venue;
///
/// #[async_trait]
/// impl Feed for Venue {
///     fn name(&self) -> &str {
///         "venue"
///     }
///
///     async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
///         // the second one is years ahead of the clock
///         for time in ["2024-05-01T12:00:00Z", "2099-01-01T00:00:00Z"] {
///             let (bid, ask) = (Decimal::new(108_500, 5), Decimal::new(108_502, 5));
///             output.send(Tick::quote(SymbolId::new(1), time.parse()?, bid, ask), None).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), FeedError> {
/// let repositories = Repositories::in_memory();
/// // `TickPersister::open` and `Some(folder)` put waiting ticks on the disk
/// let persister = TickPersister::start(repositories.ticks.clone(), PersisterConfig::default());
/// let quarantine = Quarantine::open(repositories.quarantine.clone(), None).await?;
/// let pipeline = Pipeline::builder(persister)
///     .quality(SymbolRules::default(), quarantine, Clock::system())
///     .feed(Box::new(Venue))
///     .start();
/// let monitor = pipeline.monitor();
/// while monitor.state().is_running() {
///     tokio::time::sleep(Duration::from_millis(1)).await;
/// }
/// let report = pipeline.stop(Duration::from_secs(10)).await;
/// assert!(report.is_complete());
/// let feed = &monitor.state().feeds[0];
/// assert_eq!((&feed.status, feed.published, feed.held_back), (&FeedStatus::Ended, 1, 1));
/// let stored = repositories.ticks.count(SymbolId::new(1), TimeRange::all()).await?;
/// assert_eq!(stored, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pipeline {
    feeds: Vec<JoinHandle<()>>,
    /// Stops the feeds when it sends `true` or is dropped.
    stop: watch::Sender<bool>,
    /// The name of a feed that panicked.
    panicked: watch::Receiver<Option<String>>,
    fan_out: FanOut,
    store: SinkTask,
    monitor: PipelineMonitor,
}

/// Builds a [`Pipeline`].
#[derive(Debug)]
pub struct PipelineBuilder {
    persister: TickPersister,
    fan_out: FanOut,
    quality: Option<(SymbolRules, Quarantine, Clock)>,
    feeds: Vec<Box<dyn Feed>>,
}

impl PipelineBuilder {
    /// Publishes the ticks in `fan_out`, which may have other sinks. The default is a fan-out without other
    /// sinks.
    #[must_use]
    pub fn fan_out(mut self, fan_out: FanOut) -> Self {
        self.fan_out = fan_out;
        self
    }

    /// Stores the ticks that pass `rules` at the time of `clock`, and gives the others to `quarantine`. Each
    /// feed is compared with its own earlier ticks only.
    #[must_use]
    pub fn quality(mut self, rules: SymbolRules, quarantine: Quarantine, clock: Clock) -> Self {
        self.quality = Some((rules, quarantine, clock));
        self
    }

    /// Adds a feed. Without feeds, the pipeline stores the content of the spool.
    ///
    /// Ticks without a number of the venue are numbered within their feed. Feeds that run together must
    /// therefore deliver different symbols: of two ticks with one key the second is a duplicate or a
    /// conflict.
    #[must_use]
    pub fn feed(mut self, feed: Box<dyn Feed>) -> Self {
        self.feeds.push(feed);
        self
    }

    /// Starts all feeds.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn start(self) -> Pipeline {
        let store = StoreSink::new(self.persister.clone());
        let refused = store.refused();
        let options = QueueOptions::storing("store", STORE_QUEUE);
        let store = self.fan_out.attach(Box::new(store), options);
        let (stop, stopping) = watch::channel(false);
        let (panics, panicked) = watch::channel(None);
        let quality = self.quality;
        let (mut tasks, mut feeds) = (Vec::new(), Vec::new());
        for feed in self.feeds {
            let running = Arc::new(RunningFeed::new(feed.name()));
            let mut output = FeedOutput::new(self.fan_out.clone()).counted_by(Arc::clone(&running));
            if let Some((rules, quarantine, clock)) = &quality {
                let control = rules.clone().into();
                let stage = QualityStage::new(control, quarantine.clone(), clock.clone());
                output = output.with_quality(stage);
            }
            let end = FeedEnd {
                running: Arc::clone(&running),
                panics: panics.clone(),
            };
            tasks.push(tokio::spawn(run(feed, output, end, stopping.clone())));
            feeds.push(running);
        }
        let monitor = PipelineMonitor {
            feeds,
            handed_over: store.monitor(),
            refused,
            persister: self.persister,
            quarantine: quality.map(|(_, quarantine, _)| quarantine),
            given_back: Arc::default(),
        };
        Pipeline {
            feeds: tasks,
            stop,
            panicked,
            fan_out: self.fan_out,
            store,
            monitor,
        }
    }
}

/// Notes the end of a feed, even if it panics.
struct FeedEnd {
    running: Arc<RunningFeed>,
    panics: watch::Sender<Option<String>>,
}

impl Drop for FeedEnd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.running.end(FeedStatus::Panicked);
            let name = self.running.name().to_owned();
            self.panics.send_replace(Some(name));
        }
        self.running.end(FeedStatus::Stopped);
    }
}

async fn run(
    mut feed: Box<dyn Feed>,
    mut output: FeedOutput,
    end: FeedEnd,
    mut stopping: watch::Receiver<bool>,
) {
    let name = end.running.name();
    let result = tokio::select! {
        biased;
        // an error means that the pipeline was dropped, which stops the feed as well
        _ = stopping.wait_for(|stops| *stops) => return,
        result = feed.run(&mut output) => result,
    };
    match result {
        Ok(()) => {
            tracing::info!(feed = name, "the feed has ended");
            end.running.end(FeedStatus::Ended);
        }
        Err(error) => {
            let error = with_causes(&error);
            tracing::error!(feed = name, error, "the feed failed");
            end.running.end(FeedStatus::Failed { error });
        }
    }
}

/// The error with its causes, except causes that its text already contains.
fn with_causes(error: &FeedError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

impl Pipeline {
    /// Creates a builder. The pipeline stores the ticks of its feeds through `persister`, and
    /// [stops](Self::stop) it.
    #[must_use]
    pub fn builder(persister: TickPersister) -> PipelineBuilder {
        PipelineBuilder {
            persister,
            fan_out: FanOut::new(),
            quality: None,
            feeds: Vec::new(),
        }
    }

    /// Observes the feeds, also after their end.
    #[must_use]
    pub fn monitor(&self) -> PipelineMonitor {
        self.monitor.clone()
    }

    /// Releases the spool as soon as everything in it is stored, for a pipeline without feeds: another
    /// process with a feed may need it.
    pub fn give_back_when_drained(&self, patience: Duration) {
        let monitor = self.monitor();
        tokio::spawn(async move {
            // waits for as long as the database is unavailable
            if monitor.persister.flush().await.is_err() {
                return;
            }
            if let Some(quarantine) = &monitor.quarantine {
                while quarantine.waiting() > 0 {
                    sleep(POLL).await;
                }
            }
            monitor.given_back.store(true, Ordering::Release);
            if let Some(quarantine) = &monitor.quarantine {
                quarantine.stop(patience).await;
            }
            monitor.persister.stop(patience).await;
            tracing::info!("everything in the spool is stored: other servers may use it");
        });
    }

    /// Waits until a feed has panicked, or the persister or the quarantine has ended before it was stopped.
    /// The pipeline must then be stopped. A feed that returns an error does not count: the other feeds
    /// continue, and its ticks are stored.
    pub async fn broken(&self) {
        let quarantine = async {
            match &self.monitor.quarantine {
                Some(quarantine) => quarantine.ended().await,
                None => std::future::pending().await,
            }
        };
        let mut panicked = self.panicked.clone();
        let panicked = async {
            let name = panicked.wait_for(Option::is_some).await;
            let name = name.ok().and_then(|name| name.clone());
            match name {
                Some(name) => name,
                // all feeds have ended without a panic
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            feed = panicked => {
                tracing::error!(feed, "the feed panicked: see the log for the place");
            }
            () = self.monitor.persister.ended() => {
                if self.monitor.is_given_back() {
                    // nothing has to be stored any more
                    std::future::pending::<()>().await;
                }
                tracing::error!("the writer of ticks has ended: see the log for the reason");
            }
            () = quarantine => {
                if self.monitor.is_given_back() {
                    std::future::pending::<()>().await;
                }
                tracing::error!("the writer of the quarantine has ended: see the log for the reason");
            }
        }
    }

    /// Stops all feeds and waits at most `patience` until everything is stored. Logs and reports the result.
    /// Closes the fan-out.
    pub async fn stop(self, patience: Duration) -> PipelineReport {
        let deadline = Instant::now() + patience;
        self.stop.send_replace(true);
        for feed in self.feeds {
            if let Err(error) = feed.await {
                tracing::error!(%error, "a feed ended unexpectedly");
            }
        }
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
        let report = PipelineReport {
            unsaved: not_handed_over + unsaved.max(stopped.unsaved.len() as u64),
            handed_back: stopped.unsaved,
            stats: stopped.stats,
            spooled: stopped.spooled,
            refused: self.monitor.refused.count(),
            quarantine_spooled: quarantine.spooled,
            quarantine_lost: quarantine.lost,
        };
        report.log(&self.monitor.names());
        report
    }
}
