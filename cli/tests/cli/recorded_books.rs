//! Recorded sessions of venues, sent through a pipeline into real databases: the stored book of an instant equals the
//! live one.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::book::{
    BookNumber, BookPrecision, BookSide, BookSnapshot, BookView, LevelChange, OrderBook, PriceLevel,
};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::ingest::book::{BookEvent, BookRecording, LiveBooks, RecorderConfig};
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, FeedStatus, Pipeline};
use tickbook::ingest::{BookPersister, PersisterConfig, TickPersister};
use tickbook::repository::{BookSnapshotQuery, OrderBookRepository};
use tickbook::{Clock, Repositories};
use tickbook_feeds::feed::{Record, Records, SymbolDirectory};
use tickbook_feeds::session::{RecordedVenue, Replay, SessionEvent, SessionLine, lines};
use tickbook_feeds::{FeedEvent, kraken, okx};

use crate::support::Cli;

/// The number of stored levels, which the checksum of each venue covers.
const DEPTH: usize = 25;

/// About so many instants of a session are compared.
const SAMPLES: usize = 100;

/// The folder with recorded sessions; if it is missing, the test counts as skipped.
fn sessions() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/venue-sessions");
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/venue-sessions");
    let given = std::env::var_os("TICKBOOK_VENUE_SESSIONS").map(PathBuf::from);
    let found = [given, Some(usual), Some(main)].into_iter().flatten();
    let found = { found }.find(|folder| folder.is_dir());
    if found.is_none() {
        suite::skip(format_args!(
            "there are no recorded sessions, set TICKBOOK_VENUE_SESSIONS to a folder of them"
        ));
    }
    found
}

fn symbols(folder: &Path, venue: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(format!("expected/{venue}.json")));
    let expected: Value = serde_json::from_str(&text.expect("a file")).expect("JSON");
    let books = expected["books"].as_object().expect("a map");
    books.keys().cloned().collect()
}

/// A recorded session.
struct Recording {
    venue: RecordedVenue,
    /// The file with answers to HTTP requests.
    answers: Option<&'static str>,
    messages: &'static str,
    /// The checksum of the levels of a book by the rule of the venue, if it has one.
    checksum: Option<fn(BookView<'_>) -> i64>,
    /// The fewest instants to compare.
    least: usize,
}

/// The events of the books of a session, in their order, and the precision of each book.
fn events(
    recording: &Recording,
    folder: &Path,
    directory: &SymbolDirectory,
) -> (Vec<BookEvent>, BTreeMap<SymbolId, BookPrecision>) {
    let mut replay = Replay::new(recording.venue, None);
    if let Some(answers) = recording.answers {
        replay.read_answers(&folder.join(answers)).expect("a file");
    }
    let mut records = Records::new(directory.clone(), false).with_books(true);
    let (mut waiting, mut last) = (VecDeque::new(), DateTime::UNIX_EPOCH);
    let mut precisions = BTreeMap::new();
    for line in lines(&folder.join(recording.messages)).expect("a file") {
        let line = line.expect("a line");
        replay.replay(SessionLine::parse(&line), &mut |event: SessionEvent<'_>| {
            match &event {
                SessionEvent::Received { at } => last = *at,
                SessionEvent::Feed(FeedEvent::BookStale(stale)) => panic!("{stale:?}"),
                SessionEvent::Feed(
                    FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change),
                ) => {
                    let id = directory.get(change.symbol).expect("a known symbol");
                    let view = change.book.view().expect("a valid book");
                    precisions.insert(id, view.precision());
                }
                _ => {}
            }
            records.add_of_session(&event, last, &mut waiting);
        });
    }
    let events = waiting.into_iter().filter_map(|record| match record {
        Record::Book(event) => Some(event),
        _ => None,
    });
    (events.collect(), precisions)
}

/// The best levels of both sides.
type Levels = [Vec<PriceLevel>; 2];

/// The levels of each symbol at each time.
type BooksByTime = BTreeMap<(SymbolId, DateTime<Utc>), Levels>;

/// Sends events, and notes the live book after the last message of each instant.
#[derive(Debug)]
struct Session {
    events: Vec<BookEvent>,
    live: LiveBooks,
    /// The clock of the recorders: the time of receipt of the last message.
    now: Arc<Mutex<DateTime<Utc>>>,
    found: Arc<Mutex<BooksByTime>>,
}

#[async_trait]
impl Feed for Session {
    fn name(&self) -> &str {
        "session"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let mut last = BTreeMap::new();
        for event in self.events.drain(..) {
            *self.now.lock().expect("no panic") = event.received_at;
            let (symbol_id, time) = (event.symbol_id, event.time);
            // a message that is older than the one before is stored with its time
            let latest = last.entry(symbol_id).or_insert(time);
            *latest = time.max(*latest);
            let time = *latest;
            output.send_book(event).await?;
            let book = self.live.get(symbol_id, DEPTH).expect("a book");
            let mut found = self.found.lock().expect("no panic");
            found.insert((symbol_id, time), [book.bids, book.asks]);
        }
        Ok(())
    }
}

/// The number of units of 10^-`decimals`, which is that of the messages.
fn number(value: Decimal, decimals: u8) -> BookNumber {
    let mut scaled = value;
    scaled.rescale(decimals.into());
    assert_eq!(scaled, value, "it has no more digits");
    let units = scaled.mantissa().try_into().expect("it fits");
    BookNumber::new(units, decimals).expect("in range")
}

/// A book with the levels of a snapshot and the digits of the messages.
fn book_of(snapshot: &BookSnapshot, precision: BookPrecision) -> OrderBook {
    let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| -> Vec<_> {
        let levels = snapshot.side(side).iter();
        let change = |level: &PriceLevel| {
            let price = number(level.price, precision.price_decimals);
            LevelChange::new(price, number(level.quantity, precision.quantity_decimals))
        };
        levels.map(change).collect()
    });
    let mut book = OrderBook::new();
    book.load(&bids, &asks).expect("a valid book");
    book
}

/// Asserts that each stored checksum is that of the stored levels. Returns how many there are.
async fn check_checksums(
    books: &dyn OrderBookRepository,
    checksum: Option<fn(BookView<'_>) -> i64>,
    precisions: &BTreeMap<SymbolId, BookPrecision>,
) -> usize {
    let mut found = 0;
    for (symbol_id, precision) in precisions {
        let mut query = BookSnapshotQuery::new(*symbol_id, TimeRange::all());
        loop {
            let page = books.snapshots(&query).await.expect("read");
            for snapshot in page.items {
                let Some(stored) = snapshot.checksum else {
                    continue;
                };
                let checksum = checksum.expect("the venue has checksums");
                let book = book_of(&snapshot, *precision);
                let computed = checksum(book.view().expect("a valid book"));
                assert_eq!(stored, computed, "{snapshot:?}");
                found += 1;
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
    }
    found
}

/// Stores a session, and compares the stored books. Returns the number of stored checksums.
async fn check(recording: &Recording, folder: &Path) -> usize {
    let venue = recording.venue.as_str();
    let cli = Cli::migrated();
    let repositories = cli.repositories();
    let names = symbols(folder, venue);
    let directory = SymbolDirectory::open(&*repositories.symbols, venue, names, &[]).await;
    let (events, precisions) = events(recording, folder, &directory.expect("opened"));
    let found = store(&repositories, events).await;
    let books = &*repositories.books;
    let mut compared = 0;
    let step = (found.len() / SAMPLES).max(1);
    for ((symbol_id, time), live) in found.iter().step_by(step) {
        let stored = books.book_at(*symbol_id, *time).await.expect("read");
        let stored = stored.unwrap_or_else(|| panic!("{venue}: {symbol_id} at {time}"));
        assert_eq!(
            [stored.bids, stored.asks],
            *live,
            "{venue}: {symbol_id} at {time}"
        );
        compared += 1;
    }
    assert!(
        compared >= recording.least,
        "{venue}: {compared} of {}",
        found.len()
    );
    check_checksums(books, recording.checksum, &precisions).await
}

/// Sends the events through a pipeline into the databases. Returns the live book of each instant.
async fn store(repositories: &Repositories, events: Vec<BookEvent>) -> BooksByTime {
    let books = Arc::clone(&repositories.books);
    let (live, found) = (LiveBooks::new(), Arc::new(Mutex::default()));
    let now = Arc::new(Mutex::new(DateTime::UNIX_EPOCH));
    let clock = Arc::clone(&now);
    let clock = Clock::new(move || *clock.lock().expect("no panic"));
    let persister = BookPersister::start(Arc::clone(&books), PersisterConfig::default());
    let config = RecorderConfig::default().updates(true).depth(DEPTH);
    let recording = BookRecording::new(persister, books, config, clock);
    let ticks = TickPersister::start(repositories.ticks.clone(), PersisterConfig::default());
    let session = Session {
        events,
        live: live.clone(),
        now,
        found: Arc::clone(&found),
    };
    let pipeline = Pipeline::builder(ticks)
        .books(live)
        .record_books(recording)
        .feed(Box::new(session))
        .start();
    let monitor = pipeline.monitor();
    while monitor.state().is_running() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let feed = monitor.state().feeds[0].clone();
    assert_eq!(feed.status, FeedStatus::Ended, "{feed:?}");
    let report = pipeline.stop(Duration::from_secs(60)).await;
    assert!(report.is_complete(), "{report:?}");
    let stats = report.books.expect("stored").stats;
    assert_eq!((stats.conflicts, stats.rejected), (0, 0), "{stats:?}");
    std::mem::take(&mut *found.lock().expect("no panic"))
}

#[tokio::test]
async fn kraken_books_in_databases_equal_the_live_ones() {
    let Some(folder) = sessions() else { return };
    let recording = Recording {
        venue: RecordedVenue::Kraken,
        answers: None,
        messages: "kraken/book.ws.gz",
        checksum: Some(|view| kraken::checksum(view).into()),
        least: SAMPLES,
    };
    let checksums = check(&recording, &folder).await;
    assert!(checksums >= 50, "{checksums} checksums are stored");
}

#[tokio::test]
async fn okx_books_in_databases_equal_the_live_ones() {
    let Some(folder) = sessions() else { return };
    let recording = Recording {
        venue: RecordedVenue::Okx,
        answers: None,
        messages: "okx/public.ws.gz",
        checksum: Some(|view| okx::checksum(view).into()),
        least: SAMPLES,
    };
    let checksums = check(&recording, &folder).await;
    assert!(checksums >= 20, "{checksums} checksums are stored");
}

#[tokio::test]
async fn coinbase_books_in_databases_equal_the_live_ones() {
    let Some(folder) = sessions() else { return };
    let recording = Recording {
        venue: RecordedVenue::Coinbase,
        answers: None,
        messages: "coinbase/level2-ticker-matches.ws.gz",
        checksum: None,
        least: SAMPLES,
    };
    assert_eq!(check(&recording, &folder).await, 0);
}

/// The books begin with snapshots over HTTP, which the events of the stream follow.
#[tokio::test]
async fn binance_books_in_databases_equal_the_live_ones() {
    let Some(folder) = sessions() else { return };
    let recording = Recording {
        venue: RecordedVenue::Binance,
        answers: Some("binance/depth.http.gz"),
        messages: "binance/streams.ws.gz",
        checksum: None,
        least: 20,
    };
    assert_eq!(check(&recording, &folder).await, 0);
}
