//! Times of the transport.

use std::time::Duration;

use tickbook::Backoff;

/// Times of a transport. They are the same for all venues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportSettings {
    /// Delays between attempts to connect, and between requests for one book.
    pub backoff: Backoff,
    /// The longest time for connecting, with TLS and the handshake of WebSocket.
    pub connect_timeout: Duration,
    /// The longest time for an HTTP request.
    pub request_timeout: Duration,
    /// The interval of pings to the venue.
    pub ping_interval: Duration,
    /// A connection ends if nothing arrives for this time, neither a message nor the answer to a ping.
    pub silence: Duration,
    /// A book that is not valid for this time is requested again. A message that could not be read may have
    /// been its snapshot.
    pub sync_timeout: Duration,
    /// A connection whose end is planned is closed if the one that replaces it is not ready after this time.
    pub renewal_timeout: Duration,
    /// After this time without a fault, a connection or a book is stable: the next fault is repaired without a
    /// delay.
    pub stable_after: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            sync_timeout: Duration::from_secs(20),
            renewal_timeout: Duration::from_secs(300),
            stable_after: Duration::from_secs(60),
        }
    }
}
