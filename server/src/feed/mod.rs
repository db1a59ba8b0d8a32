//! Feeds: where ticks come from when nobody posts them.

pub mod pipeline;
pub mod replay;
pub mod simulated;
mod stats;
mod symbols;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tickbook::domain::Tick;
use tickbook::ingest::SequenceAssigner;
use tokio::sync::mpsc;

pub use stats::{FeedState, FeedStats};
pub use symbols::find_or_create;

/// A source of ticks.
#[async_trait]
pub trait Feed: Debug + Send + 'static {
    /// What it is called in the log and in `/health/ready`.
    fn name(&self) -> &'static str;

    /// Puts ticks into `sink` until there are no more. The future is dropped to stop it early.
    ///
    /// # Errors
    /// Why it cannot go on.
    async fn run(&mut self, sink: TickSink) -> anyhow::Result<()>;
}

/// Where a feed puts its ticks. When the store is slower than the feed, the feed waits.
#[derive(Debug)]
pub struct TickSink {
    sender: mpsc::Sender<Tick>,
    sequences: SequenceAssigner,
    stats: Arc<FeedStats>,
}

impl TickSink {
    /// Numbers ticks, counts them in `stats` and puts them into `sender`.
    #[must_use]
    pub fn new(sender: mpsc::Sender<Tick>, stats: Arc<FeedStats>) -> Self {
        Self {
            sender,
            stats,
            sequences: SequenceAssigner::new(),
        }
    }

    /// Takes a tick. `sequence` is the venue's own number within the instant; without one it is
    /// counted.
    ///
    /// # Errors
    /// Nobody takes ticks any more.
    pub async fn send(&mut self, mut tick: Tick, sequence: Option<i32>) -> anyhow::Result<()> {
        match sequence {
            Some(sequence) => tick.sequence = sequence,
            None => self.sequences.assign(&mut tick),
        }
        let crossed = tick.is_crossed();
        if self.sender.send(tick).await.is_err() {
            anyhow::bail!("the store takes no more ticks");
        }
        self.stats.receive(1, crossed.into());
        Ok(())
    }
}
