//! `tickbook feed replay --store`: a session into the databases.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::ingest::book::{BookRecording, LiveBooks};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::{FeedStatus, Pipeline, PipelineReport};
use tickbook::ingest::{BookPersister, PersisterStats, TickPersister, TradePersister};
use tickbook_feeds::feed::{SessionFeed, SessionSource, SymbolDirectory};
use tickbook_feeds::session::Replay;

use crate::args::FeedReplayArguments;

/// The longest time until the last records are stored.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interval of checks whether the session is over.
const POLL: Duration = Duration::from_millis(5);

/// The stored records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Stored {
    ticks: Counts,
    trades: Counts,
    /// Snapshots, updates and intervals of order books.
    books: Counts,
    /// Whether every record is stored.
    #[serde(skip)]
    pub(super) is_complete: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Counts {
    inserted: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
}

impl Counts {
    fn of(stats: &PersisterStats) -> Self {
        Self {
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
        }
    }

    fn line(&self, records: &str) -> String {
        let Self {
            inserted,
            duplicates,
            conflicts,
            rejected,
        } = self;
        format!(
            "{records}: {inserted} stored, {duplicates} stored before, {conflicts} in conflict, \
             {rejected} rejected"
        )
    }

    fn is_complete(&self) -> bool {
        self.conflicts == 0 && self.rejected == 0
    }
}

impl Stored {
    fn of(report: &PipelineReport) -> Self {
        let ticks = Counts::of(&report.ticks.stats);
        let trades = report.trades.as_ref().map(|it| Counts::of(&it.stats));
        let trades = trades.unwrap_or_default();
        let books = report.books.as_ref().map(|it| Counts::of(&it.stats));
        let books = books.unwrap_or_default();
        let all = [ticks, trades, books];
        Self {
            ticks,
            trades,
            books,
            is_complete: report.is_complete() && all.iter().all(Counts::is_complete),
        }
    }

    pub(super) fn lines(&self) -> [String; 3] {
        let books = self.books.line("rows of order books");
        [self.ticks.line("ticks"), self.trades.line("trades"), books]
    }
}

/// Stores the session, whose symbols and instruments `survey` has found.
pub(super) async fn store(
    arguments: &FeedReplayArguments,
    source: SessionSource,
    survey: &Replay,
    config: &Config,
    repositories: &Repositories,
) -> anyhow::Result<Stored> {
    let venue = arguments.venue;
    let name = arguments.feed.as_deref().unwrap_or(venue.as_str());
    let (names, instruments) = (survey.symbols(), survey.instruments());
    let directory = SymbolDirectory::open(&*repositories.symbols, name, names, instruments).await?;
    let feed = SessionFeed::new(venue, source, directory)
        .with_name(name)
        .with_depth(arguments.depth);
    let ticks = TickPersister::start(repositories.ticks.clone(), (&config.ticks).into());
    let trades = TradePersister::start(repositories.trades.clone(), (&config.ticks).into());
    let mut pipeline = Pipeline::builder(ticks).trades(trades, FanOut::new());
    if config.books.record {
        let books = &repositories.books;
        let persister = BookPersister::start(books.clone(), (&config.ticks).into());
        let recorder = config.books.recorder();
        let recording = BookRecording::new(persister, books.clone(), recorder, feed.clock());
        pipeline = pipeline.books(LiveBooks::new()).record_books(recording);
    }
    let pipeline = pipeline.feed(Box::new(feed)).start();
    let monitor = pipeline.monitor();
    while monitor.state().is_running() {
        tokio::time::sleep(POLL).await;
    }
    let feed = monitor.state().feeds.into_iter().next();
    let report = pipeline.stop(PATIENCE).await;
    match feed.context("the pipeline has no feed")?.status {
        FeedStatus::Failed { error } => anyhow::bail!(error),
        FeedStatus::Panicked => anyhow::bail!("the replay panicked"),
        _ => Ok(Stored::of(&report)),
    }
}
