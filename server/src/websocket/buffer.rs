//! Buffers of ticks or trades that wait for a read of the store: small for one series, bounded for all.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::Semaphore;

use crate::metrics::CANDLE_BUFFER_FULL;

/// Maximum number of waiting ticks or trades of one series.
pub(super) const OF_SERIES: usize = 10_000;

/// Remaining capacity for waiting ticks and trades in the series of all clients. Clones share it.
#[derive(Debug, Clone)]
pub struct WaitingTicks(Arc<Semaphore>);

impl WaitingTicks {
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    pub(super) fn buffer<E>(&self) -> EventBuffer<E> {
        EventBuffer {
            events: Vec::new(),
            room: self.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.0.available_permits()
    }
}

/// The waiting ticks or trades of one series.
#[derive(Debug)]
pub(super) struct EventBuffer<E> {
    events: Vec<E>,
    room: WaitingTicks,
}

impl<E> EventBuffer<E> {
    /// Adds an event; returns it if the buffer is full.
    #[must_use]
    pub(super) fn push(&mut self, event: E) -> Option<E> {
        if self.events.len() >= OF_SERIES {
            return Some(event);
        }
        let Ok(permit) = self.room.0.try_acquire() else {
            counter!(CANDLE_BUFFER_FULL).increment(1);
            return Some(event);
        };
        // the permit is returned when the events are removed
        permit.forget();
        self.events.push(event);
        None
    }

    pub(super) fn first(&self) -> Option<&E> {
        self.events.first()
    }

    /// Removes and returns all waiting events.
    pub(super) fn take(&mut self) -> Vec<E> {
        let events = std::mem::take(&mut self.events);
        self.room.0.add_permits(events.len());
        events
    }
}

impl<E> Drop for EventBuffer<E> {
    fn drop(&mut self) {
        self.take();
    }
}
