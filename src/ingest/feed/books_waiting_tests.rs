//! Order books of feeds whose store is slow or has no space.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::books_tests::{
    FLUSH, SYMBOL, at, builder, change, ended, ending, intervals, level, levels, snapshot, staying,
    until, with_updates,
};
use crate::Clock;
use crate::error::RepositoryError;
use crate::ingest::book::{BookEvent, BookRecording, LiveBooks};
use crate::ingest::{
    BookPersister, BookRecord, OnFull, PersisterConfig, RecordStore, RepositoryRecord as _,
    SpoolConfig, SpoolMode, StoreReceipt,
};
use crate::repositories::Repositories;

/// A store of books that takes a batch for each permit.
#[derive(Debug)]
struct Gate {
    permits: Semaphore,
    store: Arc<dyn RecordStore<BookRecord>>,
}

#[async_trait]
impl RecordStore<BookRecord> for Gate {
    async fn insert_batch(
        &self,
        records: &[BookRecord],
    ) -> Result<StoreReceipt<BookRecord>, RepositoryError> {
        let permit = self.permits.acquire().await.expect("never closed");
        permit.forget();
        self.store.insert_batch(records).await
    }
}

/// A persister with a short queue, and the gate of its store.
async fn gated(repositories: &Repositories, on_full: OnFull) -> (BookPersister, Arc<Gate>) {
    let gate = Arc::new(Gate {
        permits: Semaphore::new(0),
        store: BookRecord::store(Arc::clone(&repositories.books)),
    });
    let store = Arc::clone(&gate);
    let config = PersisterConfig::default().batch_size(1).queue(8);
    let spool = SpoolConfig::new("unused").mode(SpoolMode::Memory);
    let spool = spool.on_full(on_full);
    let clock = Clock::standing_at(at(0));
    let persister = BookPersister::open_on(store, config, &spool, clock).await;
    (persister.expect("no spool"), gate)
}

/// Levels at one price whose quantities count from 1.
fn counting(millis: std::ops::Range<i64>) -> impl Iterator<Item = BookEvent> {
    millis.map(|millis| levels(millis, &[change(9, millis)]))
}

#[tokio::test(start_paused = true)]
async fn slow_store_makes_the_feed_wait() {
    let repositories = Repositories::in_memory();
    let (persister, gate) = gated(&repositories, OnFull::Block).await;
    // the store is asked for an earlier run when the persister is empty, which needs no permit
    let books = Arc::clone(&repositories.books);
    let clock = Clock::standing_at(at(0));
    let recording = BookRecording::new(persister, books, with_updates(), clock);
    let events = [snapshot(0, &[])].into_iter().chain(counting(1..5_000));
    let pipeline = builder(&repositories)
        .books(LiveBooks::new())
        .record_books(recording)
        .feed(ending(events))
        .start();
    let monitor = pipeline.monitor();
    let sent = || monitor.state().feeds[0].book_events;
    until("the feed waits", async || sent() >= 1_000).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(sent() < 1_100, "{}", sent());
    assert!(monitor.state().books.expect("stored").waiting >= 1_000);
    gate.permits.add_permits(100_000);
    ended(&monitor).await;
    let report = pipeline.stop(FLUSH).await;
    assert!(report.is_complete(), "{report:?}");
    let found = repositories.books.book_at(SYMBOL, at(4_999)).await;
    let found = found.expect("memory").expect("known");
    assert_eq!(found.bids, [level(9, 4_999)]);
}

#[tokio::test(start_paused = true)]
async fn refused_rows_leave_no_wrong_book() {
    let repositories = Repositories::in_memory();
    let (persister, gate) = gated(&repositories, OnFull::Error).await;
    let books = Arc::clone(&repositories.books);
    let clock = Clock::standing_at(at(0));
    let recording = BookRecording::new(persister, books, with_updates(), clock);
    let live = LiveBooks::new();
    let events = [snapshot(0, &[])].into_iter().chain(counting(1..500));
    let pipeline = builder(&repositories)
        .books(live.clone())
        .record_books(recording)
        .feed(staying(events))
        .start();
    let monitor = pipeline.monitor();
    let refused = || monitor.state().books.expect("stored").refused;
    until("rows are refused", async || refused() > 0).await;
    let all_sent = || live.get(SYMBOL, 1).is_some_and(|book| book.time == at(499));
    until("the feed does not wait", async || all_sent()).await;
    gate.permits.add_permits(100_000);
    let books = &*repositories.books;
    let newest = async || {
        let snapshot = books.snapshot_as_of(SYMBOL, at(500), 1).await;
        snapshot.expect("memory").map(|snapshot| snapshot.bids)
    };
    let is_again = async || newest().await == Some(vec![level(9, 499)]);
    until("the present book is recorded again", is_again).await;
    let report = pipeline.stop(FLUSH).await;
    assert_eq!(report.books.expect("stored").unsaved, 0);
    let found = intervals(books).await;
    assert!(found.iter().all(|it| it.end.is_some()), "{found:?}");
    // each instant has the book of that instant, or none
    let mut known = 0;
    for millis in 0..500 {
        let book = books.book_at(SYMBOL, at(millis)).await.expect("memory");
        let Some(book) = book else { continue };
        known += 1;
        let expected: Vec<_> = (millis > 0).then(|| level(9, millis)).into_iter().collect();
        assert_eq!(book.bids, expected, "{millis}");
    }
    assert!((1..499).contains(&known), "{known}");
}
