//! A quote as a file has it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{SymbolId, Tick};

/// A quote of a file that speaks of one symbol without saying which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quote {
    /// The number of its line in the entry, counted from 1.
    pub line: u64,
    /// When it happened, UTC, cut to whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The venue's own number within the instant, where the file has one.
    pub sequence: Option<i64>,
    /// See [`Tick::bid_price`].
    pub bid_price: Option<Decimal>,
    /// See [`Tick::ask_price`].
    pub ask_price: Option<Decimal>,
    /// See [`Tick::bid_volume`]; `None` where the file does not say.
    pub bid_volume: Option<Decimal>,
    /// See [`Tick::ask_volume`]; `None` where the file does not say.
    pub ask_volume: Option<Decimal>,
    /// See [`Tick::received_at`]; `None` where the file does not say.
    pub received_at: Option<DateTime<Utc>>,
}

impl Quote {
    /// The tick of `symbol_id`; where the file has no sequence, an
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter) has to count it.
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
