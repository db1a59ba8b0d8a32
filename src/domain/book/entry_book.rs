//! Books whose entries have ids, such as the depth of FIX.

use std::collections::HashMap;
use std::hash::Hash;

use super::error::BookError;
use super::level::{BookSide, LevelChange};
use super::level_counts::LevelCounts;
use super::number::BookNumber;
use super::order_book::OrderBook;
use super::state::{BookState, StaleReason};
use super::view::BookView;

/// A change of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryChange<K> {
    /// Adds an entry, or replaces the entry with this id.
    New {
        /// The id of the entry.
        id: K,
        /// Its side.
        side: BookSide,
        /// Its price and its quantity.
        level: LevelChange,
    },
    /// Removes an entry.
    Delete {
        /// The id of the entry.
        id: K,
    },
}

/// An order book that is made of entries with ids. Several entries may have one price; the quantity of a level
/// is their sum.
///
/// Within a message new entries may come before the deletions of the entries that they replace, so the state
/// of the book is decided after the whole message.
#[derive(Debug, Clone)]
pub struct EntryBook<K> {
    book: OrderBook,
    entries: HashMap<K, (BookSide, LevelChange)>,
    unknown_deletes: u64,
    /// The new quantities of one message.
    quantities: HashMap<(BookSide, BookNumber), BookNumber>,
    bids: Vec<LevelChange>,
    asks: Vec<LevelChange>,
}

impl<K> Default for EntryBook<K> {
    fn default() -> Self {
        Self {
            book: OrderBook::new(),
            entries: HashMap::new(),
            unknown_deletes: 0,
            quantities: HashMap::new(),
            bids: Vec::new(),
            asks: Vec::new(),
        }
    }
}

impl<K: Eq + Hash> EntryBook<K> {
    /// A book without entries, in state [`BookState::Syncing`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> BookState {
        self.book.state()
    }

    /// The levels; `None` unless the book is valid.
    #[must_use]
    pub fn view(&self) -> Option<BookView<'_>> {
        self.book.view()
    }

    /// The levels as an order book, in the same state.
    #[must_use]
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// The bids and asks that the last message changed, with their new quantities, in no order. After
    /// [`load`](Self::load) these are all levels.
    #[must_use]
    pub fn changes(&self) -> (&[LevelChange], &[LevelChange]) {
        (&self.bids, &self.asks)
    }

    /// The number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The number of deletions of unknown ids since the book was created.
    #[must_use]
    pub fn unknown_deletes(&self) -> u64 {
        self.unknown_deletes
    }

    /// Replaces all entries, in any state.
    ///
    /// # Errors
    /// As [`OrderBook::load`], and quantities at one price whose sum does not fit. The book is stale then.
    pub fn load(
        &mut self,
        entries: impl IntoIterator<Item = (K, BookSide, LevelChange)>,
    ) -> Result<(), BookError> {
        self.entries.clear();
        self.book.reset();
        self.book.load(&[], &[])?;
        let new = entries
            .into_iter()
            .map(|(id, side, level)| EntryChange::New { id, side, level });
        self.update(new).map(|_| ())
    }

    /// Applies the changes of one message in their order. A deletion of an unknown id is counted and changes
    /// nothing. Returns the numbers of changed levels.
    ///
    /// # Errors
    /// As [`OrderBook::update`], and quantities at one price whose sum does not fit. The book is stale then.
    pub fn update(
        &mut self,
        changes: impl IntoIterator<Item = EntryChange<K>>,
    ) -> Result<LevelCounts, BookError> {
        match self.book.state() {
            BookState::Valid => {}
            BookState::Syncing => return Err(BookError::NoSnapshot),
            BookState::Stale(reason) => return Err(BookError::Stale(reason)),
        }
        self.quantities.clear();
        let mut changed = Ok(());
        for change in changes {
            changed = changed.and_then(|()| self.change(change));
        }
        if let Err(error) = changed {
            let reason = error.stale_reason().unwrap_or(StaleReason::Malformed);
            self.book.invalidate(reason);
            return Err(error);
        }
        self.bids.clear();
        self.asks.clear();
        for ((side, price), quantity) in self.quantities.drain() {
            let changes = match side {
                BookSide::Bid => &mut self.bids,
                BookSide::Ask => &mut self.asks,
            };
            changes.push(LevelChange::new(price, quantity));
        }
        self.book.update(&self.bids, &self.asks)
    }

    fn change(&mut self, change: EntryChange<K>) -> Result<(), BookError> {
        match change {
            EntryChange::New { id, side, level } => {
                if let Some((side, old)) = self.entries.insert(id, (side, level)) {
                    self.add(side, old, false)?;
                }
                self.add(side, level, true)
            }
            EntryChange::Delete { id } => match self.entries.remove(&id) {
                Some((side, old)) => self.add(side, old, false),
                None => {
                    self.unknown_deletes += 1;
                    Ok(())
                }
            },
        }
    }

    /// Adds the quantity of an entry to the last known quantity of its level, or subtracts it.
    fn add(&mut self, side: BookSide, entry: LevelChange, is_new: bool) -> Result<(), BookError> {
        let price = entry.price.normalized();
        let book = &self.book;
        let total = self.quantities.entry((side, price));
        let total = total.or_insert_with(|| book.quantity(side, price));
        let sum = sum(*total, entry.quantity, is_new);
        *total = sum.ok_or(BookError::SumTooLarge {
            price: price.into(),
        })?;
        Ok(())
    }

    /// Makes a valid book stale. Returns whether it was valid.
    pub fn invalidate(&mut self, reason: StaleReason) -> bool {
        self.book.invalidate(reason)
    }

    /// Makes the book stale in any state, because a message of it could not be read.
    pub fn refuse(&mut self, reason: StaleReason) {
        self.book.refuse(reason);
    }

    /// Discards all entries. The book is [`BookState::Syncing`] afterwards.
    pub fn reset(&mut self) {
        self.entries.clear();
        self.book.reset();
    }
}

/// The sum or the difference of two quantities, at the larger precision of both.
fn sum(total: BookNumber, quantity: BookNumber, is_new: bool) -> Option<BookNumber> {
    let (total, quantity) = (total.normalized(), quantity.normalized());
    let decimals = total.decimals().max(quantity.decimals());
    let (total, quantity) = (total.units_at(decimals)?, quantity.units_at(decimals)?);
    let units = match is_new {
        true => total.checked_add(quantity)?,
        false => total.checked_sub(quantity)?,
    };
    BookNumber::new(units, decimals)
}

#[cfg(test)]
#[path = "entry_book_tests.rs"]
mod tests;
