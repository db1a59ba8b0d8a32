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
    pub bid_price: Decimal,
    /// See [`Tick::ask_price`].
    pub ask_price: Decimal,
    /// See [`Tick::bid_volume`]; 0 where the file does not say.
    pub bid_volume: Decimal,
    /// See [`Tick::ask_volume`]; 0 where the file does not say.
    pub ask_volume: Decimal,
    /// See [`Tick::received_at`]; `None` where the file does not say.
    pub received_at: Option<DateTime<Utc>>,
}

impl Quote {
    /// The tick of `symbol_id`; its sequence is 0 where the file has none, to be assigned by a
    /// [`SequenceAssigner`](crate::ingest::SequenceAssigner).
    #[must_use]
    pub fn into_tick(self, symbol_id: SymbolId) -> Tick {
        Tick {
            sequence: self.sequence.unwrap_or(0),
            bid_volume: self.bid_volume,
            ask_volume: self.ask_volume,
            received_at: self.received_at,
            ..Tick::quote(symbol_id, self.tick_time, self.bid_price, self.ask_price)
        }
    }
}
