//! A quote as read from a file.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{SymbolId, Tick};

/// A quote of a file. The file does not contain its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quote {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// The time, UTC, truncated to whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The venue's number within the instant, if the file contains one.
    pub sequence: Option<i64>,
    /// See [`Tick::bid_price`].
    pub bid_price: Option<Decimal>,
    /// See [`Tick::ask_price`].
    pub ask_price: Option<Decimal>,
    /// See [`Tick::bid_volume`]; `None` if the file does not contain it.
    pub bid_volume: Option<Decimal>,
    /// See [`Tick::ask_volume`]; `None` if the file does not contain it.
    pub ask_volume: Option<Decimal>,
    /// See [`Tick::received_at`]; `None` if the file does not contain it.
    pub received_at: Option<DateTime<Utc>>,
}

impl Quote {
    /// Converts the quote into a tick of `symbol_id`. If the file has no sequence, an
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter) must assign its occurrence.
    #[must_use]
    pub fn into_tick(self, symbol_id: SymbolId) -> Tick {
        Tick::new(symbol_id, self.tick_time)
            .with_bid(self.bid_price)
            .with_ask(self.ask_price)
            .with_sequence(self.sequence.unwrap_or(0))
            .with_volumes(self.bid_volume, self.ask_volume)
            .with_received_at(self.received_at)
    }
}
