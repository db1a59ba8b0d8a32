//! Updates of a book, as they are stored.

use chrono::{DateTime, Utc};

use super::invalid_book::InvalidBook;
use super::key::BookKey;
use super::level::BookSide;
use super::price_level::{PriceLevel, stored_changes};
use crate::domain::invalid_identity::Identity;
use crate::domain::market_event::MarketEvent;
use crate::domain::symbol_id::SymbolId;

/// The content of an update, compared by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BookUpdateContent([Vec<PriceLevel>; 2]);

/// The changes of a book at one instant.
///
/// Two updates with the same [`BookKey`] are duplicates if their changes are equal in value, otherwise they
/// conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookUpdate {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time of the message at the venue, UTC; stored in whole microseconds. Times of one symbol do not
    /// decrease in the order of the venue.
    pub update_time: DateTime<Utc>,
    /// The number that the venue gave the message, or the position within the instant. Never negative.
    pub sequence: i64,
    /// The new quantities of bids; 0 removes a level. Stored with the highest price first.
    pub bids: Vec<PriceLevel>,
    /// The new quantities of asks; 0 removes a level. Stored with the lowest price first.
    pub asks: Vec<PriceLevel>,
}

impl BookUpdate {
    /// An update with sequence 0 that changes nothing.
    #[must_use]
    pub fn new(symbol_id: SymbolId, update_time: DateTime<Utc>) -> Self {
        Self {
            symbol_id,
            update_time,
            sequence: 0,
            bids: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Returns this update with another symbol.
    #[must_use]
    pub fn with_symbol_id(mut self, symbol_id: SymbolId) -> Self {
        self.symbol_id = symbol_id;
        self
    }

    /// Returns this update with another time.
    #[must_use]
    pub fn with_update_time(mut self, update_time: DateTime<Utc>) -> Self {
        self.update_time = update_time;
        self
    }

    /// Returns this update with another sequence.
    #[must_use]
    pub fn with_sequence(mut self, sequence: i64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns this update with other changes of bids.
    #[must_use]
    pub fn with_bids(mut self, bids: Vec<PriceLevel>) -> Self {
        self.bids = bids;
        self
    }

    /// Returns this update with other changes of asks.
    #[must_use]
    pub fn with_asks(mut self, asks: Vec<PriceLevel>) -> Self {
        self.asks = asks;
        self
    }

    /// The changes of a side.
    #[must_use]
    pub fn side(&self, side: BookSide) -> &[PriceLevel] {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    /// Returns the identity.
    #[must_use]
    pub fn key(&self) -> BookKey {
        MarketEvent::key(self)
    }

    /// Whether the changes are equal in value.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        MarketEvent::has_content_of(self, other)
    }

    /// Returns the update in the form in which it is stored: the time truncated to microseconds, the best price
    /// of each side first, numbers without trailing zeros.
    ///
    /// # Errors
    /// An invalid update: a symbol id below 1, a time before 1970 or from 2100 on, a leap second, a negative
    /// sequence, a price that occurs twice, a negative quantity, more than 2,000 changes of a side, or a number
    /// that does not fit `NUMERIC(27,12)` exactly.
    pub fn normalized(&self) -> Result<Self, InvalidBook> {
        let identity = Identity {
            symbol_id: self.symbol_id,
            time: self.update_time,
            received_at: None,
            sequence: self.sequence,
            occurrence: None,
        };
        Ok(Self {
            symbol_id: self.symbol_id,
            update_time: identity.normalized("update_time", "updates")?.time,
            sequence: self.sequence,
            bids: stored_changes(BookSide::Bid, &self.bids)?,
            asks: stored_changes(BookSide::Ask, &self.asks)?,
        })
    }
}

impl MarketEvent for BookUpdate {
    type Key = BookKey;
    type Content = BookUpdateContent;
    type Invalid = InvalidBook;

    fn key_of(symbol_id: SymbolId, time: DateTime<Utc>, sequence: i64) -> BookKey {
        BookKey {
            symbol_id,
            time,
            sequence,
        }
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn set_symbol_id(&mut self, symbol_id: SymbolId) {
        self.symbol_id = symbol_id;
    }

    fn time(&self) -> DateTime<Utc> {
        self.update_time
    }

    fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Updates always have a sequence.
    fn occurrence(&self) -> Option<u32> {
        None
    }

    fn number(&mut self, sequence: i64, _: Option<u32>) {
        self.sequence = sequence;
    }

    fn content(&self) -> BookUpdateContent {
        BookUpdateContent([self.bids.clone(), self.asks.clone()])
    }

    fn normalized(&self) -> Result<Self, InvalidBook> {
        Self::normalized(self)
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.bids == other.bids && self.asks == other.asks
    }
}
