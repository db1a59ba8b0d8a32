//! Order books of feeds: live, and stored.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::Clock;
use crate::domain::book::{
    BookInterval, BookNumber, BookSnapshot, EndReason, LevelChange, OrderBook, PriceLevel,
    StaleReason,
};
use crate::domain::{SymbolId, TimeRange};
use crate::ingest::book::{BookEvent, BookRecording, LiveBooks, LiveState, RecorderConfig};
use crate::ingest::{BookPersister, PersisterConfig, TickPersister};
use crate::repositories::Repositories;
use crate::repository::{BookIntervalQuery, BookSnapshotQuery, OrderBookRepository};

/// The time limit for stopping a pipeline.
pub(super) const FLUSH: Duration = Duration::from_secs(10);

pub(super) const SYMBOL: SymbolId = SymbolId::new(1);

pub(super) fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

pub(super) fn change(price: i64, quantity: i64) -> LevelChange {
    let number = |units| BookNumber::new(units, 0).expect("in range");
    LevelChange::new(number(price), number(quantity))
}

pub(super) fn level(price: i64, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.into(), quantity.into())
}

pub(super) fn snapshot(millis: i64, bids: &[LevelChange]) -> BookEvent {
    let mut book = OrderBook::new();
    book.load(bids, &[]).expect("a book");
    BookEvent::snapshot(SYMBOL, at(millis), &book)
}

pub(super) fn levels(millis: i64, bids: &[LevelChange]) -> BookEvent {
    BookEvent::levels(SYMBOL, at(millis), bids, &[])
}

/// Sends events, and then waits to be stopped if it is told to.
#[derive(Debug)]
struct Venue {
    events: Vec<BookEvent>,
    waits: bool,
}

#[async_trait]
impl Feed for Venue {
    fn name(&self) -> &str {
        "venue"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        for event in self.events.drain(..) {
            output.send_book(event).await?;
        }
        if self.waits {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// A feed that ends after its last event.
pub(super) fn ending(events: impl IntoIterator<Item = BookEvent>) -> Box<dyn Feed> {
    let events = events.into_iter().collect();
    Box::new(Venue {
        events,
        waits: false,
    })
}

pub(super) fn staying(events: impl IntoIterator<Item = BookEvent>) -> Box<dyn Feed> {
    let events = events.into_iter().collect();
    Box::new(Venue {
        events,
        waits: true,
    })
}

pub(super) fn builder(repositories: &Repositories) -> PipelineBuilder {
    let ticks = Arc::clone(&repositories.ticks);
    Pipeline::builder(TickPersister::start(ticks, PersisterConfig::default()))
}

fn recording(repositories: &Repositories, config: RecorderConfig, clock: Clock) -> BookRecording {
    let books = &repositories.books;
    let persister = BookPersister::start(Arc::clone(books), PersisterConfig::default());
    BookRecording::new(persister, Arc::clone(books), config, clock)
}

pub(super) async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

pub(super) async fn ended(monitor: &PipelineMonitor) {
    until("the feeds end", async || !monitor.state().is_running()).await;
}

pub(super) async fn intervals(books: &dyn OrderBookRepository) -> Vec<BookInterval> {
    let query = BookIntervalQuery::new(SYMBOL, TimeRange::all());
    books.intervals(&query).await.expect("memory").items
}

async fn snapshots(books: &dyn OrderBookRepository) -> Vec<BookSnapshot> {
    let query = BookSnapshotQuery::new(SYMBOL, TimeRange::all());
    books.snapshots(&query).await.expect("memory").items
}

pub(super) fn with_updates() -> RecorderConfig {
    RecorderConfig::default().updates(true)
}

#[tokio::test(start_paused = true)]
async fn books_of_feeds_are_live_and_stored() {
    let repositories = Repositories::in_memory();
    let (live, clock) = (LiveBooks::new(), Clock::standing_at(at(60_000)));
    let events = [
        snapshot(0, &[change(9, 1)]),
        levels(10, &[change(8, 2)]),
        BookEvent::stale(SYMBOL, at(20), StaleReason::Gap),
        // without effect
        levels(25, &[change(8, 3)]),
        snapshot(30, &[change(7, 1)]).with_received_at(at(45)),
    ];
    let pipeline = builder(&repositories)
        .books(live.clone())
        .record_books(recording(&repositories, with_updates(), clock))
        .feed(ending(events))
        .start();
    let monitor = pipeline.monitor();
    ended(&monitor).await;
    let report = pipeline.stop(FLUSH).await;
    assert!(report.is_complete(), "{report:?}");
    let books = &*repositories.books;
    let gap = EndReason::Stale(StaleReason::Gap);
    let open = |from| BookInterval::open(SYMBOL, at(from));
    let expected = [
        open(0).closed(at(20), gap),
        // the feed ends with its newest receipt, and not at the time of the clock
        open(30).closed(at(45), EndReason::Stopped),
    ];
    assert_eq!(intervals(books).await, expected);
    let bids = async |millis| {
        let book = books.book_at(SYMBOL, at(millis)).await.expect("memory");
        book.map(|book| book.bids)
    };
    assert_eq!(bids(9).await, Some(vec![level(9, 1)]));
    assert_eq!(bids(15).await, Some(vec![level(9, 1), level(8, 2)]));
    assert_eq!(bids(25).await, None);
    assert_eq!(bids(44).await, Some(vec![level(7, 1)]));
    let state = monitor.state();
    let feed = &state.feeds[0];
    assert_eq!((feed.book_events, feed.book_events_ignored), (4, 1));
    // two intervals, each put twice, two snapshots of loaded books, one of the last valid state, one update
    assert_eq!(state.books.expect("stored").stats.received, 8);
    let stale = live.get(SYMBOL, 1).expect("a book").state;
    let (reason, since) = (EndReason::Stopped, at(45));
    assert_eq!(stale, LiveState::Stale { reason, since });
}

/// Sends a book and a change of it, and notes how many records the change gave the persister at once.
#[derive(Debug)]
struct Counting {
    persister: BookPersister,
    given: Arc<Mutex<Option<u64>>>,
}

#[async_trait]
impl Feed for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        output.send_book(snapshot(0, &[change(9, 1)])).await?;
        output.sent().durable().await?;
        let before = self.persister.stats().received;
        output.send_book(levels(5, &[change(9, 2)])).await?;
        let given = self.persister.stats().received - before;
        *self.given.lock().expect("no panic") = Some(given);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn record_needs_no_task_to_reach_the_persister() {
    let repositories = Repositories::in_memory();
    let books = &repositories.books;
    let persister = BookPersister::start(Arc::clone(books), PersisterConfig::default());
    let clock = Clock::standing_at(at(0));
    let recording = BookRecording::new(persister.clone(), Arc::clone(books), with_updates(), clock);
    let given = Arc::default();
    let feed = Counting {
        persister,
        given: Arc::clone(&given),
    };
    let pipeline = builder(&repositories)
        .books(LiveBooks::new())
        .record_books(recording)
        .feed(Box::new(feed))
        .start();
    ended(&pipeline.monitor()).await;
    assert!(pipeline.stop(FLUSH).await.is_complete());
    assert_eq!(*given.lock().expect("no panic"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn stopped_pipeline_ends_the_intervals() {
    let repositories = Repositories::in_memory();
    let live = LiveBooks::new();
    let pipeline = builder(&repositories)
        .books(live.clone())
        .record_books(recording(
            &repositories,
            with_updates(),
            Clock::standing_at(at(0)),
        ))
        .feed(staying([snapshot(0, &[]), levels(5, &[change(9, 1)])]))
        .start();
    until("the book has a level", async || {
        live.get(SYMBOL, 1)
            .is_some_and(|book| !book.bids.is_empty())
    })
    .await;
    assert!(pipeline.stop(FLUSH).await.is_complete());
    let end = BookInterval::open(SYMBOL, at(0));
    let end = end.closed(at(5) + TimeDelta::microseconds(1), EndReason::Stopped);
    assert_eq!(intervals(&*repositories.books).await, [end]);
}

#[tokio::test(start_paused = true)]
async fn quiet_book_is_stored_when_its_snapshot_is_due() {
    let repositories = Repositories::in_memory();
    let now = Arc::new(Mutex::new(at(0)));
    let clock = Arc::clone(&now);
    let clock = Clock::new(move || *clock.lock().expect("no panic"));
    let pipeline = builder(&repositories)
        .books(LiveBooks::new())
        .record_books(recording(&repositories, RecorderConfig::default(), clock))
        .feed(staying([
            snapshot(0, &[change(9, 1)]),
            levels(500, &[change(9, 2)]),
        ]))
        .start();
    let books = &*repositories.books;
    let count = async || snapshots(books).await.len();
    until("the first snapshot", async || count().await == 1).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(count().await, 1, "no second has passed");
    *now.lock().expect("no panic") = at(1_000);
    until("the second snapshot", async || count().await == 2).await;
    let newest = snapshots(books).await.pop().expect("two");
    assert_eq!(
        (newest.snapshot_time, &newest.bids[..]),
        (at(500), &[level(9, 2)][..])
    );
    assert!(pipeline.stop(FLUSH).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn interval_of_an_earlier_run_is_ended_first() {
    let repositories = Repositories::in_memory();
    let books = &*repositories.books;
    let left = BookInterval::open(SYMBOL, at(-9_000));
    let row = BookSnapshot::new(SYMBOL, at(-5_000), "venue").with_valid_since(at(-9_000));
    books.put_intervals(&[left]).await.expect("memory");
    books.insert_snapshots(&[row]).await.expect("memory");
    let pipeline = builder(&repositories)
        .books(LiveBooks::new())
        .record_books(recording(
            &repositories,
            with_updates(),
            Clock::standing_at(at(0)),
        ))
        .feed(ending([snapshot(0, &[])]))
        .start();
    ended(&pipeline.monitor()).await;
    assert!(pipeline.stop(FLUSH).await.is_complete());
    let microsecond = TimeDelta::microseconds(1);
    let found = intervals(books).await;
    let expected = left.closed(at(-5_000) + microsecond, EndReason::Stopped);
    assert_eq!(found[0], expected);
    assert_eq!(found[1].valid_from, at(0));
}

#[tokio::test(start_paused = true)]
async fn books_without_a_place_end_their_feed() {
    let repositories = Repositories::in_memory();
    let pipeline = builder(&repositories)
        .feed(ending([snapshot(0, &[])]))
        .start();
    let monitor = pipeline.monitor();
    ended(&monitor).await;
    let FeedStatus::Failed { error } = &monitor.state().feeds[0].status else {
        panic!("{:?}", monitor.state());
    };
    assert!(error.contains("order books have no place"), "{error}");
    assert!(pipeline.stop(FLUSH).await.is_complete());
}

#[cfg(feature = "mock")]
#[tokio::test(start_paused = true)]
async fn book_is_recorded_when_the_database_answers() {
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::domain::Page;
    use crate::repository::MockOrderBookRepository;

    let repositories = Repositories::in_memory();
    let is_up = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&is_up);
    let mut earlier = MockOrderBookRepository::new();
    earlier
        .expect_intervals()
        .returning(move |_| match answers.load(Ordering::SeqCst) {
            true => Ok(Page::new(Vec::new(), None)),
            false => Err(crate::RepositoryError::Internal {
                operation: "intervals",
                reason: "down".to_owned(),
            }),
        });
    let (store, config) = (Arc::clone(&repositories.books), PersisterConfig::default());
    let persister = BookPersister::start(store, config);
    let clock = Clock::standing_at(at(0));
    let recording = BookRecording::new(persister, Arc::new(earlier), with_updates(), clock);
    let live = LiveBooks::new();
    let events = [snapshot(0, &[change(9, 1)]), levels(1, &[change(9, 2)])];
    let pipeline = builder(&repositories)
        .books(live.clone())
        .record_books(recording)
        .feed(staying(events))
        .start();
    // the feed goes on after some seconds
    let has_come = || live.get(SYMBOL, 1).is_some_and(|book| book.time == at(1));
    until("the live book is there", async || has_come()).await;
    let books = &*repositories.books;
    assert_eq!(intervals(books).await, []);
    is_up.store(true, Ordering::SeqCst);
    until("it is recorded", async || {
        !snapshots(books).await.is_empty()
    })
    .await;
    let found = snapshots(books).await;
    assert_eq!(
        (found[0].snapshot_time, &found[0].bids[..]),
        (at(1), &[level(9, 2)][..])
    );
    assert!(pipeline.stop(FLUSH).await.is_complete());
}
