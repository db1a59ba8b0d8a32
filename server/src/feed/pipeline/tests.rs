//! A feed and what becomes of its ticks.

use async_trait::async_trait;
use chrono::DateTime;
use rust_decimal::Decimal;
use tickbook::config::Config;
use tickbook::domain::{SymbolId, Tick};
use tickbook::ingest::{OnFull, PersisterConfig, SpoolConfig, SpoolMode};
use tickbook::repository::{MockTickRepository, TickRepository};
use tickbook::{Database, Repositories, RepositoryError};

use super::*;
use crate::feed::NoFeed;

/// Brings three ticks of one instant, then breaks off.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Feed for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn run(&mut self, mut output: FeedOutput) -> anyhow::Result<()> {
        for _ in 0..3 {
            let price = Decimal::ONE;
            let tick = Tick::quote(SymbolId::new(1), DateTime::UNIX_EPOCH, price, price);
            output.send(tick, None).await?;
        }
        anyhow::bail!("the line is dead")
    }
}

/// Brings a tick, then panics.
#[derive(Debug)]
struct Panicking;

#[async_trait]
impl Feed for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    async fn run(&mut self, mut output: FeedOutput) -> anyhow::Result<()> {
        let price = Decimal::ONE;
        let tick = Tick::quote(SymbolId::new(1), DateTime::UNIX_EPOCH, price, price);
        output.send(tick, None).await?;
        panic!("a fault of the feed")
    }
}

fn start(ticks: Arc<dyn TickRepository>, stop: &CancellationToken) -> Pipeline {
    start_feed(Box::new(Broken), ticks, stop)
}

fn start_feed(
    feed: Box<dyn Feed>,
    ticks: Arc<dyn TickRepository>,
    stop: &CancellationToken,
) -> Pipeline {
    let config = Config::load_from(std::path::Path::new(""), []).expect("the defaults");
    let persister = TickPersister::start(ticks, (&config.ticks).into());
    Pipeline::start(feed, persister, None, &FanOut::new(), stop.clone())
}

/// A database that stays away.
fn away() -> MockTickRepository {
    let mut ticks = MockTickRepository::new();
    ticks.expect_insert_batch().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "gone".to_owned(),
        })
    });
    ticks
}

#[tokio::test(start_paused = true)]
async fn what_a_feed_brought_is_stored_though_it_broke_off() {
    let stop = CancellationToken::new();
    let pipeline = start(Repositories::in_memory().ticks, &stop);
    let monitor = pipeline.monitor();
    while monitor.state().inserted < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!monitor.state().running);
    stop.cancel();
    assert!(pipeline.finish().await);
    let state = monitor.state();
    assert_eq!((state.received, state.inserted, state.waiting), (3, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn feed_that_panics_ends_the_server() {
    let stop = CancellationToken::new();
    let ticks = Repositories::in_memory().ticks;
    let pipeline = start_feed(Box::new(Panicking), ticks, &stop);
    let limit = Duration::from_secs(60);
    let broken = tokio::time::timeout(limit, pipeline.broken()).await;
    broken.expect("the server is told");
    let monitor = pipeline.monitor();
    assert!(!monitor.state().running);
    stop.cancel();
    assert!(pipeline.finish().await, "its tick is stored");
    assert_eq!(monitor.state().inserted, 1);
}

#[tokio::test(start_paused = true)]
async fn feed_that_breaks_off_does_not_end_the_server() {
    let stop = CancellationToken::new();
    let pipeline = start(Repositories::in_memory().ticks, &stop);
    let limit = Duration::from_secs(60);
    let broken = tokio::time::timeout(limit, pipeline.broken()).await;
    assert!(broken.is_err());
    assert!(!pipeline.monitor().state().running);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_does_not_keep_the_server_from_ending() {
    let stop = CancellationToken::new();
    let pipeline = start(Arc::new(away()), &stop);
    let monitor = pipeline.monitor();
    while monitor.state().received < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
    let begun = tokio::time::Instant::now();
    assert!(!pipeline.finish().await);
    let taken = begun.elapsed();
    assert!(taken <= FLUSH + Duration::from_secs(1), "{taken:?}");
    assert_eq!(monitor.state().inserted, 0);
    assert!(monitor.state().retries > 0);
}

/// Brings a hundred thousand ticks at once.
#[derive(Debug)]
struct Burst;

const BURST: u64 = 100_000;

#[async_trait]
impl Feed for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }

    async fn run(&mut self, mut output: FeedOutput) -> anyhow::Result<()> {
        for _ in 0..BURST {
            let price = Decimal::ONE;
            let tick = Tick::quote(SymbolId::new(1), DateTime::UNIX_EPOCH, price, price);
            output.send(tick, None).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_spool_that_is_full_refuses_ticks_when_told_to_and_each_is_counted() {
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
    let stop = CancellationToken::new();
    let fan_out = FanOut::new();
    let persister = persister.expect("a new spool");
    let pipeline = Pipeline::start(Box::new(Burst), persister, None, &fan_out, stop.clone());
    let monitor = pipeline.monitor();
    let ended = async {
        while monitor.state().running || monitor.handed_over.waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), ended).await;
    assert!(in_time.is_ok(), "the feed waits: {:?}", monitor.state());
    stop.cancel();
    let nothing_lost = pipeline.finish().await;
    let state = monitor.state();
    assert!(state.refused > 0 && state.spooled > 0, "{state:?}");
    assert_eq!(state.received + state.refused, BURST, "{state:?}");
    // those that waited in memory for a place on the disk
    assert!(state.received - state.spooled <= 1_000, "{state:?}");
    assert!(!nothing_lost, "ticks were refused");
}

/// A writer whose runtime is gone, as after a mistake in it.
#[test]
fn writer_that_ended_is_told() {
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
        let stop = CancellationToken::new();
        let fan_out = FanOut::new();
        let pipeline = Pipeline::start(Box::new(NoFeed), persister, None, &fan_out, stop.clone());
        let working = tokio::time::timeout(Duration::from_millis(50), pipeline.broken()).await;
        assert!(working.is_err(), "it works");
        of_the_writer.shutdown_background();
        let told = tokio::time::timeout(Duration::from_secs(20), pipeline.broken()).await;
        told.expect("it is told");
        stop.cancel();
        pipeline.finish().await;
    });
}
