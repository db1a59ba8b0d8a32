//! The news that a gap has ended.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes the filler of a feed when a gap of trades has ended and is stored. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct GapSignal(Arc<Notify>);

impl GapSignal {
    pub(super) fn send(&self) {
        self.0.notify_one();
    }

    /// Waits until a gap has ended since the last call.
    pub(super) async fn ended(&self) {
        self.0.notified().await;
    }
}
