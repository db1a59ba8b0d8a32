//! Tests of the recorder of order books with the persister, the spool and both backends.
#![cfg(all(feature = "conformance", feature = "mock", feature = "postgres"))]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tickbook::domain::book::{
    BookInterval, BookNumber, BookSnapshot, EndReason, LevelChange, OrderBook, StaleReason,
};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::ingest::book::{BookRecorder, RecorderConfig, end_interrupted};
use tickbook::ingest::{BookPersister, PersisterConfig, SpoolConfig};
use tickbook::repository::{BookIntervalQuery, MockOrderBookRepository, OrderBookRepository};
use tickbook::{Clock, Database, Repositories, RepositoryError};

use crate::support::migrated_schema::migrated;

const SYMBOL: SymbolId = SymbolId::new(7);
const PLENTY: Duration = Duration::from_secs(60);
const DEPTH: usize = 5;

fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

fn change(price: i64, quantity: i64) -> LevelChange {
    let number = |units| BookNumber::new(units, 0).expect("in range");
    LevelChange::new(number(price), number(quantity))
}

/// A live book whose records go to a persister, and its states at each instant.
struct Feed {
    recorder: BookRecorder,
    now: Arc<Mutex<DateTime<Utc>>>,
    book: OrderBook,
    persister: BookPersister,
    /// The book at each instant; `None` while it is not known.
    states: Vec<(DateTime<Utc>, Option<BookSnapshot>)>,
}

impl Feed {
    fn new(persister: BookPersister) -> Self {
        let now = Arc::new(Mutex::new(at(0)));
        let clock = Arc::clone(&now);
        let clock = Clock::new(move || *clock.lock().expect("no panic"));
        let config = RecorderConfig::default().updates(true).depth(DEPTH);
        Self {
            recorder: BookRecorder::new(SYMBOL, "test", config, clock),
            now,
            book: OrderBook::new(),
            persister,
            states: Vec::new(),
        }
    }

    /// Applies a message at a time, and pushes its records.
    async fn message(&mut self, millis: i64, index: i64) {
        *self.now.lock().expect("no panic") = at(millis);
        let records = match index % 50 {
            0 => {
                let bids: Vec<_> = (1..9).map(|price| change(price, 3)).collect();
                self.book.load(&bids, &[change(20, 1)]).expect("a book");
                self.recorder.on_snapshot(&self.book, at(millis), None)
            }
            49 => {
                self.book.invalidate(StaleReason::Gap);
                self.recorder.on_stale(StaleReason::Gap)
            }
            _ => {
                let bid = change(1 + index * 7 % 15, index * 5 % 3);
                let ask = change(16 + index * 11 % 9, index * 3 % 4);
                self.book.update(&[bid], &[ask]).expect("a valid book");
                self.recorder.on_update(&self.book, at(millis), None)
            }
        };
        for record in records {
            self.persister.push(record).await.expect("it is open");
        }
        let live = self.book.view().map(|view| {
            let live = BookSnapshot::new(SYMBOL, at(millis), "live").with_view(view, DEPTH);
            live.normalized().expect("valid")
        });
        self.states.push((at(millis), live));
    }

    /// Some hundred messages, in some of which the book is not known.
    async fn run(&mut self) {
        for index in 0..220 {
            self.message(37 * (index + 1), index).await;
        }
        // a message that is recorded in any case
        self.message(37 * 221, 250).await;
    }
}

async fn assert_equal(
    books: &dyn OrderBookRepository,
    states: &[(DateTime<Utc>, Option<BookSnapshot>)],
) {
    for (time, live) in states {
        let stored = books.book_at(SYMBOL, *time).await.expect("read");
        let levels = |book: &BookSnapshot| (book.bids.clone(), book.asks.clone());
        let (stored, live) = (stored.as_ref().map(levels), live.as_ref().map(levels));
        assert_eq!(stored, live, "{time}");
    }
}

/// A repository that cannot be reached.
fn away() -> Arc<dyn OrderBookRepository> {
    let mut away = MockOrderBookRepository::new();
    away.expect_put_intervals().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "away".to_owned(),
        })
    });
    Arc::new(away)
}

async fn open(books: Arc<dyn OrderBookRepository>, folder: &TempDir) -> BookPersister {
    let config = PersisterConfig::default().batch_size(17);
    let spool = SpoolConfig::new(folder.path());
    let opened = BookPersister::open(books, config, &spool).await;
    opened.expect("it opens")
}

/// Records a book while the store is away, and stores it from the spool after a restart.
async fn record_through_an_outage(books: Arc<dyn OrderBookRepository>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut feed = Feed::new(open(away(), &folder).await);
    feed.run().await;
    let report = feed.persister.stop(PLENTY).await;
    assert!(report.spooled > 150, "{report:?}");

    let persister = open(Arc::clone(&books), &folder).await;
    persister.flush().await.expect("stored");
    assert_equal(&*books, &feed.states).await;
    let stats = persister.stop(PLENTY).await.stats;
    assert_eq!(
        (stats.inserted, stats.rejected, stats.conflicts),
        (report.spooled, 0, 0)
    );

    // the program ended without stopping its recorder
    let closed = end_interrupted(&*books, SYMBOL).await.expect("stored");
    let (last, _) = feed.states[feed.states.len() - 1];
    let expected = BookInterval::open(SYMBOL, closed.expect("open").valid_from)
        .closed(last + TimeDelta::microseconds(1), EndReason::Stopped);
    assert_eq!(closed, Some(expected));
    assert_equal(&*books, &feed.states).await;
    assert_eq!(
        books.book_at(SYMBOL, at(3_600_000)).await.expect("read"),
        None
    );
    assert_eq!(end_interrupted(&*books, SYMBOL).await.expect("read"), None);
    let all = BookIntervalQuery::new(SYMBOL, TimeRange::all());
    let intervals = books.intervals(&all).await.expect("read").items;
    assert_eq!(intervals.len(), 5);
}

#[tokio::test]
async fn recorded_book_survives_an_outage_in_memory() {
    record_through_an_outage(Repositories::in_memory().books).await;
}

#[tokio::test]
async fn recorded_book_survives_an_outage_on_postgres() {
    let (_schemas, pools) = migrated().await;
    record_through_an_outage(Repositories::postgres(&pools).books).await;
}
