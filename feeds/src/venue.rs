//! The interface between a venue and the transport.

use std::fmt;
use std::time::Duration;

use crate::error::ProtocolError;
use crate::history::TradeHistory;
use crate::instrument::{ListedInstrument, RefusedInstrument};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::stream::StreamSession;
use crate::subscription::Subscription;

/// A venue as a transport sees it: its [`Protocol`], addresses, messages and limits.
///
/// An implementation has no socket and no clock either. `docs/adding-a-venue.md` describes how to write one.
pub trait Venue: fmt::Debug + Send {
    /// The name in the configuration, in logs and metrics: lower-case letters.
    fn name(&self) -> &'static str;

    /// The protocol.
    fn protocol(&self) -> &dyn Protocol;

    /// The protocol.
    fn protocol_mut(&mut self) -> &mut dyn Protocol;

    /// The symbols and channels.
    fn subscription(&self) -> &Subscription;

    /// The session of a venue that is reached over TCP. The default is `None`, for venues with WebSocket.
    fn session(&mut self) -> Option<&mut dyn StreamSession> {
        None
    }

    /// The address of the WebSocket: `wss://…`, or `ws://…` without TLS. With a [`session`](Self::session):
    /// `tls://host:port`, or `tcp://host:port` without TLS.
    fn address(&self) -> String;

    /// The messages that subscribe to everything, in their order. They are sent after each opening.
    fn subscribe(&self) -> Vec<String>;

    /// The messages that end the subscription to the book of `symbol` and begin it again.
    fn resubscribe(&self, symbol: &str) -> Vec<String>;

    /// The symbols whose books are subscribed. The default is all symbols of the subscription if it has books.
    fn book_symbols(&self) -> Vec<String> {
        match self.subscription().book_depth() {
            Some(_) => self.subscription().symbols.clone(),
            None => Vec::new(),
        }
    }

    /// Whether the changes of the best levels of a book are quotes, since the venue has no better ones.
    fn has_quotes_in_books(&self) -> bool {
        false
    }

    /// The address of the snapshot of a book. The default is empty, for venues that send snapshots after a
    /// subscription.
    fn snapshot_address(&self, _symbol: &str) -> String {
        String::new()
    }

    /// Passes the body of the snapshot of `symbol` to the protocol. The default ignores it.
    ///
    /// # Errors
    /// The body is not a snapshot.
    fn snapshot(
        &mut self,
        _symbol: &str,
        _body: Frame<'_>,
        _sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        Ok(())
    }

    /// The same venue with another protocol, for a connection that is opened before the end of the present one. The
    /// default is `None`, for venues that allow one connection only.
    fn successor(&self) -> Option<Box<dyn Venue>> {
        None
    }

    /// Where the instruments are listed.
    fn instruments(&self) -> InstrumentSource;

    /// Trades of the past, which fill gaps. The default is `None`, for venues that offer none.
    fn trade_history(&self) -> Option<TradeHistory> {
        None
    }

    /// Lists the instruments on each connection, and at this interval, as
    /// [`FeedEvent::InstrumentsListed`](crate::FeedEvent::InstrumentsListed) after the last one. Returns whether the
    /// venue does this. The default is `false`, for venues whose instruments are read over other connections.
    fn list_every(&mut self, _every: Duration) -> bool {
        false
    }

    /// How often a client may send, and when the venue ends a connection.
    fn limits(&self) -> Limits;
}

/// An instrument as it is listed, or the reason why it cannot be used.
pub type InstrumentResult = Result<ListedInstrument, RefusedInstrument>;

/// Where a venue lists its instruments.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum InstrumentSource {
    /// The body of an HTTP address.
    Http {
        /// The address.
        address: String,
        /// Reads the body.
        read: fn(&str) -> Result<Vec<InstrumentResult>, ProtocolError>,
    },
    /// The subscription to [`Channel::Instruments`](crate::Channel::Instruments) brings them, as
    /// [`FeedEvent::Instrument`](crate::FeedEvent::Instrument).
    Channel,
}

/// A number of actions in each interval of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// The largest number of actions. 0 counts as 1.
    pub count: usize,
    /// The length of the interval.
    pub per: Duration,
}

impl Rate {
    /// At most `count` actions in any interval of `per`.
    #[must_use]
    pub const fn new(count: usize, per: Duration) -> Self {
        Self { count, per }
    }
}

/// The limits of a venue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Limits of messages to the venue on one connection. All of them apply.
    pub messages: Vec<Rate>,
    /// Limits of HTTP requests. All of them apply.
    pub requests: Vec<Rate>,
    /// The age at which a connection is replaced, which is less than that at which the venue ends it. `None`
    /// if the venue sets no limit.
    pub max_age: Option<Duration>,
    /// The text that asks for an answer. `None` if the venue answers the pings of WebSocket.
    pub ping: Option<&'static str>,
}

impl Limits {
    /// Limits of messages and requests. Connections have no largest age, and the pings of WebSocket are used.
    #[must_use]
    pub fn new(
        messages: impl IntoIterator<Item = Rate>,
        requests: impl IntoIterator<Item = Rate>,
    ) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            requests: requests.into_iter().collect(),
            max_age: None,
            ping: None,
        }
    }

    /// Replaces a connection at this age.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sends this text instead of the pings of WebSocket.
    #[must_use]
    pub fn with_ping(mut self, ping: &'static str) -> Self {
        self.ping = Some(ping);
        self
    }
}

/// The addresses of a venue, without paths.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The WebSocket, such as `wss://ws.kraken.com`.
    pub websocket: String,
    /// HTTP, such as `https://www.okx.com`.
    pub http: String,
}

impl Endpoints {
    /// The addresses of a venue, or of a server that replays its messages.
    #[must_use]
    pub fn new(websocket: impl Into<String>, http: impl Into<String>) -> Self {
        Self {
            websocket: websocket.into(),
            http: http.into(),
        }
    }
}
