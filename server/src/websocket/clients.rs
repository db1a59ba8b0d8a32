//! The set of WebSocket clients: their limits and their shutdown.

use std::sync::Arc;
use std::time::Duration;

use crate::settings::WebSocketConfig;
use tickbook::domain::{Tick, Trade};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::books::BookLevels;
use super::buffer::WaitingTicks;
use super::client_slots::ClientSlots;
use super::texts::RecordTexts;
use crate::ledger::WaitingEvents;

/// Name of the queues of clients, which share one limit.
pub(crate) const QUEUES: &str = "websocket";

/// Maximum number of series that are read from the store at the same time, for all clients; one client may
/// request a thousand.
const READINGS: usize = 8;

/// Maximum time for a slow client to read the close frame, after the server has stopped waiting for it to
/// read its queue.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The WebSocket connections. Clones share them.
#[derive(Debug, Clone)]
pub struct WebSockets {
    pub(super) config: WebSocketConfig,
    /// Cancelled when no new clients are accepted.
    pub(super) stop: CancellationToken,
    /// Cancelled when the server stops waiting for clients to read their queues.
    pub(super) hurry: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) client_slots: ClientSlots,
    /// Capacity for ticks that wait for reads of candles.
    pub(super) waiting: WaitingTicks,
    /// Capacity for the levels of followed books.
    pub(super) levels: BookLevels,
    /// Capacity for events of orders that wait for clients.
    pub(super) order_events: WaitingEvents,
    /// Permits for reading candles and the states of accounts.
    pub(super) readings: Arc<Semaphore>,
    /// A random name of this run of the server: the numbers of records begin again with each run.
    pub(super) epoch: Arc<str>,
    pub(super) tick_texts: RecordTexts<Tick>,
    pub(super) trade_texts: RecordTexts<Trade>,
}

impl WebSockets {
    /// Accepts clients until `stop`. Connected clients get published ticks until the fan-out is closed, and
    /// then a close frame.
    #[must_use]
    pub fn new(config: WebSocketConfig, stop: CancellationToken) -> Self {
        Self {
            client_slots: ClientSlots::new(
                config.max_connections,
                config.max_connections_per_address,
            ),
            waiting: WaitingTicks::new(config.candle_buffer),
            levels: BookLevels::new(config.book_levels),
            order_events: WaitingEvents::new(config.queue_total),
            readings: Arc::new(Semaphore::new(READINGS)),
            epoch: format!("{:016x}", rand::random::<u64>()).into(),
            tick_texts: RecordTexts::default(),
            trade_texts: RecordTexts::default(),
            config,
            stop,
            hurry: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits until every client has read its queue and the close frame, for at most `patience`. Slower
    /// clients have one more second to read a close frame. Call it when the fan-out is closed.
    pub async fn finish(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_ok() {
            return;
        }
        tracing::warn!("slow WebSocket clients are disconnected before they have read all ticks");
        self.hurry.cancel();
        if timeout(LAST_WORD, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "WebSocket clients that read nothing are disconnected without a close frame"
            );
        }
    }
}
