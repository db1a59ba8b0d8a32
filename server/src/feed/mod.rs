//! Feeds: where ticks come from when nobody posts them.

mod pipeline;
pub mod quality;
pub mod replay;
pub mod simulated;
mod store;
mod symbols;

use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::domain::Tick;
use tickbook::ingest::SequenceAssigner;
use tickbook::ingest::fanout::{FanOut, FanOutClosed};

pub use pipeline::{FeedMonitor, FeedState, Pipeline};
use quality::QualityStage;
pub use symbols::find_or_create;

/// A source of ticks.
#[async_trait]
pub trait Feed: Debug + Send + 'static {
    /// What it is called in the log and in `/health/ready`.
    fn name(&self) -> &'static str;

    /// Puts ticks into `output` until there are no more. The future is dropped to stop it early.
    ///
    /// # Errors
    /// Why it cannot go on.
    async fn run(&mut self, output: FeedOutput) -> anyhow::Result<()>;
}

/// Brings nothing. What is stored beside it was left by feeds of earlier runs.
#[derive(Debug)]
pub struct NoFeed;

#[async_trait]
impl Feed for NoFeed {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn run(&mut self, _: FeedOutput) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Where a feed puts its ticks. When the store is slower than the feed, the feed waits.
#[derive(Debug)]
pub struct FeedOutput {
    fan_out: FanOut,
    sequences: SequenceAssigner,
    quality: Option<QualityStage>,
}

impl FeedOutput {
    /// Numbers ticks within their instants and publishes them.
    #[must_use]
    pub fn new(fan_out: FanOut) -> Self {
        Self {
            fan_out,
            sequences: SequenceAssigner::new(),
            quality: None,
        }
    }

    /// Publishes only what passes `quality`; the rest is in quarantine.
    #[must_use]
    pub fn with_quality(mut self, quality: QualityStage) -> Self {
        self.quality = Some(quality);
        self
    }

    /// Takes a tick. `sequence` is the venue's own number within the instant; without one it is
    /// counted.
    ///
    /// # Errors
    /// The server stops.
    pub async fn send(
        &mut self,
        mut tick: Tick,
        sequence: Option<i32>,
    ) -> Result<(), FanOutClosed> {
        match sequence {
            Some(sequence) => tick.sequence = sequence,
            None => self.sequences.assign(&mut tick),
        }
        if let Some(quality) = &mut self.quality
            && !quality.passes(&tick).await.map_err(|_| FanOutClosed)?
        {
            return Ok(());
        }
        self.fan_out.publish(&[tick]).await
    }
}
