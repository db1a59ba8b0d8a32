//! Snapshots of a book, as they are stored.

use chrono::{DateTime, Utc};

use super::invalid_book::{InvalidBook, MAX_SOURCE_CHARS, MAX_STORED_LEVELS};
use super::key::BookKey;
use super::level::BookSide;
use super::price_level::{PriceLevel, check_uncrossed, stored_levels};
use super::update::BookUpdate;
use super::view::BookView;
use crate::domain::excerpt::excerpt;
use crate::domain::invalid_identity::Identity;
use crate::domain::market_event::MarketEvent;
use crate::domain::symbol_id::SymbolId;

/// The content of a snapshot, compared by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BookSnapshotContent {
    sides: [Vec<PriceLevel>; 2],
    depth: usize,
    checksum: Option<i64>,
    source: String,
    valid_since: DateTime<Utc>,
}

/// The best levels of a valid book at one instant.
///
/// A snapshot has the state after all updates up to its time and sequence. Two snapshots with the same
/// [`BookKey`] are duplicates if all other fields are equal in value, otherwise they conflict.
///
/// # Examples
/// ```
/// use chrono::DateTime;
/// use tickbook::domain::SymbolId;
/// use tickbook::domain::book::{BookSnapshot, BookUpdate, PriceLevel};
///
/// let time = DateTime::from_timestamp_micros(1_398_902_400_292_000).expect("a time");
/// let level = |price: i64, quantity: i64| PriceLevel::new(price.into(), quantity.into());
/// let mut book = BookSnapshot::new(SymbolId::new(7), time, "kraken")
///     .with_bids(vec![level(99, 5), level(98, 2)])
///     .with_asks(vec![level(101, 4)]);
/// assert!(book.normalized().is_ok());
///
/// let update = BookUpdate::new(SymbolId::new(7), time)
///     .with_sequence(1)
///     .with_bids(vec![level(99, 0), level(100, 1)]);
/// book.apply(&update)?;
/// assert_eq!(book.bids, [level(100, 1), level(98, 2)]);
/// # Ok::<(), tickbook::domain::book::InvalidBook>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookSnapshot {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time of the last message that the book includes, UTC; stored in whole microseconds.
    pub snapshot_time: DateTime<Utc>,
    /// The number that the venue gave that message, or the position within the instant. Never negative.
    pub sequence: i64,
    /// The bids, the highest price first; at most [`depth`](Self::depth).
    pub bids: Vec<PriceLevel>,
    /// The asks, the lowest price first; at most [`depth`](Self::depth).
    pub asks: Vec<PriceLevel>,
    /// The number of levels of each side that were stored if the book had them, 1 to
    /// [`MAX_STORED_LEVELS`]. A side with fewer levels is complete.
    pub depth: usize,
    /// The venue's checksum of the book; `None` if it has none.
    pub checksum: Option<i64>,
    /// The name of the feed or program that made the snapshot, 1 to 50 printable characters.
    pub source: String,
    /// The time since which the book was valid without interruption, at most `snapshot_time`.
    pub valid_since: DateTime<Utc>,
}

impl BookSnapshot {
    /// An empty book with sequence 0 and the largest depth, valid since `snapshot_time`.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        snapshot_time: DateTime<Utc>,
        source: impl Into<String>,
    ) -> Self {
        Self {
            symbol_id,
            snapshot_time,
            sequence: 0,
            bids: Vec::new(),
            asks: Vec::new(),
            depth: MAX_STORED_LEVELS,
            checksum: None,
            source: source.into(),
            valid_since: snapshot_time,
        }
    }

    /// Returns this snapshot with the best `depth` levels of a live book.
    #[must_use]
    pub fn with_view(mut self, view: BookView<'_>, depth: usize) -> Self {
        self.depth = depth;
        self.bids = best_levels(view, BookSide::Bid, depth);
        self.asks = best_levels(view, BookSide::Ask, depth);
        self
    }

    /// Returns this snapshot with another symbol.
    #[must_use]
    pub fn with_symbol_id(mut self, symbol_id: SymbolId) -> Self {
        self.symbol_id = symbol_id;
        self
    }

    /// Returns this snapshot with another time.
    #[must_use]
    pub fn with_snapshot_time(mut self, snapshot_time: DateTime<Utc>) -> Self {
        self.snapshot_time = snapshot_time;
        self
    }

    /// Returns this snapshot with another sequence.
    #[must_use]
    pub fn with_sequence(mut self, sequence: i64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns this snapshot with other bids, the highest price first.
    #[must_use]
    pub fn with_bids(mut self, bids: Vec<PriceLevel>) -> Self {
        self.bids = bids;
        self
    }

    /// Returns this snapshot with other asks, the lowest price first.
    #[must_use]
    pub fn with_asks(mut self, asks: Vec<PriceLevel>) -> Self {
        self.asks = asks;
        self
    }

    /// Returns this snapshot with another depth. The levels stay.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// Returns this snapshot with another checksum. `None` means that the venue has none.
    #[must_use]
    pub fn with_checksum(mut self, checksum: impl Into<Option<i64>>) -> Self {
        self.checksum = checksum.into();
        self
    }

    /// Returns this snapshot with another start of its validity.
    #[must_use]
    pub fn with_valid_since(mut self, valid_since: DateTime<Utc>) -> Self {
        self.valid_since = valid_since;
        self
    }

    /// The levels of a side, the best one first.
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

    /// Whether all fields besides the identity are equal in value.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        MarketEvent::has_content_of(self, other)
    }

    /// Removes all but the best `depth` levels of each side. Cutting again to the same or a larger depth changes
    /// nothing.
    pub fn cut(&mut self, depth: usize) {
        self.bids.truncate(depth);
        self.asks.truncate(depth);
        self.depth = self.depth.min(depth);
    }

    /// Applies the next update of the symbol: sets the quantities of its prices, removes those with quantity 0,
    /// and cuts the book to its depth. The book then has the time and sequence of the update, and no checksum.
    ///
    /// Updates of a book of limited depth must list the levels that move into the depth from below it.
    ///
    /// # Errors
    /// An update of another symbol or not after the book, and one that crosses the book. The book must not be
    /// used then.
    pub fn apply(&mut self, update: &BookUpdate) -> Result<(), InvalidBook> {
        if update.symbol_id != self.symbol_id || update.key() <= self.key() {
            return Err(InvalidBook::NotAfter {
                update_time: update.update_time,
                sequence: update.sequence,
            });
        }
        for (side, levels) in [
            (BookSide::Bid, &mut self.bids),
            (BookSide::Ask, &mut self.asks),
        ] {
            for change in update.side(side) {
                set(side, levels, *change);
            }
            levels.truncate(self.depth);
        }
        (self.snapshot_time, self.sequence) = (update.update_time, update.sequence);
        self.checksum = None;
        check_uncrossed(&self.bids, &self.asks)
    }

    /// Checks that the levels are sorted, have quantities, and do not cross, as those of
    /// [`normalized`](Self::normalized) do.
    #[cfg(feature = "postgres")]
    pub(crate) fn check_levels(&self) -> Result<(), InvalidBook> {
        for side in [BookSide::Bid, BookSide::Ask] {
            stored_levels(side, self.side(side))?;
        }
        check_uncrossed(&self.bids, &self.asks)
    }

    /// Returns the snapshot in the form in which it is stored: times truncated to microseconds, numbers without
    /// trailing zeros.
    ///
    /// # Errors
    /// An invalid snapshot: a symbol id below 1, a time before 1970 or from 2100 on, a leap second, a negative
    /// sequence, a crossed book, levels that are not sorted, a price that occurs twice, a quantity of zero or
    /// less, more levels than the depth or than 1,000, a number that does not fit `NUMERIC(27,12)` exactly, a
    /// source that is empty, longer than 50 characters or not printable, or a validity that begins after the
    /// snapshot.
    pub fn normalized(&self) -> Result<Self, InvalidBook> {
        let identity = Identity {
            symbol_id: self.symbol_id,
            time: self.snapshot_time,
            received_at: None,
            sequence: self.sequence,
            occurrence: None,
        };
        let snapshot_time = identity.normalized("snapshot_time", "snapshots")?.time;
        let since = Identity {
            time: self.valid_since,
            ..identity
        };
        let valid_since = since.normalized("valid_since", "snapshots")?.time;
        if valid_since > snapshot_time {
            return Err(InvalidBook::ValidSince {
                valid_since,
                snapshot_time,
            });
        }
        check_depth(self.depth)?;
        let chars = self.source.chars();
        if self.source.is_empty()
            || chars.clone().count() > MAX_SOURCE_CHARS
            || chars.clone().any(char::is_control)
        {
            return Err(InvalidBook::Source(excerpt(&self.source)));
        }
        let bids = stored_levels(BookSide::Bid, &self.bids)?;
        let asks = stored_levels(BookSide::Ask, &self.asks)?;
        for (side, levels) in [(BookSide::Bid, &bids), (BookSide::Ask, &asks)] {
            if levels.len() > self.depth {
                return Err(InvalidBook::BeyondDepth {
                    side,
                    count: levels.len(),
                    depth: self.depth,
                });
            }
        }
        check_uncrossed(&bids, &asks)?;
        Ok(Self {
            symbol_id: self.symbol_id,
            snapshot_time,
            sequence: self.sequence,
            bids,
            asks,
            depth: self.depth,
            checksum: self.checksum,
            source: self.source.clone(),
            valid_since,
        })
    }
}

/// Checks that a depth is 1 to [`MAX_STORED_LEVELS`].
pub(crate) fn check_depth(depth: usize) -> Result<(), InvalidBook> {
    match depth {
        1..=MAX_STORED_LEVELS => Ok(()),
        _ => Err(InvalidBook::Depth(depth)),
    }
}

fn best_levels(view: BookView<'_>, side: BookSide, depth: usize) -> Vec<PriceLevel> {
    let levels = view.decimals(side).take(depth);
    levels
        .map(|(price, quantity)| PriceLevel::new(price, quantity))
        .collect()
}

/// Sets the quantity at a price of sorted levels; 0 removes the level.
fn set(side: BookSide, levels: &mut Vec<PriceLevel>, change: PriceLevel) {
    let found = levels.binary_search_by(|level| side.order(level.price, change.price));
    match found {
        Ok(at) if change.quantity.is_zero() => {
            levels.remove(at);
        }
        Ok(at) => levels[at].quantity = change.quantity,
        Err(_) if change.quantity.is_zero() => {}
        Err(at) => levels.insert(at, change),
    }
}

impl MarketEvent for BookSnapshot {
    type Key = BookKey;
    type Content = BookSnapshotContent;
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
        self.snapshot_time
    }

    fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Snapshots always have a sequence.
    fn occurrence(&self) -> Option<u32> {
        None
    }

    fn number(&mut self, sequence: i64, _: Option<u32>) {
        self.sequence = sequence;
    }

    fn content(&self) -> BookSnapshotContent {
        BookSnapshotContent {
            sides: [self.bids.clone(), self.asks.clone()],
            depth: self.depth,
            checksum: self.checksum,
            source: self.source.clone(),
            valid_since: self.valid_since,
        }
    }

    fn normalized(&self) -> Result<Self, InvalidBook> {
        Self::normalized(self)
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.bids == other.bids
            && self.asks == other.asks
            && self.depth == other.depth
            && self.checksum == other.checksum
            && self.source == other.source
            && self.valid_since == other.valid_since
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
