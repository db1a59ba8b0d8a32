//! The events of a transport, and their receiver.

use std::fmt;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use tickbook::domain::book::StaleReason;

use super::connect::ConnectError;
use super::http::FetchError;
use crate::error::ProtocolError;
use crate::event::FeedEvent;
use crate::protocol::Frame;
use crate::stream::StreamEnd;

/// An event of a transport.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportEvent<'a> {
    /// A connection is open. Every book is syncing.
    Opened {
        /// The address.
        address: &'a str,
        /// The time.
        at: DateTime<Utc>,
    },
    /// Another connection, which was opened before, has replaced the open one without a loss. What it has received so far
    /// follows, without the trades and quotes of the old one, and then its books.
    Renewed {
        /// The address.
        address: &'a str,
        /// The time.
        at: DateTime<Utc>,
    },
    /// A message is sent to the venue.
    Sent {
        /// The text.
        text: &'a str,
        /// The time.
        at: DateTime<Utc>,
    },
    /// A message arrived. The events of the protocol that it causes follow.
    Message(Frame<'a>),
    /// The snapshot of a book arrived over HTTP. The events of the protocol that it causes follow.
    Answer {
        /// The address.
        address: &'a str,
        /// The body.
        body: Frame<'a>,
    },
    /// An event of the protocol, except [`FeedEvent::Request`].
    Feed(FeedEvent<'a>),
    /// A message or a snapshot was not applied.
    Refused(&'a ProtocolError),
    /// The snapshot of a book cannot be fetched; it is fetched again later.
    SnapshotFailed {
        /// The symbol.
        symbol: &'a str,
        /// The reason.
        error: &'a FetchError,
    },
    /// A connection ended. No book is valid.
    Ended(&'a ConnectionEnd),
    /// No connection was opened.
    ConnectFailed {
        /// The address.
        address: &'a str,
        /// The reason.
        error: &'a ConnectError,
    },
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It reached its largest age, or the venue announced its end. `planned`
    Planned,
    /// Nothing arrived for too long. `silence`
    Silence,
    /// The protocol lost a message that only another connection brings back. `lost`
    Lost,
    /// The venue closed it. `closed`
    Closed,
    /// It broke. `failed`
    Failed,
}

impl EndReason {
    /// All reasons.
    pub const ALL: &'static [Self] = &[
        Self::Planned,
        Self::Silence,
        Self::Lost,
        Self::Closed,
        Self::Failed,
    ];

    /// The name, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Silence => "silence",
            Self::Lost => "lost",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }
}

impl From<StreamEnd> for EndReason {
    fn from(end: StreamEnd) -> Self {
        match end {
            StreamEnd::Closed => Self::Closed,
            StreamEnd::Silence => Self::Silence,
            StreamEnd::Lost => Self::Lost,
            StreamEnd::Planned => Self::Planned,
        }
    }
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionEnd {
    /// The reason.
    pub reason: EndReason,
    /// A description, such as the error.
    pub detail: String,
}

impl ConnectionEnd {
    pub(crate) fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    /// The reason of the books that become stale.
    pub(crate) fn stale_reason(&self) -> StaleReason {
        match self.reason {
            EndReason::Silence => StaleReason::Silence,
            _ => StaleReason::Disconnected,
        }
    }
}

/// `<reason>: <detail>`
impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

/// Receives the events of a transport.
pub trait Receiver: Send {
    /// Takes an event, in the order of the connection.
    fn event(&mut self, event: TransportEvent<'_>);

    /// Waits until further events can be taken. The transport calls it after each message and reads nothing
    /// meanwhile, so that a slow receiver slows the venue. [`ControlFlow::Break`] ends the transport.
    fn ready(&mut self) -> impl Future<Output = ControlFlow<()>> + Send;
}
