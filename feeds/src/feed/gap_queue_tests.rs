//! Gaps that wait for their records, and for their repository.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    FeedChannel, FeedGap, FeedGapKey, FeedMessage, FeedMessageKey, GapEdge, GapReason, Page,
    SymbolId, Trade,
};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, Pipeline};
use tickbook::ingest::{
    PersisterConfig, RecordStore, RepositoryRecord as _, StoreReceipt, TickPersister,
    TradePersister,
};
use tickbook::repository::{FeedGapQuery, FeedMessageQuery, FeedRepository};
use tickbook::{Repositories, RepositoryError};
use tokio::sync::Semaphore;

use super::gap_queue::{GapQueue, Gaps};
use super::gap_signal::GapSignal;

const ID: SymbolId = SymbolId::new(1);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// A repository of gaps that stores them after a delay.
#[derive(Debug)]
pub(super) struct Slow {
    pub(super) delay: Duration,
    pub(super) feeds: Arc<dyn FeedRepository>,
}

#[async_trait]
impl FeedRepository for Slow {
    async fn put_gaps(&self, gaps: &[FeedGap]) -> Result<u64, RepositoryError> {
        tokio::time::sleep(self.delay).await;
        self.feeds.put_gaps(gaps).await
    }

    async fn gaps(
        &self,
        query: &FeedGapQuery,
    ) -> Result<Page<FeedGap, FeedGapKey>, RepositoryError> {
        self.feeds.gaps(query).await
    }

    async fn put_messages(&self, messages: &[FeedMessage]) -> Result<u64, RepositoryError> {
        self.feeds.put_messages(messages).await
    }

    async fn messages(
        &self,
        query: &FeedMessageQuery,
    ) -> Result<Page<FeedMessage, FeedMessageKey>, RepositoryError> {
        self.feeds.messages(query).await
    }

    async fn drop_messages(&self, time: DateTime<Utc>) -> Result<(), RepositoryError> {
        self.feeds.drop_messages(time).await
    }
}

/// Repositories in memory whose gaps are stored after a delay.
pub(super) fn slow(delay: Duration) -> Repositories {
    let mut repositories = Repositories::in_memory();
    let feeds = Arc::clone(&repositories.feeds);
    repositories.feeds = Arc::new(Slow { delay, feeds });
    repositories
}

pub(super) async fn stored(repositories: &Repositories) -> Vec<FeedGap> {
    let gaps = repositories.feeds.gaps(&FeedGapQuery::default()).await;
    gaps.expect("memory").items
}

fn gap(from: i64) -> FeedGap {
    FeedGap::open(
        "test",
        ID,
        FeedChannel::Trades,
        at(from),
        GapReason::Stopped,
    )
}

fn gaps<const N: usize>(gaps: [FeedGap; N]) -> Gaps {
    gaps.into_iter().map(|gap| (gap.key(), gap)).collect()
}

/// A store of trades that takes a batch for each permit.
#[derive(Debug)]
struct Gate {
    permits: Arc<Semaphore>,
    store: Arc<dyn RecordStore<Trade>>,
}

#[async_trait]
impl RecordStore<Trade> for Gate {
    async fn insert_batch(&self, trades: &[Trade]) -> Result<StoreReceipt<Trade>, RepositoryError> {
        let permit = self.permits.acquire().await.expect("never closed");
        permit.forget();
        self.store.insert_batch(trades).await
    }
}

/// Sends a trade that ends a gap, and stores the gap.
#[derive(Debug)]
struct Ending(Repositories);

#[async_trait]
impl Feed for Ending {
    fn name(&self) -> &str {
        "test"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let trade = Trade::new(ID, at(2), Decimal::ONE, Decimal::ONE);
        output.send_trade(trade, Some(7)).await?;
        let queue = GapQueue::default();
        queue.push(gaps([gap(1).closed(at(2))]), output.sent());
        queue.write("test", &self.0, &GapSignal::default()).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn gap_ends_when_its_next_record_is_durable() {
    let repositories = Repositories::in_memory();
    let permits = Arc::new(Semaphore::new(0));
    let gate = Arc::new(Gate {
        permits: Arc::clone(&permits),
        store: Trade::store(Arc::clone(&repositories.trades)),
    });
    let config = PersisterConfig::default;
    let ticks = TickPersister::start(Arc::clone(&repositories.ticks), config());
    let trades = TradePersister::start_on(gate, config());
    let pipeline = Pipeline::builder(ticks)
        .trades(trades, FanOut::new())
        .feed(Box::new(Ending(repositories.clone())))
        .start();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stored(&repositories).await, []);
    permits.add_permits(1);
    let is_stored = async {
        while stored(&repositories).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), is_stored).await;
    assert!(in_time.is_ok(), "the gap is not stored");
    let latest = repositories.trades.latest(ID).await.expect("memory");
    assert_eq!(latest.map(|trade| trade.sequence), Some(7));
    pipeline.stop(Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_write_of_gaps_loses_none() {
    let repositories = slow(Duration::from_secs(1));
    let (queue, signal) = (GapQueue::default(), GapSignal::default());
    let first = queue.push(gaps([gap(1), gap(2)]), Default::default());
    assert!(!queue.is_written());
    let writing = queue.write("test", &repositories, &signal);
    // the first write has begun
    let stopped = tokio::time::timeout(Duration::from_millis(500), writing).await;
    assert!(stopped.is_err());
    assert_eq!(stored(&repositories).await, []);
    // a newer state
    queue.push(gaps([gap(1).closed(at(5))]), Default::default());
    queue.finish("test", &repositories, &signal).await;
    assert!(queue.is_written());
    queue.written(first).await;
    assert_eq!(stored(&repositories).await, [gap(1).closed(at(5)), gap(2)]);
}

#[tokio::test(start_paused = true)]
async fn gap_that_changes_while_it_is_written_is_kept() {
    let repositories = slow(Duration::from_secs(1));
    let (queue, signal) = (GapQueue::default(), GapSignal::default());
    queue.push(gaps([gap(1)]), Default::default());
    let changing = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let number = queue.push(gaps([gap(1).closed(at(5))]), Default::default());
        queue.written(number).await;
    };
    tokio::select! {
        () = queue.write("test", &repositories, &signal) => {}
        () = changing => {}
    }
    assert_eq!(stored(&repositories).await, [gap(1).closed(at(5))]);
}

#[tokio::test]
async fn record_of_an_impossible_time_blocks_no_gap() {
    let repositories = Repositories::in_memory();
    let (queue, signal) = (GapQueue::default(), GapSignal::default());
    let impossible = GapEdge::new(DateTime::<Utc>::MAX_UTC, None);
    let ended = gap(1).closed(at(5));
    let all = [
        ended.clone().next(impossible),
        gap(2).last(impossible),
        gap(3),
    ];
    queue.push(gaps(all), Default::default());
    queue.finish("test", &repositories, &signal).await;
    assert_eq!(stored(&repositories).await, [ended, gap(2), gap(3)]);
}
