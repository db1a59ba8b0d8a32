//! A client that is killed: what it has stored is whole, once, and never from a book that is not valid.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tickbook::domain::book::{BookInterval, BookUpdate, EndReason, OrderBook};
use tickbook::domain::{PageLimit, SymbolId, Tick, TimeRange};
use tickbook::ingest::book::{BookRecorder, RecorderConfig, end_interrupted};
use tickbook::ingest::{
    BookPersister, BookRecord, OccurrenceCounter, PersisterConfig, Record, RecordStore,
    RepositoryRecord, SpoolConfig, StoreReceipt, TickPersister,
};
use tickbook::memory::{InMemoryOrderBookRepository, InMemoryTickRepository};
use tickbook::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, OrderBookRepository, TickQuery,
    TickRepository,
};
use tickbook::{Clock, RepositoryError};
use tickbook_feeds::ctrader::{CtraderAccount, CtraderVenue};
use tickbook_feeds::transport::{Receiver, Tls, Transport, TransportEvent};
use tickbook_feeds::{Channel, FeedEvent, Subscription, Venue};

use super::acceptor::{Acceptor, CLIENT, PASSWORD};
use super::market::NAME;

/// The port of the acceptor and the folder of the spools, for the process that is killed.
const PORT: &str = "TICKBOOK_TEST_PORT";
const FOLDER: &str = "TICKBOOK_TEST_FOLDER";
const ID: SymbolId = SymbolId::new(7);
const PATIENCE: Duration = Duration::from_secs(60);

/// A database that never answers: everything stays in the spool.
#[derive(Debug)]
struct Hanging;

#[async_trait]
impl<R: Record> RecordStore<R> for Hanging {
    async fn insert_batch(&self, _: &[R]) -> Result<StoreReceipt<R>, RepositoryError> {
        std::future::pending().await
    }
}

fn spool(folder: &Path, name: &str) -> SpoolConfig {
    SpoolConfig::new(folder.join(name))
}

/// Stores what a transport reports.
struct Storing {
    ticks: TickPersister,
    books: BookPersister,
    counter: OccurrenceCounter,
    recorder: BookRecorder,
    new_ticks: Vec<Tick>,
    new_books: Vec<BookRecord>,
}

impl Storing {
    fn book(&mut self, book: &OrderBook, time: chrono::DateTime<chrono::Utc>, is_snapshot: bool) {
        self.new_books.extend(match is_snapshot {
            true => self.recorder.on_snapshot(book, time, None),
            false => self.recorder.on_update(book, time, None),
        });
    }
}

impl Receiver for Storing {
    fn event(&mut self, event: TransportEvent<'_>) {
        let TransportEvent::Feed(event) = event else {
            return;
        };
        match event {
            FeedEvent::Quote(quote) => {
                let price = |side: Option<(rust_decimal::Decimal, _)>| side.map(|(price, _)| price);
                let mut tick = Tick::new(ID, quote.time)
                    .with_bid(price(quote.bid))
                    .with_ask(price(quote.ask));
                self.counter.count(&mut tick);
                self.new_ticks.push(tick);
            }
            FeedEvent::BookSnapshot(change) => {
                self.book(change.book, change.time.expect("a time"), true);
            }
            FeedEvent::BookUpdate(change) => {
                self.book(change.book, change.time.expect("a time"), false);
            }
            FeedEvent::BookStale(stale) => {
                self.new_books.extend(self.recorder.on_stale(stale.reason));
            }
            _ => {}
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        for tick in self.new_ticks.drain(..) {
            self.ticks.push(tick).await.expect("it is open");
        }
        for record in self.new_books.drain(..) {
            self.books.push(record).await.expect("it is open");
        }
        ControlFlow::Continue(())
    }
}

async fn open<R: RepositoryRecord>(
    store: Arc<dyn RecordStore<R>>,
    folder: &Path,
    name: &str,
) -> tickbook::ingest::Persister<R> {
    let (config, spool) = (PersisterConfig::default(), spool(folder, name));
    let opened = tickbook::ingest::Persister::open_on(store, config, &spool, Clock::system());
    opened.await.expect("a spool")
}

#[tokio::test]
#[ignore = "a process of killed_client_stores_nothing_twice"]
async fn process_that_feeds() {
    let port = std::env::var(PORT).expect("a port");
    let folder = std::env::var_os(FOLDER).expect("a folder");
    let folder = Path::new(&folder);
    let address = format!("tcp://127.0.0.1:{port}");
    let account = CtraderAccount::new(address, CLIENT, PASSWORD.to_owned());
    let channels = [Channel::Quotes, Channel::Book(20)];
    let subscription = Subscription::new([NAME], channels);
    let venue = CtraderVenue::new(subscription, &account, Clock::system());
    let config = RecorderConfig::default().updates(true);
    let mut storing = Storing {
        ticks: open(Arc::new(Hanging), folder, "ticks").await,
        books: open(Arc::new(Hanging), folder, "books").await,
        counter: OccurrenceCounter::new(),
        recorder: BookRecorder::new(ID, "ctrader", config, Clock::system()),
        new_ticks: Vec::new(),
        new_books: Vec::new(),
    };
    println!("\nstarted");
    let transport = Transport::new(Tls::of_the_system().expect("TLS"), Clock::system());
    let mut venue: Box<dyn Venue> = Box::new(venue.expect("a venue"));
    transport.run(&mut venue, &mut storing).await;
}

/// Starts the process, and waits until it connects.
fn start(port: u16, folder: &Path) -> Child {
    let test = module_path!().split_once("::").map_or("", |(_, path)| path);
    let program = std::env::current_exe().expect("this program");
    let mut process = Command::new(program)
        .args(["--ignored", "--exact", "--nocapture"])
        .arg(format!("{test}::process_that_feeds"))
        .env(PORT, port.to_string())
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = process.stdout.as_mut().expect("an output");
    let started = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "started");
    assert!(started, "it ended before");
    process
}

/// Stores what a killed process left in its spools. Returns the bids of its ticks in hundredths.
async fn recover(
    folder: &Path,
    all: &InMemoryTickRepository,
    books: &Arc<InMemoryOrderBookRepository>,
) -> Vec<i64> {
    let ticks = Arc::new(InMemoryTickRepository::new());
    let config = spool(folder, "ticks");
    let persister = TickPersister::open(ticks.clone(), PersisterConfig::default(), &config);
    let persister = persister.await.expect("a spool");
    persister.drain(PATIENCE).await.expect("drained");
    let report = persister.stop(PATIENCE).await;
    assert_eq!((report.stats.duplicates, report.stats.conflicts), (0, 0));
    let config = spool(folder, "books");
    let persister = BookPersister::open(books.clone(), PersisterConfig::default(), &config);
    let persister = persister.await.expect("a spool");
    persister.drain(PATIENCE).await.expect("drained");
    let report = persister.stop(PATIENCE).await;
    assert_eq!((report.stats.duplicates, report.stats.conflicts), (0, 0));
    end_interrupted(&**books, ID).await.expect("memory");
    let mut bids = Vec::new();
    for tick in ticks_of(&ticks).await {
        let bid = tick.bid_price.expect("a bid") * rust_decimal::Decimal::ONE_HUNDRED;
        bids.push(bid.normalize().to_string().parse().expect("a number"));
        all.insert_batch(&[tick]).await.expect("memory");
    }
    bids
}

async fn ticks_of(ticks: &InMemoryTickRepository) -> Vec<Tick> {
    let mut query = TickQuery::new(ID, TimeRange::all());
    query.limit = PageLimit::MAX;
    ticks.range(&query).await.expect("memory").items
}

/// Asserts that each stored row is from a valid book, and that the times between the runs are unknown.
async fn check_books(books: &InMemoryOrderBookRepository, runs: usize) {
    let query = BookIntervalQuery::new(ID, TimeRange::all());
    let intervals = books.intervals(&query).await.expect("memory").items;
    assert!((1..=runs).contains(&intervals.len()), "{intervals:?}");
    let end = |interval: &BookInterval| interval.end.expect("each one has an end");
    for pair in intervals.windows(2) {
        assert!(end(&pair[0]).at < pair[1].valid_from, "{pair:?}");
        let between = end(&pair[0]).at + (pair[1].valid_from - end(&pair[0]).at) / 2;
        let found = books.book_at(ID, between).await.expect("memory");
        assert_eq!(found, None, "the book was unknown at {between}");
    }
    for interval in &intervals {
        assert_eq!(end(interval).reason, EndReason::Stopped);
    }
    let is_valid = |time| {
        let mut intervals = intervals.iter();
        intervals.any(|interval| interval.valid_from <= time && time < end(interval).at)
    };
    let query = BookUpdateQuery::new(ID, TimeRange::all()).limit(PageLimit::MAX);
    let updates = books.updates(&query).await.expect("memory").items;
    assert!(updates.iter().all(|update| is_valid(update.update_time)));
    let query = BookSnapshotQuery::new(ID, TimeRange::all()).limit(PageLimit::MAX);
    let snapshots = books.snapshots(&query).await.expect("memory").items;
    let mut last = BTreeMap::new();
    for snapshot in snapshots {
        assert!(is_valid(snapshot.snapshot_time), "{snapshot:?}");
        last.insert(snapshot.snapshot_time, snapshot);
    }
    for (time, snapshot) in last {
        // several messages may have one millisecond
        let is_later =
            |update: &BookUpdate| update.update_time == time && update.sequence > snapshot.sequence;
        if updates.iter().any(is_later) {
            continue;
        }
        let found = books.book_at(ID, time).await.expect("memory");
        let found = found.expect("a book");
        assert_eq!((found.bids, found.asks), (snapshot.bids, snapshot.asks));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_client_stores_nothing_twice() {
    let seed = std::env::var("TICKBOOK_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("set TICKBOOK_SEED={seed} to see the same delays again");
    let mut random = fastrand::Rng::with_seed(seed);
    let acceptor = Arc::new(Acceptor::start().await);
    let stops = Arc::new(AtomicBool::new(false));
    let (sender, is_stopped) = (Arc::clone(&acceptor), Arc::clone(&stops));
    let sending = tokio::spawn(async move {
        let mut step = 0;
        while !is_stopped.load(Ordering::SeqCst) {
            sender.change(step).await;
            sender.quote().await;
            step += 1;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    });
    let ticks = InMemoryTickRepository::new();
    let books = Arc::new(InMemoryOrderBookRepository::new());
    let (mut stored, mut runs, mut fruitful) = (Vec::new(), 0, 0);
    // a run may be killed before its first records are on the disk
    while fruitful < 5 {
        assert!(runs < 50, "{fruitful} of {runs} processes stored something");
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = start(acceptor.port, folder.path());
        // the instant of the kill
        let delay = Duration::from_millis(random.u64(50..600));
        tokio::time::sleep(delay).await;
        process.kill().expect("killed");
        process.wait().expect("an end");
        let bids = recover(folder.path(), &ticks, &books).await;
        println!("{} ticks in {delay:?}", bids.len());
        for pair in bids.windows(2) {
            assert_eq!(pair[0] + 1, pair[1], "each quote of a run, in order");
        }
        fruitful += usize::from(!bids.is_empty());
        stored.extend(bids);
        runs += 1;
    }
    stops.store(true, Ordering::SeqCst);
    sending.await.expect("no panic");
    assert!(stored.is_sorted_by(|a, b| a < b), "nothing twice");
    assert_eq!(ticks_of(&ticks).await.len(), stored.len());
    check_books(&books, runs).await;
}
