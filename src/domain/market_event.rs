//! What ticks and trades have in common: identity, occurrence, content.

use std::error::Error;
use std::fmt::Debug;
use std::hash::Hash;

use chrono::{DateTime, Utc};

use super::symbol_id::SymbolId;

/// A tick or a trade: an event of one symbol at one instant.
///
/// Two events with the same [`key`](Self::key) are duplicates if [`has_content_of`](Self::has_content_of)
/// holds, otherwise they conflict. An unsequenced event has an [`occurrence`](Self::occurrence) and never
/// conflicts.
pub trait MarketEvent: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// The identity: symbol, time, and sequence within that instant, ordered in this way.
    type Key: Debug + Copy + Ord + Hash + Send + Sync + 'static;

    /// The part that two deliveries of one event have in common, compared by value.
    type Content: Debug + Clone + Eq + Hash + Send + Sync + 'static;

    /// Why an event cannot be stored.
    type Invalid: Error;

    /// The key of an event of that symbol, time and sequence.
    fn key_of(symbol_id: SymbolId, time: DateTime<Utc>, sequence: i64) -> Self::Key;

    /// The symbol.
    fn symbol_id(&self) -> SymbolId;

    /// The time at the venue.
    fn time(&self) -> DateTime<Utc>;

    /// The order within the instant.
    fn sequence(&self) -> i64;

    /// `Some` for an unsequenced event: the number of equal events of its instant that its source sent before
    /// it.
    fn occurrence(&self) -> Option<u32>;

    /// Sets the symbol.
    fn set_symbol_id(&mut self, symbol_id: SymbolId);

    /// Sets the sequence and the occurrence.
    fn number(&mut self, sequence: i64, occurrence: Option<u32>);

    /// The content.
    fn content(&self) -> Self::Content;

    /// Returns the event in the form in which it is stored.
    ///
    /// # Errors
    /// An event that can never be stored.
    fn normalized(&self) -> Result<Self, Self::Invalid>;

    /// The key.
    fn key(&self) -> Self::Key {
        Self::key_of(self.symbol_id(), self.time(), self.sequence())
    }

    /// Whether the contents are equal.
    fn has_content_of(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}
