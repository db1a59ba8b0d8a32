//! The output of a feed.

use std::sync::Arc;

use super::running::RunningFeed;
use super::stage::QualityStage;
use crate::domain::Tick;
use crate::ingest::OccurrenceCounter;
use crate::ingest::fanout::{FanOut, FanOutClosed};

/// Receives the ticks of a feed. If the store is slower than the feed, the feed waits.
#[derive(Debug)]
pub struct FeedOutput {
    fan_out: FanOut,
    occurrences: OccurrenceCounter,
    quality: Option<QualityStage>,
    counted_by: Option<Arc<RunningFeed>>,
}

impl FeedOutput {
    /// Creates an output that counts equal ticks within their instants and publishes all ticks.
    #[must_use]
    pub fn new(fan_out: FanOut) -> Self {
        Self {
            fan_out,
            occurrences: OccurrenceCounter::new(),
            quality: None,
            counted_by: None,
        }
    }

    /// Publishes only ticks that pass `quality`; the others are quarantined.
    #[must_use]
    pub fn with_quality(mut self, quality: QualityStage) -> Self {
        self.quality = Some(quality);
        self
    }

    /// Counts the results of ticks in the state of a feed.
    pub(super) fn counted_by(mut self, running: Arc<RunningFeed>) -> Self {
        self.counted_by = Some(running);
        self
    }

    /// Starts another source, which may deliver ticks of the previous one again.
    ///
    /// Equal unsequenced ticks of one instant are counted within one source: one connection to a venue, or
    /// one file. A feed that reconnects within one [`run`](super::Feed::run), or reads another file, must
    /// call this before the first tick.
    pub fn begin_source(&mut self) {
        self.occurrences = OccurrenceCounter::new();
    }

    /// Sends a tick. `sequence` is the venue's number of the tick; without one it is an
    /// [unsequenced](OccurrenceCounter) tick.
    ///
    /// # Errors
    /// The pipeline is stopping.
    pub async fn send(
        &mut self,
        mut tick: Tick,
        sequence: Option<i64>,
    ) -> Result<(), FanOutClosed> {
        match sequence {
            Some(sequence) => tick.sequence = sequence,
            None => self.occurrences.count(&mut tick),
        }
        if let Some(quality) = &mut self.quality
            && !quality.passes(&tick).await.map_err(|_| FanOutClosed)?
        {
            if let Some(running) = &self.counted_by {
                running.count_held_back();
            }
            return Ok(());
        }
        self.fan_out.publish(&[tick]).await?;
        if let Some(running) = &self.counted_by {
            running.count_published();
        }
        Ok(())
    }
}
