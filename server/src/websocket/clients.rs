//! The clients of `/ws`: how many, and their end.

use std::sync::Arc;
use std::time::Duration;

use crate::settings::WebSocketConfig;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::buffer::WaitingTicks;
use super::places::Places;

/// How the queues of clients are called, which have a limit together.
pub(crate) const QUEUES: &str = "websocket";

/// Series of all clients that are read from the store at once; one client may ask for a thousand.
const READINGS: usize = 8;

/// How long a client may take to read that the server did not wait for it.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The connections of WebSocket clients. Cloning shares them.
#[derive(Debug, Clone)]
pub struct WebSockets {
    pub(super) config: WebSocketConfig,
    /// No new client is taken.
    pub(super) stop: CancellationToken,
    /// No client is waited for.
    pub(super) hurry: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) places: Places,
    /// Ticks that wait for candles to be read.
    pub(super) waiting: WaitingTicks,
    /// Turns for reading candles.
    pub(super) readings: Arc<Semaphore>,
}

impl WebSockets {
    /// Takes clients until `stop`. Those it has get what is published until the fan-out is closed,
    /// and then their end.
    #[must_use]
    pub fn new(config: WebSocketConfig, stop: CancellationToken) -> Self {
        Self {
            places: Places::new(config.max_connections, config.max_connections_per_address),
            waiting: WaitingTicks::new(config.candle_buffer),
            readings: Arc::new(Semaphore::new(READINGS)),
            config,
            stop,
            hurry: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits until every client has got what waits for it and has been told that the server stops,
    /// `patience` at most, and a second more for a last word to those who have not. To be called
    /// when the fan-out is closed.
    pub async fn finish(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_ok() {
            return;
        }
        tracing::warn!("WebSocket clients that are too slow do not get all ticks before the end");
        self.hurry.cancel();
        if timeout(LAST_WORD, self.tasks.wait()).await.is_err() {
            tracing::warn!("WebSocket clients that read nothing are not told of the end");
        }
    }
}
