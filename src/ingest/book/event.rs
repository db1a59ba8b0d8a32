//! What feeds send about order books.

use chrono::{DateTime, Utc};

use crate::domain::SymbolId;
use crate::domain::book::{LevelChange, OrderBook, StaleReason};

/// A change of the order book of one symbol, in the order of the venue.
///
/// The first event of a symbol is a snapshot. Levels change the book that the last snapshot and all levels since
/// then have made. After `Stale` the book is not used until its next snapshot.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use tickbook::domain::SymbolId;
/// use tickbook::domain::book::{BookNumber, LevelChange, OrderBook, StaleReason};
/// use tickbook::ingest::book::BookEvent;
///
/// let (symbol, start) = (SymbolId::new(7), DateTime::UNIX_EPOCH);
/// let bid = LevelChange::new(BookNumber::parse("0.3521")?, BookNumber::parse("672")?);
/// let mut book = OrderBook::new();
/// book.load(&[bid], &[])?;
/// let events = [
///     BookEvent::snapshot(symbol, start, &book).with_sequence(11),
///     BookEvent::levels(symbol, start + TimeDelta::milliseconds(5), &[bid], &[]).with_sequence(12),
///     BookEvent::stale(symbol, start + TimeDelta::seconds(30), StaleReason::Silence),
/// ];
/// assert_eq!(events[1].sequence, Some(12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BookEvent {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time of the message at the venue, or of its receipt if it states none; of a stale book the time at which
    /// the feed noticed it.
    pub time: DateTime<Utc>,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The number of the message, if the venue numbers them.
    pub sequence: Option<i64>,
    /// The venue's checksum of the book after the message, if the message has one.
    pub checksum: Option<i64>,
    /// The change of the message.
    pub content: BookContent,
}

/// The content of a [`BookEvent`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BookContent {
    /// The whole book, which is valid.
    Snapshot(Box<OrderBook>),
    /// The new quantities of some prices; 0 removes a level.
    Levels {
        /// Prices of bids.
        bids: Vec<LevelChange>,
        /// Prices of asks.
        asks: Vec<LevelChange>,
    },
    /// The levels may differ from those of the venue.
    Stale(StaleReason),
}

impl BookEvent {
    /// The book as the venue sent it, with its precision and depth.
    #[must_use]
    pub fn snapshot(symbol_id: SymbolId, time: DateTime<Utc>, book: &OrderBook) -> Self {
        Self::new(
            symbol_id,
            time,
            BookContent::Snapshot(Box::new(book.clone())),
        )
    }

    /// The levels that a message changed.
    #[must_use]
    pub fn levels(
        symbol_id: SymbolId,
        time: DateTime<Utc>,
        bids: &[LevelChange],
        asks: &[LevelChange],
    ) -> Self {
        let (bids, asks) = (bids.to_vec(), asks.to_vec());
        Self::new(symbol_id, time, BookContent::Levels { bids, asks })
    }

    /// The book is stale, which the feed noticed at `time`.
    #[must_use]
    pub fn stale(symbol_id: SymbolId, time: DateTime<Utc>, reason: StaleReason) -> Self {
        Self::new(symbol_id, time, BookContent::Stale(reason))
    }

    fn new(symbol_id: SymbolId, time: DateTime<Utc>, content: BookContent) -> Self {
        Self {
            symbol_id,
            time,
            received_at: time,
            sequence: None,
            checksum: None,
            content,
        }
    }

    /// Returns this event with the number of the message.
    #[must_use]
    pub fn with_sequence(mut self, sequence: impl Into<Option<i64>>) -> Self {
        self.sequence = sequence.into();
        self
    }

    /// Returns this event with the venue's checksum of the book after the message.
    #[must_use]
    pub fn with_checksum(mut self, checksum: impl Into<Option<i64>>) -> Self {
        self.checksum = checksum.into();
        self
    }

    /// Returns this event with another time of receipt.
    #[must_use]
    pub fn with_received_at(mut self, received_at: DateTime<Utc>) -> Self {
        self.received_at = received_at;
        self
    }
}
