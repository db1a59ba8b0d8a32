//! The pipeline from feeds to the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::books::{BookLane, RunningBookLane};
use super::lane::{Lane, RunningLane};
use super::monitor::PipelineMonitor;
use super::report::PipelineReport;
use super::running::{FeedStatus, RunningFeed, with_causes};
use super::{Feed, FeedOutput};
use crate::clock::Clock;
use crate::domain::{Tick, Trade};
use crate::ingest::book::{BookRecording, LiveBooks};
use crate::ingest::fanout::FanOut;
use crate::ingest::quality::{Quarantine, SymbolRules};
use crate::ingest::{TickPersister, TradePersister};

/// Maximum time for [`Feed::finish`].
const FINISH: Duration = Duration::from_secs(1);

/// Runs feeds side by side, and stores their ticks through one persister and one quarantine, and likewise
/// their trades. Order books are applied to [`LiveBooks`], and stored through a persister of their own.
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
    ticks: RunningLane<Tick>,
    trades: Option<RunningLane<Trade>>,
    books: Option<RunningBookLane>,
    monitor: PipelineMonitor,
}

/// Builds a [`Pipeline`].
#[derive(Debug)]
pub struct PipelineBuilder {
    ticks: Lane<Tick>,
    trades: Option<Lane<Trade>>,
    books: Option<BookLane>,
    feeds: Vec<Box<dyn Feed>>,
}

impl PipelineBuilder {
    /// Publishes the ticks in `fan_out`, which may have other sinks. The default is a fan-out without other
    /// sinks.
    #[must_use]
    pub fn fan_out(mut self, fan_out: FanOut) -> Self {
        self.ticks.fan_out = fan_out;
        self
    }

    /// Stores the trades of the feeds through `persister`, and publishes them in `fan_out`. Without it, feeds
    /// cannot send trades.
    #[must_use]
    pub fn trades(mut self, persister: TradePersister, fan_out: FanOut<Trade>) -> Self {
        let quality = self.trades.and_then(|lane| lane.quality);
        self.trades = Some(Lane {
            persister,
            fan_out,
            quality,
        });
        self
    }

    /// Applies the order books of the feeds to `live`. Without it, feeds cannot send books.
    #[must_use]
    pub fn books(mut self, live: LiveBooks) -> Self {
        let recording = self.books.and_then(|lane| lane.recording);
        self.books = Some(BookLane { live, recording });
        self
    }

    /// Stores the order books of the feeds. Call it after [`books`](Self::books).
    #[must_use]
    pub fn record_books(mut self, recording: BookRecording) -> Self {
        if let Some(books) = &mut self.books {
            books.recording = Some(recording);
        }
        self
    }

    /// Stores the trades that pass `rules` at the time of `clock`, and gives the others to `quarantine`. Call it
    /// after [`trades`](Self::trades).
    #[must_use]
    pub fn quality_of_trades(
        mut self,
        rules: SymbolRules,
        quarantine: Quarantine<Trade>,
        clock: Clock,
    ) -> Self {
        if let Some(trades) = &mut self.trades {
            trades.quality = Some((rules, quarantine, clock));
        }
        self
    }

    /// Stores the ticks that pass `rules` at the time of `clock`, and gives the others to `quarantine`. Each
    /// feed is compared with its own earlier ticks only.
    #[must_use]
    pub fn quality(mut self, rules: SymbolRules, quarantine: Quarantine, clock: Clock) -> Self {
        self.ticks.quality = Some((rules, quarantine, clock));
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
        let ticks = self.ticks.start();
        let trades = self.trades.map(Lane::start);
        let books = self.books.map(BookLane::start);
        let (stop, stopping) = watch::channel(false);
        let (panics, panicked) = watch::channel(None);
        let (mut tasks, mut feeds) = (Vec::new(), Vec::new());
        for feed in self.feeds {
            let running = Arc::new(RunningFeed::new(feed.name()));
            let mut output = output(&ticks, trades.as_ref());
            if let Some(books) = &books {
                output = output.with_book_output(books.entrance(feed.name()));
            }
            let of_trades = trades.as_ref().map(|lane| &lane.monitor);
            let output = output.stored_by(&ticks.monitor, of_trades);
            let output = output.counted_by(&running);
            let end = FeedEnd {
                running: Arc::clone(&running),
                panics: panics.clone(),
            };
            tasks.push(tokio::spawn(run(feed, output, end, stopping.clone())));
            feeds.push(running);
        }
        let monitor = PipelineMonitor {
            feeds,
            ticks: ticks.monitor.clone(),
            trades: trades.as_ref().map(|lane| lane.monitor.clone()),
            books: books.as_ref().and_then(RunningBookLane::monitor),
        };
        Pipeline {
            feeds: tasks,
            stop,
            panicked,
            ticks,
            trades,
            books,
            monitor,
        }
    }
}

/// The output of one feed.
fn output(ticks: &RunningLane<Tick>, trades: Option<&RunningLane<Trade>>) -> FeedOutput {
    let (fan_out, quality) = ticks.entrance();
    let mut output = FeedOutput::new(fan_out);
    if let Some(quality) = quality {
        output = output.with_quality(quality);
    }
    let Some((fan_out, quality)) = trades.map(RunningLane::entrance) else {
        return output;
    };
    output = output.with_trades(fan_out);
    match quality {
        Some(quality) => output.with_quality_of_trades(quality),
        None => output,
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
        _ = stopping.wait_for(|stops| *stops) => None,
        result = feed.run(&mut output) => Some(result),
    };
    if timeout(FINISH, feed.finish()).await.is_err() {
        tracing::warn!(feed = name, "the feed did not finish in time");
    }
    match result {
        None => {}
        Some(Ok(())) => {
            tracing::info!(feed = name, "the feed has ended");
            end.running.end(FeedStatus::Ended);
        }
        Some(Err(error)) => {
            let error = with_causes(&error);
            tracing::error!(feed = name, error, "the feed failed");
            end.running.end(FeedStatus::Failed { error });
        }
    }
}

impl Pipeline {
    /// Creates a builder. The pipeline stores the ticks of its feeds through `persister`, and
    /// [stops](Self::stop) it.
    #[must_use]
    pub fn builder(persister: TickPersister) -> PipelineBuilder {
        PipelineBuilder {
            ticks: Lane::new(persister),
            trades: None,
            books: None,
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
        tokio::spawn(monitor.ticks.give_back_when_drained(patience));
        if let Some(trades) = monitor.trades {
            tokio::spawn(trades.give_back_when_drained(patience));
        }
        if let Some(books) = monitor.books {
            tokio::spawn(books.give_back_when_drained(patience));
        }
    }

    /// Waits until a feed has panicked, or a persister or a quarantine has ended before it was stopped.
    /// The pipeline must then be stopped. A feed that returns an error does not count: the other feeds
    /// continue, and its ticks are stored.
    pub async fn broken(&self) {
        let trades = async {
            match &self.monitor.trades {
                Some(trades) => trades.broken().await,
                None => std::future::pending().await,
            }
        };
        let books = async {
            match &self.monitor.books {
                Some(books) => books.broken().await,
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
            () = self.monitor.ticks.broken() => {}
            () = trades => {}
            () = books => {}
        }
    }

    /// Stops all feeds and waits at most `patience` until everything is stored. Logs and reports the result.
    /// Closes the fan-outs.
    pub async fn stop(self, patience: Duration) -> PipelineReport {
        let deadline = Instant::now() + patience;
        self.stop.send_replace(true);
        for feed in self.feeds {
            if let Err(error) = feed.await {
                tracing::error!(%error, "a feed ended unexpectedly");
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let trades = async {
            match self.trades {
                Some(trades) => Some(trades.stop(left).await),
                None => None,
            }
        };
        let books = async {
            match self.books {
                Some(books) => books.stop(left).await,
                None => None,
            }
        };
        let (ticks, trades, books) = tokio::join!(self.ticks.stop(left), trades, books);
        let report = PipelineReport {
            ticks,
            trades,
            books,
        };
        report.log(&self.monitor.names());
        report
    }
}
