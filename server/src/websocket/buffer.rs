//! Buffers of ticks that wait for a read of the store: small for one series, bounded for all.

use std::sync::Arc;

use metrics::counter;
use tickbook::domain::Tick;
use tokio::sync::Semaphore;

use crate::metrics::CANDLE_BUFFER_FULL;

/// Maximum number of waiting ticks of one series.
pub(super) const OF_SERIES: usize = 10_000;

/// Remaining capacity for waiting ticks in the series of all clients. Clones share it.
#[derive(Debug, Clone)]
pub struct WaitingTicks(Arc<Semaphore>);

impl WaitingTicks {
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    pub(super) fn buffer(&self) -> TickBuffer {
        TickBuffer {
            ticks: Vec::new(),
            room: self.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.0.available_permits()
    }
}

/// The waiting ticks of one series.
#[derive(Debug)]
pub(super) struct TickBuffer {
    ticks: Vec<Tick>,
    room: WaitingTicks,
}

impl TickBuffer {
    /// Adds a tick; returns it if the buffer is full.
    #[must_use]
    pub(super) fn push(&mut self, tick: Tick) -> Option<Tick> {
        if self.ticks.len() >= OF_SERIES {
            return Some(tick);
        }
        let Ok(permit) = self.room.0.try_acquire() else {
            counter!(CANDLE_BUFFER_FULL).increment(1);
            return Some(tick);
        };
        // the permit is returned when the ticks are removed
        permit.forget();
        self.ticks.push(tick);
        None
    }

    pub(super) fn first(&self) -> Option<&Tick> {
        self.ticks.first()
    }

    /// Removes and returns all waiting ticks.
    pub(super) fn take(&mut self) -> Vec<Tick> {
        let ticks = std::mem::take(&mut self.ticks);
        self.room.0.add_permits(ticks.len());
        ticks
    }
}

impl Drop for TickBuffer {
    fn drop(&mut self) {
        self.take();
    }
}
