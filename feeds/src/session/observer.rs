//! The reports of a replay besides its counts.

use chrono::{DateTime, Utc};

use crate::event::FeedEvent;

/// An event of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// A connection was opened, or the first message of a file arrived. Every book is syncing.
    Opened {
        /// The time.
        at: DateTime<Utc>,
    },
    /// A message arrived. The events of the protocol that it causes follow.
    Received {
        /// The time.
        at: DateTime<Utc>,
    },
    /// An event of the protocol.
    Feed(&'a FeedEvent<'a>),
    /// The file ended, and its connection with it. Its books are as the last message has left them.
    Ended,
}

/// Receives the events of a replay, in their order.
pub type Observer<'s> = dyn FnMut(SessionEvent<'_>) + 's;
