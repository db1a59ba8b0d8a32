//! How far a sink has processed its events.

use super::hub::QueueMonitor;
use crate::ingest::record::Record;

impl<R: Record> QueueMonitor<R> {
    /// The number of events that were put into the queue so far.
    pub(crate) fn position(&self) -> u64 {
        let core = self.fan_out.0.lock();
        core.get(self.id).map_or(0, |registered| registered.given)
    }

    /// Waits until the sink has processed its first `position` events, or has ended. For queues with the policy
    /// [`Block`](super::OverflowPolicy::Block), which drop no event.
    pub(crate) async fn processed(&self, position: u64) {
        loop {
            // `notify_waiters` after this line is not missed
            let moved = self.fan_out.0.room.notified();
            {
                let core = self.fan_out.0.lock();
                let is_processed = core.get(self.id).is_none_or(|registered| {
                    let left = registered.queue.len() + registered.taken;
                    registered.given - left as u64 >= position
                });
                if is_processed {
                    return;
                }
            }
            moved.await;
        }
    }
}
