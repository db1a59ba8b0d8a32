//! From the fan-out into the store.

use std::time::Duration;

use async_trait::async_trait;
use tickbook::domain::Tick;
use tickbook::fanout::{Event, SinkEnded, TickSink};
use tickbook::ingest::{PushError, TickPersister};

/// How long to wait before a tick is offered again to a spool that is full.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// Gives every tick to the persister, which keeps it until it is stored.
#[derive(Debug)]
pub(super) struct StoreSink(pub(super) TickPersister);

impl StoreSink {
    /// Waits where the persister refuses for want of a place: the feed waits with it, and nothing
    /// is lost.
    async fn push(&self, tick: Tick) -> Result<(), SinkEnded> {
        loop {
            match self.0.push(tick.clone()).await {
                Ok(_) => return Ok(()),
                Err(PushError::SpoolFull) => tokio::time::sleep(FULL_PAUSE).await,
                Err(_) => return Err(SinkEnded),
            }
        }
    }
}

#[async_trait]
impl TickSink for StoreSink {
    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
        for event in events {
            match event {
                Event::Tick(published) => self.push(published.tick).await?,
                // publishers wait for this sink, so that it misses nothing
                Event::Gap(gap) => tracing::error!(?gap, "ticks did not reach the store"),
            }
        }
        Ok(())
    }
}
