//! Settings of WebSocket clients.

use std::time::Duration;

use tickbook::config::Sections;

/// Settings of WebSocket connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// The server sends something to each client at least this often.
    pub heartbeat: Duration,
    /// Maximum number of ticks queued for one client, 1 to 1,000,000.
    pub queue: usize,
    /// Maximum number of ticks queued for all clients, 1 to 100,000,000.
    pub queue_total: usize,
    /// Maximum number of gaps before a client has caught up, 1 to 1,000.
    pub max_gaps: u32,
    /// Maximum time that a client may read nothing.
    pub send_timeout: Duration,
    /// Maximum number of clients, 1 to 100,000.
    pub max_connections: usize,
    /// Maximum number of clients of one address, 1 to 100,000; 0 for no limit.
    pub max_connections_per_address: usize,
    /// Maximum number of ticks that wait for reads of candles, for all clients together, 1 to 10,000,000.
    pub candle_buffer: usize,
    /// Number of ticks, and of trades, that are retained for clients that connect again, 0 to 10,000,000.
    pub resume: usize,
    /// Maximum number of levels of each side of the books that all clients follow, 1,000 to 100,000,000.
    pub book_levels: usize,
}

impl Default for WebSocketConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            queue: 10_000,
            queue_total: 250_000,
            max_gaps: 10,
            send_timeout: Duration::from_secs(10),
            max_connections: 1_000,
            max_connections_per_address: 200,
            candle_buffer: 100_000,
            resume: 50_000,
            book_levels: 1_000_000,
        }
    }
}

pub(super) fn read(sections: &mut Sections<'_>) -> WebSocketConfig {
    WebSocketConfig {
        heartbeat: sections.millis("websocket.heartbeat_ms", 600_000),
        queue: sections.number("websocket.queue", 1, 1_000_000),
        queue_total: sections.number("websocket.queue_total", 1, 100_000_000),
        max_gaps: sections.number("websocket.max_gaps", 1, 1_000),
        send_timeout: sections.millis("websocket.send_timeout_ms", 600_000),
        max_connections: sections.number("websocket.max_connections", 1, 100_000),
        max_connections_per_address: sections.number(
            "websocket.max_connections_per_address",
            0,
            100_000,
        ),
        candle_buffer: sections.number("websocket.candle_buffer", 1, 10_000_000),
        resume: sections.number("websocket.resume", 0, 10_000_000),
        book_levels: sections.number("websocket.book_levels", 1_000, 100_000_000),
    }
}
