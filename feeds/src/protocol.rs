//! The interface that the protocols of all venues have.

use std::fmt;

use chrono::{DateTime, Utc};
use tickbook::domain::book::OrderBook;

use crate::error::ProtocolError;
use crate::event::FeedEvent;

/// A text that a venue sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// The text of the message.
    pub text: &'a str,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
}

impl<'a> Frame<'a> {
    /// A text and the time of its receipt.
    #[must_use]
    pub fn new(text: &'a str, received_at: DateTime<Utc>) -> Self {
        Self { text, received_at }
    }
}

/// Receives the events of a frame, in their order.
pub type EventSink<'s> = dyn FnMut(FeedEvent<'_>) + 's;

/// One connection to a venue, without socket and clock.
///
/// The transport calls [`opened`](Self::opened) when a connection is open, [`receive`](Self::receive) for each
/// text of it, and [`closed`](Self::closed) at its end.
pub trait Protocol: fmt::Debug {
    /// Begins a connection. Every book is syncing.
    fn opened(&mut self);

    /// Applies a frame and passes the events of it to `sink`.
    ///
    /// # Errors
    /// A frame that was not applied. After [`ProtocolError::Unreadable`] every valid book is stale, since the
    /// frame may have been an update of any of them. Other errors leave the books as they were.
    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError>;

    /// Ends a connection. Every valid book becomes stale.
    fn closed(&mut self, sink: &mut EventSink<'_>);

    /// The book of a symbol; `None` for a symbol that the protocol was not created with.
    fn book(&self, symbol: &str) -> Option<&OrderBook>;
}
