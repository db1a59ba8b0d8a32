//! The interface that the protocols of all venues have.

use std::fmt;

use chrono::{DateTime, Utc};
use tickbook::domain::book::{OrderBook, StaleReason};

use crate::error::ProtocolError;
use crate::event::{FeedEvent, Request};

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
pub trait Protocol: fmt::Debug + Send {
    /// Begins a connection. Every book is syncing.
    fn opened(&mut self);

    /// Applies a frame and passes the events of it to `sink`.
    ///
    /// # Errors
    /// A frame that was not applied. After [`ProtocolError::Unreadable`] every valid book is stale, since the
    /// frame may have been an update of any of them. Other errors leave the books as they were.
    fn receive(&mut self, frame: Frame<'_>, sink: &mut EventSink<'_>) -> Result<(), ProtocolError>;

    /// Ends a connection. Every valid book becomes stale with `reason`: [`StaleReason::Disconnected`], or
    /// [`StaleReason::Silence`] if the venue sent nothing for too long.
    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>);

    /// Requests again what makes the book of `symbol` valid, since it has not been valid for too long: an answer
    /// of the venue may be lost. Does nothing for a valid book and for an unknown symbol.
    fn resync(&mut self, symbol: &str, sink: &mut EventSink<'_>) {
        let is_waiting = |book: &OrderBook| !book.state().is_valid();
        if self.book(symbol).is_some_and(is_waiting) {
            sink(FeedEvent::Request(Request::Resubscribe { symbol }));
        }
    }

    /// The book of a symbol; `None` for a symbol that the protocol was not created with.
    fn book(&self, symbol: &str) -> Option<&OrderBook>;

    /// The symbols that have a book, by name.
    fn symbols(&self) -> Vec<&str>;
}
