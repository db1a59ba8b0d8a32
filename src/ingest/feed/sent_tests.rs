//! When the records of a feed are durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rust_decimal::Decimal;
use tokio::sync::Semaphore;

use super::books_tests::{FLUSH, SYMBOL, at, change, snapshot, until};
use super::*;
use crate::Clock;
use crate::domain::{Tick, Trade};
use crate::error::RepositoryError;
use crate::ingest::book::{BookRecording, LiveBooks, RecorderConfig};
use crate::ingest::fanout::FanOut;
use crate::ingest::{
    Persister, PersisterConfig, Record, RecordStore, RepositoryRecord, StoreReceipt,
};
use crate::repositories::Repositories;

/// A store that takes a batch for each permit.
#[derive(Debug)]
struct Gate<R: Record> {
    permits: Arc<Semaphore>,
    store: Arc<dyn RecordStore<R>>,
}

#[async_trait]
impl<R: Record> RecordStore<R> for Gate<R> {
    async fn insert_batch(&self, records: &[R]) -> Result<StoreReceipt<R>, RepositoryError> {
        let permit = self.permits.acquire().await.expect("never closed");
        permit.forget();
        self.store.insert_batch(records).await
    }
}

/// A persister that never writes without a full batch or a request, and the permits of its store.
fn gated<R: RepositoryRecord>(repository: &Arc<R::Repository>) -> (Persister<R>, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let store = Arc::new(Gate {
        permits: Arc::clone(&permits),
        store: R::store(Arc::clone(repository)),
    });
    let never = Duration::from_secs(365 * 86_400);
    let config = PersisterConfig::default().flush_interval(never);
    (Persister::start_on(store, config), permits)
}

/// Sends a tick, a trade and a book, and notes when they are durable.
#[derive(Debug)]
struct Venue {
    is_durable: Arc<AtomicBool>,
}

#[async_trait]
impl Feed for Venue {
    fn name(&self) -> &str {
        "venue"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let one = Decimal::ONE;
        output
            .send(Tick::quote(SYMBOL, at(1), one, one), None)
            .await?;
        output
            .send_trade(Trade::new(SYMBOL, at(1), one, one), Some(1))
            .await?;
        output.send_book(snapshot(1, &[change(9, 1)])).await?;
        output.sent().durable().await?;
        self.is_durable.store(true, Ordering::SeqCst);
        std::future::pending().await
    }
}

/// Runs the feed, while the stores before `open` are open and the others are not. Returns whether its records became
/// durable in a long time, and ends it with all stores open.
async fn is_durable(open: usize) -> bool {
    let repositories = Repositories::in_memory();
    let (ticks, of_ticks) = gated::<Tick>(&repositories.ticks);
    let (trades, of_trades) = gated::<Trade>(&repositories.trades);
    let (books, of_books) = gated(&repositories.books);
    let permits = [of_ticks, of_trades, of_books];
    let (opened, closed) = permits.split_at(open);
    opened.iter().for_each(|permits| permits.add_permits(9));
    let store = Arc::clone(&repositories.books);
    let clock = Clock::standing_at(at(1));
    let recording = BookRecording::new(books, store, RecorderConfig::default(), clock);
    let durable = Arc::new(AtomicBool::new(false));
    let is_durable = || durable.load(Ordering::SeqCst);
    let pipeline = Pipeline::builder(ticks)
        .trades(trades, FanOut::new())
        .books(LiveBooks::new())
        .record_books(recording)
        .feed(Box::new(Venue {
            is_durable: Arc::clone(&durable),
        }))
        .start();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let found = is_durable();
    closed.iter().for_each(|permits| permits.add_permits(9));
    until("the records are durable", async || is_durable()).await;
    permits.iter().for_each(|permits| permits.add_permits(9));
    let report = pipeline.stop(FLUSH).await;
    assert!(report.is_complete(), "{report:?}");
    found
}

#[tokio::test(start_paused = true)]
async fn sent_records_are_durable_in_every_store() {
    for (open, expected) in [(0, false), (1, false), (2, false), (3, true)] {
        assert_eq!(is_durable(open).await, expected, "{open}");
    }
}

/// Notes that it finishes.
#[derive(Debug)]
struct Finishing {
    ends: bool,
    hangs: bool,
    has_finished: Arc<AtomicBool>,
}

#[async_trait]
impl Feed for Finishing {
    fn name(&self) -> &str {
        "finishing"
    }

    async fn run(&mut self, _: &mut FeedOutput) -> Result<(), FeedError> {
        match self.ends {
            true => Ok(()),
            false => std::future::pending().await,
        }
    }

    async fn finish(&mut self) {
        if self.hangs {
            std::future::pending().await
        }
        self.has_finished.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn feed_finishes_after_its_end_and_a_stop() {
    for (ends, hangs) in [(true, false), (false, false), (false, true)] {
        let repositories = Repositories::in_memory();
        let has_finished = Arc::new(AtomicBool::new(false));
        let feed = Finishing {
            ends,
            hangs,
            has_finished: Arc::clone(&has_finished),
        };
        let pipeline = super::books_tests::builder(&repositories)
            .feed(Box::new(feed))
            .start();
        let begun = tokio::time::Instant::now();
        let report = pipeline.stop(FLUSH).await;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(has_finished.load(Ordering::SeqCst), !hangs);
        // of the paused clock
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}
