//! A recorded session at full speed from its messages to the database, compared with the persisters alone.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use chrono::DateTime;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::book::{BookRecording, LiveBooks, RecorderConfig};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, Pipeline};
use tickbook::ingest::{
    BookPersister, BookRecord, Persister, PersisterConfig, Record, RecordStore, RepositoryRecord,
    StoreReceipt, TickPersister, TradePersister,
};
use tickbook::{Clock, Repositories, RepositoryError};
use tickbook_feeds::feed::{SessionFeed, SessionSource, SymbolDirectory};
use tickbook_feeds::session::{RecordedVenue, lines};
use tokio::sync::oneshot;

use crate::cpu;
use crate::report::Report;
use crate::report::Target::AtLeast;
use crate::server::Place;

use super::Bench;
use super::book_levels::{sessions, symbols};

/// The session in the folder of Coinbase: books, trades and quotes of ten products.
const SESSION: &str = "coinbase/level2-ticker-matches.ws.gz";
const VENUE: RecordedVenue = RecordedVenue::Coinbase;

/// How often the session is replayed in a turn, each time with other symbols.
const PASSES: usize = 4;

/// A time that no turn needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Several sessions, one after the other.
#[derive(Debug)]
struct Passes {
    feeds: Vec<SessionFeed>,
    ended: Option<oneshot::Sender<()>>,
}

/// Everything that a turn stores.
#[derive(Debug, Clone, Default)]
struct Records {
    ticks: Vec<Tick>,
    trades: Vec<Trade>,
    books: Vec<BookRecord>,
}

/// A store that keeps records in their order.
#[derive(Debug)]
struct Kept<R>(Mutex<Vec<R>>);

/// The persisters of a pipeline.
struct Persisters {
    ticks: TickPersister,
    trades: TradePersister,
    books: BookPersister,
}

/// Resources of a turn.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    client_micros: f64,
    /// `None` unless the server runs on this machine.
    server_micros: Option<f64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Feed for Passes {
    fn name(&self) -> &str {
        "passes"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        for feed in &mut self.feeds {
            feed.run(output).await?;
        }
        if let Some(ended) = self.ended.take() {
            // the receiver waits for it
            let _ = ended.send(());
        }
        Ok(())
    }
}

#[async_trait]
impl<R: Record> RecordStore<R> for Kept<R> {
    async fn insert_batch(&self, records: &[R]) -> Result<StoreReceipt<R>, RepositoryError> {
        lock(&self.0).extend_from_slice(records);
        Ok(StoreReceipt::inserted(records.len() as u64))
    }
}

fn kept<R>() -> Arc<Kept<R>> {
    Arc::new(Kept(Mutex::new(Vec::new())))
}

impl Persisters {
    fn of(repositories: &Repositories) -> Self {
        Self {
            ticks: started(repositories.ticks.clone()),
            trades: started(repositories.trades.clone()),
            books: started(repositories.books.clone()),
        }
    }
}

fn started<R: RepositoryRecord>(repository: Arc<R::Repository>) -> Persister<R> {
    Persister::start(repository, PersisterConfig::default())
}

impl Records {
    fn len(&self) -> usize {
        self.ticks.len() + self.trades.len() + self.books.len()
    }
}

/// Replays all passes through a pipeline, and waits until everything is stored.
async fn replay(
    path: &Path,
    directories: &[SymbolDirectory],
    persisters: Persisters,
    repositories: &Repositories,
) -> Result<()> {
    let source = SessionSource::Files {
        answers: Vec::new(),
        messages: vec![path.to_owned()],
    };
    let feed =
        |directory: &SymbolDirectory| SessionFeed::new(VENUE, source.clone(), directory.clone());
    let (ended, end) = oneshot::channel();
    let passes = Passes {
        feeds: directories.iter().map(feed).collect(),
        ended: Some(ended),
    };
    // a snapshot of each book, and all its updates: a clock that goes would add some snapshots, as many as a turn lasts
    let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
    let config = RecorderConfig::default().updates(true);
    let books = repositories.books.clone();
    let recording = BookRecording::new(persisters.books, books, config, clock);
    let pipeline = Pipeline::builder(persisters.ticks)
        .trades(persisters.trades, FanOut::new())
        .books(LiveBooks::new())
        .record_books(recording)
        .feed(Box::new(passes))
        .start();
    end.await.context("the feed failed")?;
    let report = pipeline.stop(PATIENCE).await;
    ensure!(report.is_complete(), "{report:?}");
    Ok(())
}

/// Pushes records that are in memory, and waits until they are stored.
async fn push(records: Records, persisters: Persisters) -> Result<()> {
    let (ticks, trades, books) = tokio::join!(
        push_all(records.ticks, persisters.ticks),
        push_all(records.trades, persisters.trades),
        push_all(records.books, persisters.books),
    );
    ticks.and(trades).and(books)
}

async fn push_all<R: Record>(records: Vec<R>, persister: Persister<R>) -> Result<()> {
    let count = records.len() as u64;
    for record in records {
        persister.push(record).await?;
    }
    let report = persister.stop(PATIENCE).await;
    ensure!(report.stats.inserted == count, "{:?}", report.stats);
    Ok(())
}

/// The records of all passes, as a pipeline passes them to its persisters.
async fn records(path: &Path, directories: &[SymbolDirectory]) -> Result<Records> {
    let (ticks, trades, books) = (kept(), kept(), kept());
    let config = PersisterConfig::default;
    let persisters = Persisters {
        ticks: TickPersister::start_on(ticks.clone(), config()),
        trades: TradePersister::start_on(trades.clone(), config()),
        books: BookPersister::start_on(books.clone(), config()),
    };
    replay(path, directories, persisters, &Repositories::in_memory()).await?;
    let records = Records {
        ticks: lock(&ticks.0).clone(),
        trades: lock(&trades.0).clone(),
        books: lock(&books.0).clone(),
    };
    Ok(records)
}

/// Writes a session into `folder` without compression: messages of a venue arrive over a socket.
fn unpacked(session: &Path, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("session.ws");
    let mut file = BufWriter::new(File::create(&path)?);
    for line in lines(session)? {
        writeln!(file, "{}", line?)?;
    }
    file.flush()?;
    Ok(path)
}

/// Symbols of the session for each pass.
async fn directories(names: &[String]) -> Result<Vec<SymbolDirectory>> {
    let symbols = Repositories::in_memory().symbols;
    let mut directories = Vec::new();
    for pass in 0..PASSES {
        let feed = format!("pass{pass}");
        let names = names.iter().cloned();
        directories.push(SymbolDirectory::open(&*symbols, &feed, names, &[]).await?);
    }
    Ok(directories)
}

/// Runs a turn in a task, as a server runs its feeds.
async fn measured<F>(place: &mut Place, turn: F) -> Result<Cost>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    place.execute(
        "TRUNCATE ticks, trades, order_book_snapshots, order_book_updates, book_intervals",
    )?;
    let server = cpu::serving(&place.database()?).unwrap_or_default();
    let (client, of_server, begun) = (
        cpu::of_this_process(),
        cpu::of_running(&server),
        Instant::now(),
    );
    tokio::spawn(turn).await??;
    let seconds = begun.elapsed().as_secs_f64();
    let server_micros = (cpu::of_running(&server) - of_server) * 1e3;
    Ok(Cost {
        seconds,
        client_micros: cpu::of_this_process() - client,
        server_micros: (server_micros > 0.0).then_some(server_micros),
    })
}

impl Bench {
    pub(crate) async fn feed_to_database(&self, report: &mut Report) -> Result<()> {
        let Some(folder) = sessions() else {
            println!(
                "not measured, since TICKBOOK_VENUE_SESSIONS names no folder: feed to database\n"
            );
            return Ok(());
        };
        let unpacking = tempfile::tempdir()?;
        let path = unpacked(&folder.join(SESSION), unpacking.path())?;
        let directories = directories(&symbols(&folder, VENUE.as_str())?).await?;
        let records = records(&path, &directories).await?;
        let (mut of_feed, mut of_memory) = (Place::migrated().await?, Place::migrated().await?);
        let with_feed = Repositories::postgres(&of_feed.pools_of(3));
        let with_memory = Repositories::postgres(&of_memory.pools_of(3));
        let mut rounds = Vec::new();
        for round in 0..=self.rounds {
            let (mut feed, mut memory) = (None, None);
            for turn in 0..2 {
                if (turn + round) % 2 == 0 {
                    let (path, directories) = (path.clone(), directories.clone());
                    let repositories = with_feed.clone();
                    let turn = async move {
                        let persisters = Persisters::of(&repositories);
                        replay(&path, &directories, persisters, &repositories).await
                    };
                    feed = Some(measured(&mut of_feed, turn).await?);
                } else {
                    let persisters = Persisters::of(&with_memory);
                    let turn = push(records.clone(), persisters);
                    memory = Some(measured(&mut of_memory, turn).await?);
                }
            }
            ensure!(
                of_feed.stored()? == of_memory.stored()?,
                "the tables differ in their numbers of rows"
            );
            // the first round creates the chunks and fills the caches
            if round > 0 {
                rounds.extend(feed.zip(memory));
            }
        }
        print(&records, &rounds);
        let ratios = |figure: fn(&Cost) -> f64| {
            let ratio = |(feed, memory): &(Cost, Cost)| figure(memory) / figure(feed);
            rounds.iter().map(ratio).collect::<Vec<_>>()
        };
        report.add(
            "records a second, feed to database / persisters fed from memory",
            AtLeast(0.8),
            ratios(|cost| cost.seconds),
        );
        report.add(
            "records a CPU second of client and server, the same",
            AtLeast(0.8),
            ratios(|cost| cost.client_micros + cost.server_micros.unwrap_or(f64::NAN)),
        );
        Ok(())
    }
}

fn print(records: &Records, rounds: &[(Cost, Cost)]) {
    let count = records.len() as f64;
    let Records {
        ticks,
        trades,
        books,
    } = records;
    println!(
        "feed to database: {} ticks, {} trades, {} rows of books",
        ticks.len(),
        trades.len(),
        books.len(),
    );
    println!(
        "  {:<28}{:>14}{:>18}{:>18}",
        "", "k records/s", "client CPU us", "server CPU us"
    );
    let of_feed: fn(&(Cost, Cost)) -> Cost = |round| round.0;
    for (name, of) in [("feed", of_feed), ("memory", |round| round.1)] {
        let median = |figure: fn(&Cost) -> f64| {
            let figures: Vec<_> = rounds.iter().map(|round| figure(&of(round))).collect();
            crate::report::median(&figures)
        };
        println!(
            "  {name:<28}{:>14.1}{:>18.2}{:>18.2}",
            count / median(|cost| cost.seconds) / 1e3,
            median(|cost| cost.client_micros) / count,
            median(|cost| cost.server_micros.unwrap_or(f64::NAN)) / count,
        );
    }
    println!();
}
