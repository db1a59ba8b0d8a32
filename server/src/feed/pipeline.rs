//! From a feed into the store.

use std::sync::Arc;
use std::time::Duration;

use tickbook::config::TickConfig;
use tickbook::domain::Tick;
use tickbook::repository::TickRepository;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Feed, FeedStats, TickSink};
use crate::problem::chain;

/// How long ticks that wait may take to be stored when the server stops.
pub const FLUSH: Duration = Duration::from_secs(10);

/// Ticks that may wait for the store before the feed has to.
const WAITING_BATCHES: usize = 10;

/// A feed that runs, and the task that stores what it brings.
#[derive(Debug)]
pub struct Pipeline {
    writer: JoinHandle<()>,
    stats: Arc<FeedStats>,
}

impl Pipeline {
    /// Starts `feed`. It ends by itself or at `stop`; what it brought is stored in either case.
    pub fn start(
        mut feed: Box<dyn Feed>,
        ticks: Arc<dyn TickRepository>,
        config: &TickConfig,
        stop: CancellationToken,
    ) -> Self {
        let name = feed.name();
        let stats = Arc::new(FeedStats::new(name));
        let (sender, receiver) = mpsc::channel(config.batch_size * WAITING_BATCHES);
        let feed_stats = Arc::clone(&stats);
        tokio::spawn(async move {
            let run = feed.run(TickSink::new(sender, Arc::clone(&feed_stats)));
            match stop.run_until_cancelled(run).await {
                None => {}
                Some(Ok(())) => tracing::info!(feed = name, "the feed has ended"),
                Some(Err(error)) => {
                    tracing::error!(feed = name, error = chain(&*error), "the feed broke off");
                }
            }
            feed_stats.end();
        });
        let writer = Writer {
            ticks,
            stats: Arc::clone(&stats),
            batch_size: config.batch_size,
            flush_interval: config.flush_interval,
        };
        Self {
            writer: tokio::spawn(writer.run(receiver)),
            stats,
        }
    }

    /// What the feed has brought.
    #[must_use]
    pub fn stats(&self) -> Arc<FeedStats> {
        Arc::clone(&self.stats)
    }

    /// Waits until everything is stored, ten seconds at most, and says in the log what was.
    /// Returns whether nothing was left. To be called when the feed has been stopped.
    pub async fn finish(mut self) -> bool {
        let flushed = timeout(FLUSH, &mut self.writer).await;
        self.writer.abort();
        let state = self.stats.state();
        let complete = matches!(flushed, Ok(Ok(()))) && state.waiting == 0;
        let feed = state.name;
        let saved = state.inserted + state.duplicates;
        let (conflicts, rejected, unsaved) = (state.conflicts, state.rejected, state.waiting);
        if complete {
            tracing::info!(feed, saved, conflicts, rejected, "all ticks are stored");
        } else {
            tracing::error!(feed, saved, conflicts, rejected, unsaved, "ticks are lost");
        }
        complete
    }
}

struct Writer {
    ticks: Arc<dyn TickRepository>,
    stats: Arc<FeedStats>,
    batch_size: usize,
    flush_interval: Duration,
}

impl Writer {
    async fn run(self, mut receiver: mpsc::Receiver<Tick>) {
        let mut batch = Vec::with_capacity(self.batch_size);
        while let Some(first) = receiver.recv().await {
            batch.push(first);
            let deadline = Instant::now() + self.flush_interval;
            while batch.len() < self.batch_size {
                let missing = self.batch_size - batch.len();
                match timeout_at(deadline, receiver.recv_many(&mut batch, missing)).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => break,
                }
            }
            self.store(&batch).await;
            batch.clear();
        }
    }

    /// Stores a batch, however often it has to be tried.
    async fn store(&self, batch: &[Tick]) {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.ticks.insert_batch(batch).await {
                Ok(receipt) => {
                    self.stats.settle(&receipt);
                    return;
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "ticks wait for the store");
                }
            }
            pause = (pause * 2).min(Duration::from_secs(2));
            sleep(pause).await;
        }
    }
}
