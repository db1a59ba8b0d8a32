//! Sessions over TCP.

use std::fmt;
use std::time::Instant;

use crate::error::ProtocolError;
use crate::event::FeedEvent;
use crate::protocol::Frame;

/// An event of a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamEvent<'a> {
    /// A message of the venue, before its events, in the order in which the session uses them. Messages of the session
    /// itself are among them, and passwords are left out.
    Message(Frame<'a>),
    /// An event of the protocol or of the session.
    Feed(FeedEvent<'a>),
    /// A message was not applied.
    Refused(ProtocolError),
}

/// Receives the events of a session, in their order.
pub type StreamSink<'s> = dyn FnMut(StreamEvent<'_>) + 's;

/// The session of a venue that is reached over TCP instead of WebSocket, without a socket.
///
/// The transport calls [`opened`](Self::opened) when a connection is open, [`receive`](Self::receive) for its bytes,
/// [`tick`](Self::tick) at the [`deadline`](Self::deadline), writes [`take_output`](Self::take_output) after each of
/// them, and closes the connection when there is an [`end`](Self::end). The session has its own heartbeats: the
/// transport sends no pings.
pub trait StreamSession: fmt::Debug + Send {
    /// A connection is open.
    fn opened(&mut self, now: Instant);

    /// Reads bytes that arrived.
    fn receive(&mut self, bytes: &[u8], now: Instant, sink: &mut StreamSink<'_>);

    /// Does what is due.
    fn tick(&mut self, now: Instant, sink: &mut StreamSink<'_>);

    /// Whether messages of the venue may be sent.
    fn is_ready(&self) -> bool;

    /// Sends a message of [`Venue::subscribe`](crate::Venue::subscribe) or [`Venue::resubscribe`](crate::Venue::resubscribe).
    fn send(&mut self, message: &str, now: Instant);

    /// Further messages to send, at the rate of the venue.
    fn take_messages(&mut self) -> Vec<String>;

    /// Bytes to write.
    fn take_output(&mut self) -> Option<Vec<u8>>;

    /// The time of the next [`tick`](Self::tick), if nothing arrives before.
    fn deadline(&self) -> Option<Instant>;

    /// Why the connection has to be closed.
    fn end(&self) -> Option<(StreamEnd, String)>;

    /// Says goodbye to the venue. The connection is closed afterwards.
    fn log_out(&mut self, now: Instant);

    /// The connection ended.
    fn closed(&mut self);
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StreamEnd {
    /// The venue ended it, or refused it.
    Closed,
    /// The venue did not answer.
    Silence,
    /// A message is missing, or against the rules of the session.
    Lost,
    /// This side ended it.
    Planned,
}
