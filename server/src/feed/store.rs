//! From the fan-out into the store.

use async_trait::async_trait;
use tickbook::fanout::{Event, SinkEnded, TickSink};
use tickbook::ingest::TickPersister;

/// Gives every tick to the persister, which keeps it until it is stored.
#[derive(Debug)]
pub(super) struct StoreSink(pub(super) TickPersister);

#[async_trait]
impl TickSink for StoreSink {
    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
        for event in events {
            match event {
                Event::Tick(published) => {
                    self.0.push(published.tick).await.map_err(|_| SinkEnded)?;
                }
                // publishers wait for this sink, so that it misses nothing
                Event::Gap(gap) => tracing::error!(?gap, "ticks did not reach the store"),
            }
        }
        Ok(())
    }
}
