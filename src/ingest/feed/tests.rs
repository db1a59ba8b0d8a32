//! Feeds and the results of their ticks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{SymbolId, Tick};
use crate::double::{Double, TickCalls};
use crate::error::{Database, RepositoryError};
use crate::ingest::fanout::FanOut;
use crate::ingest::{OnFull, PersisterConfig, SpoolConfig, SpoolMode, TickPersister};
use crate::repositories::Repositories;
use crate::repository::{InsertReceipt, TickRepository};

/// The time limit for stopping a pipeline.
const FLUSH: Duration = Duration::from_secs(10);

fn tick(symbol_id: i64) -> Tick {
    let price = Decimal::ONE;
    Tick::quote(SymbolId::new(symbol_id), DateTime::UNIX_EPOCH, price, price)
}

/// Delivers three ticks of one instant, then fails.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Feed for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        for _ in 0..3 {
            output.send(tick(1), None).await?;
        }
        Err("the line is dead".into())
    }
}

/// Delivers a tick, then panics.
#[derive(Debug)]
struct Panicking;

#[async_trait]
impl Feed for Panicking {
    fn name(&self) -> &str {
        "panicking"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        output.send(tick(1), None).await?;
        panic!("a fault of the feed")
    }
}

/// Delivers a tick of its symbol, then waits forever.
#[derive(Debug)]
struct Lasting {
    name: &'static str,
    symbol_id: i64,
}

#[async_trait]
impl Feed for Lasting {
    fn name(&self) -> &str {
        self.name
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        output.send(tick(self.symbol_id), None).await?;
        std::future::pending().await
    }
}

fn start(ticks: Arc<dyn TickRepository>) -> Pipeline {
    start_feed(Box::new(Broken), ticks)
}

fn start_feed(feed: Box<dyn Feed>, ticks: Arc<dyn TickRepository>) -> Pipeline {
    let persister = TickPersister::start(ticks, PersisterConfig::default());
    Pipeline::builder(persister).feed(feed).start()
}

/// A database that stays unavailable.
#[derive(Debug)]
struct Away;

#[async_trait]
impl TickCalls for Away {
    async fn insert_batch(&self, _: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "gone".to_owned(),
        })
    }
}

fn away() -> Double<Away> {
    Double(Away)
}

#[tokio::test(start_paused = true)]
async fn ticks_of_a_feed_that_failed_are_stored() {
    let pipeline = start(Repositories::in_memory().ticks);
    let monitor = pipeline.monitor();
    while monitor.state().ticks.stats.inserted < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!monitor.state().is_running());
    assert!(pipeline.stop(FLUSH).await.is_complete());
    let state = monitor.state();
    assert_eq!(
        (
            state.ticks.stats.received,
            state.ticks.stats.inserted,
            state.ticks.waiting
        ),
        (3, 3, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn feed_that_panics_ends_the_server() {
    let ticks = Repositories::in_memory().ticks;
    let pipeline = start_feed(Box::new(Panicking), ticks);
    let limit = Duration::from_secs(60);
    let broken = tokio::time::timeout(limit, pipeline.broken()).await;
    broken.expect("the pipeline is broken");
    let monitor = pipeline.monitor();
    assert!(!monitor.state().is_running());
    assert!(
        pipeline.stop(FLUSH).await.is_complete(),
        "its tick is stored"
    );
    assert_eq!(monitor.state().ticks.stats.inserted, 1);
}

#[tokio::test(start_paused = true)]
async fn feed_that_breaks_off_does_not_end_the_server() {
    let pipeline = start(Repositories::in_memory().ticks);
    let limit = Duration::from_secs(60);
    let broken = tokio::time::timeout(limit, pipeline.broken()).await;
    assert!(broken.is_err());
    assert!(!pipeline.monitor().state().is_running());
}

#[tokio::test(start_paused = true)]
async fn absent_store_does_not_delay_a_stop() {
    let pipeline = start(Arc::new(away()));
    let monitor = pipeline.monitor();
    while monitor.state().ticks.stats.received < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let begun = tokio::time::Instant::now();
    assert!(!pipeline.stop(FLUSH).await.is_complete());
    let taken = begun.elapsed();
    assert!(taken <= FLUSH + Duration::from_secs(1), "{taken:?}");
    assert_eq!(monitor.state().ticks.stats.inserted, 0);
    assert!(monitor.state().ticks.stats.retries > 0);
}

/// Delivers a hundred thousand ticks at once.
#[derive(Debug)]
struct Burst;

const BURST: u64 = 100_000;

#[async_trait]
impl Feed for Burst {
    fn name(&self) -> &str {
        "burst"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        for _ in 0..BURST {
            output.send(tick(1), None).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn full_spool_refuses_and_counts_each_tick() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = SpoolConfig {
        mode: SpoolMode::WriteAhead,
        directory: folder.path().to_owned(),
        max_bytes: 1 << 20,
        on_full: OnFull::Error,
    };
    let config = PersisterConfig {
        queue: 1_000,
        ..PersisterConfig::default()
    };
    let persister = TickPersister::open(Arc::new(away()), config, &spool).await;
    let persister = persister.expect("a new spool");
    let pipeline = Pipeline::builder(persister).feed(Box::new(Burst)).start();
    let monitor = pipeline.monitor();
    let ended = async {
        while monitor.state().is_running() || monitor.ticks.handed_over.waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), ended).await;
    assert!(in_time.is_ok(), "the feed waits: {:?}", monitor.state());
    let report = pipeline.stop(FLUSH).await;
    let state = monitor.state().ticks;
    assert!(state.refused > 0 && state.spooled > 0, "{state:?}");
    assert_eq!(state.stats.received + state.refused, BURST, "{state:?}");
    // ticks that waited in memory for space on the disk
    assert!(state.stats.received - state.spooled <= 1_000, "{state:?}");
    assert!(!report.is_complete(), "ticks were refused");
}

/// A writer whose runtime was dropped.
#[test]
fn ended_writer_is_reported() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let built = builder.worker_threads(1).enable_all().build();
        built.expect("a runtime")
    };
    let (own, of_the_writer) = (runtime(), runtime());
    let persister = of_the_writer.block_on(async {
        TickPersister::start(Repositories::in_memory().ticks, PersisterConfig::default())
    });
    own.block_on(async {
        let pipeline = Pipeline::builder(persister).start();
        let working = tokio::time::timeout(Duration::from_millis(50), pipeline.broken()).await;
        assert!(working.is_err(), "it works");
        of_the_writer.shutdown_background();
        let reported = tokio::time::timeout(Duration::from_secs(20), pipeline.broken()).await;
        reported.expect("the pipeline is broken");
        pipeline.stop(FLUSH).await;
    });
}

fn statuses(monitor: &PipelineMonitor) -> Vec<(String, FeedStatus)> {
    let feeds = monitor.state().feeds.into_iter();
    feeds.map(|feed| (feed.name, feed.status)).collect()
}

#[tokio::test(start_paused = true)]
async fn feed_that_breaks_off_leaves_others_running() {
    let ticks = Repositories::in_memory().ticks;
    let persister = TickPersister::start(ticks, PersisterConfig::default());
    let fan_out = FanOut::new();
    let lasting = |name, symbol_id| Box::new(Lasting { name, symbol_id });
    let pipeline = Pipeline::builder(persister)
        .fan_out(fan_out.clone())
        .feed(lasting("first", 2))
        .feed(Box::new(Broken))
        .feed(lasting("last", 3))
        .start();
    let monitor = pipeline.monitor();
    while monitor.state().ticks.stats.inserted < 5 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let failed = FeedStatus::Failed {
        error: "the line is dead".to_owned(),
    };
    let named = |name: &str, status: &FeedStatus| (name.to_owned(), status.clone());
    let expected = [
        named("first", &FeedStatus::Running),
        named("broken", &failed),
        named("last", &FeedStatus::Running),
    ];
    assert_eq!(statuses(&monitor), expected);
    let published: Vec<_> = monitor
        .state()
        .feeds
        .iter()
        .map(|it| it.published)
        .collect();
    assert_eq!(published, [1, 3, 1]);
    assert!(pipeline.stop(FLUSH).await.is_complete());
    let expected = [
        named("first", &FeedStatus::Stopped),
        named("broken", &failed),
        named("last", &FeedStatus::Stopped),
    ];
    assert_eq!(statuses(&monitor), expected);
    assert!(fan_out.publish(&[tick(1)]).await.is_err(), "it is closed");
}

#[tokio::test(start_paused = true)]
async fn pipeline_that_is_dropped_stops_its_feeds() {
    let ticks = Repositories::in_memory().ticks;
    let feed = Lasting {
        name: "lasting",
        symbol_id: 1,
    };
    let pipeline = start_feed(Box::new(feed), ticks);
    let monitor = pipeline.monitor();
    while monitor.state().ticks.stats.inserted < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(pipeline);
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    while monitor.state().is_running() {
        assert!(tokio::time::Instant::now() < limit, "it runs on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(monitor.state().feeds[0].status, FeedStatus::Stopped);
}

/// An error with a cause.
#[derive(Debug, thiserror::Error)]
#[error("the session ended")]
struct SessionEnded(#[source] std::io::Error);

#[derive(Debug)]
struct Disconnected;

#[async_trait]
impl Feed for Disconnected {
    fn name(&self) -> &str {
        "disconnected"
    }

    async fn run(&mut self, _: &mut FeedOutput) -> Result<(), FeedError> {
        Err(SessionEnded(std::io::Error::other("connection reset")).into())
    }
}

#[tokio::test(start_paused = true)]
async fn error_of_a_feed_names_its_causes() {
    let pipeline = start_feed(Box::new(Disconnected), Repositories::in_memory().ticks);
    let monitor = pipeline.monitor();
    while monitor.state().is_running() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = "the session ended: connection reset".to_owned();
    assert_eq!(
        monitor.state().feeds[0].status,
        FeedStatus::Failed { error }
    );
}
