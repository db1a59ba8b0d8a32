//! One side of a book: sorted levels, the best at the end.

use super::level::{BookLevel, BookSide};

/// Levels are searched from the best one on, in blocks of this length: most changes are near the best price.
const BLOCK: usize = 4;
/// The number of those blocks. Beyond them the searched part grows by [`GROWTH`], up to a binary search.
const BLOCKS: usize = 4;
const GROWTH: usize = 4;

/// The room may be longer than half of the levels by this number.
const MAX_ROOM: usize = 32;

/// The number of levels that a copy has space for beyond those that it has.
const SPARE: usize = 32;

/// The effect of a change on a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Inserted,
    Replaced,
    Removed,
    /// A level that is not there was to be removed.
    Unknown,
}

/// A level as it is sorted: a higher rank is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ranked {
    rank: i64,
    quantity: i64,
}

/// The place of a change. Venues sort the changes of a message, the best first, so the next one is searched among
/// the worse levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    rank: i64,
    /// The number of levels that are not worse than the rank.
    better: usize,
}

impl Default for Place {
    /// The place before all levels.
    fn default() -> Self {
        Self {
            rank: i64::MIN,
            better: 0,
        }
    }
}

/// The levels of one side.
#[derive(Debug)]
pub(super) struct Levels {
    side: BookSide,
    /// Unused room, then the levels by rank, without equal ranks; quantities are above 0.
    ranked: Vec<Ranked>,
    /// The number of unused places before the worst level, so that changes there do not move the others.
    room: usize,
}

/// With space for more levels: a copy is made to be changed.
impl Clone for Levels {
    fn clone(&self) -> Self {
        let mut ranked = Vec::with_capacity(self.len() + SPARE);
        ranked.extend_from_slice(self.levels());
        Self {
            side: self.side,
            ranked,
            room: 0,
        }
    }
}

/// The rank of a price, and the price of a rank. Prices are not negative, so the negation cannot overflow.
#[inline]
fn rank(side: BookSide, price: i64) -> i64 {
    match side {
        BookSide::Bid => price,
        BookSide::Ask => -price,
    }
}

/// The number of levels that are worse than a rank.
#[inline]
fn position(levels: &[Ranked], rank: i64) -> usize {
    let mut rest = levels;
    for _ in 0..BLOCKS {
        let Some((worse, block)) = rest.split_last_chunk::<BLOCK>() else {
            break;
        };
        if block[0].rank <= rank {
            // without a branch for each level, which a processor could not predict
            let in_block = block.iter().map(|level| usize::from(level.rank < rank));
            return worse.len() + in_block.sum::<usize>();
        }
        rest = worse;
    }
    let mut near = BLOCK * GROWTH;
    while near < rest.len() && rest[rest.len() - near].rank >= rank {
        near *= GROWTH;
    }
    let (worse, near) = rest.split_at(rest.len().saturating_sub(near));
    worse.len() + near.partition_point(|level| level.rank < rank)
}

impl Levels {
    pub(super) fn new(side: BookSide) -> Self {
        Self {
            side,
            ranked: Vec::new(),
            room: 0,
        }
    }

    #[inline]
    pub(super) fn side(&self) -> BookSide {
        self.side
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ranked.len() - self.room
    }

    pub(super) fn clear(&mut self) {
        self.ranked.clear();
        self.room = 0;
    }

    #[inline]
    fn levels(&self) -> &[Ranked] {
        &self.ranked[self.room..]
    }

    /// Finds the level of a rank, or the place to insert it. Both count from the start of the room.
    #[inline]
    fn find(&self, rank: i64, last: Place) -> Result<usize, usize> {
        let better = if rank < last.rank { last.better } else { 0 };
        let end = self.ranked.len() - better;
        let at = self.room + position(&self.ranked[self.room..end], rank);
        match self.ranked.get(at) {
            Some(level) if level.rank == rank => Ok(at),
            _ => Err(at),
        }
    }

    /// Sets the quantity at a price; 0 removes the level. `last` is the place of the message's last change of
    /// this side.
    // not inlined, since the loop over the changes of a message is faster with all registers
    #[inline(never)]
    pub(super) fn set(&mut self, price: i64, quantity: i64, last: &mut Place) -> Changed {
        let rank = rank(self.side, price);
        let found = self.find(rank, *last);
        let (Ok(at) | Err(at)) = found;
        *last = Place {
            rank,
            better: self.ranked.len() - at,
        };
        if quantity == 0 {
            return match found {
                Ok(at) => {
                    self.remove(at);
                    last.better -= 1;
                    Changed::Removed
                }
                Err(_) => Changed::Unknown,
            };
        }
        match found {
            Ok(at) => {
                self.ranked[at].quantity = quantity;
                Changed::Replaced
            }
            Err(at) => {
                self.insert(at, Ranked { rank, quantity });
                Changed::Inserted
            }
        }
    }

    /// Inserts a level, and moves the levels of the shorter part.
    #[inline]
    fn insert(&mut self, at: usize, level: Ranked) {
        if self.room > 0 && at - self.room < self.ranked.len() - at {
            self.ranked.copy_within(self.room..at, self.room - 1);
            self.room -= 1;
            self.ranked[at - 1] = level;
        } else {
            self.ranked.insert(at, level);
        }
    }

    #[inline]
    fn remove(&mut self, at: usize) {
        if at - self.room < self.ranked.len() - at {
            self.ranked.copy_within(self.room..at, self.room + 1);
            self.give_up(1);
        } else {
            self.ranked.remove(at);
        }
    }

    /// Adds the places of the worst levels to the room.
    #[inline]
    fn give_up(&mut self, levels: usize) {
        self.room += levels;
        if self.room > self.ranked.len() / 2 + MAX_ROOM {
            self.ranked.drain(..self.room);
            self.room = 0;
        }
    }

    /// The quantity at a price; 0 without a level.
    pub(super) fn quantity(&self, price: i64) -> i64 {
        let found = self.find(rank(self.side, price), Place::default());
        found.map_or(0, |at| self.ranked[at].quantity)
    }

    /// Replaces all levels. Levels with quantity 0 are left out.
    ///
    /// # Errors
    /// The first price that occurs twice. The side is empty then.
    pub(super) fn load(&mut self, levels: impl Iterator<Item = BookLevel>) -> Result<(), i64> {
        self.clear();
        let levels = levels.filter(|level| level.quantity > 0);
        self.ranked.extend(levels.map(|level| Ranked {
            rank: rank(self.side, level.price),
            quantity: level.quantity,
        }));
        // venues send the best level first
        self.ranked.reverse();
        if !self.ranked.is_sorted_by_key(|level| level.rank) {
            self.ranked.sort_unstable_by_key(|level| level.rank);
        }
        let twice = self
            .ranked
            .windows(2)
            .find(|pair| pair[0].rank == pair[1].rank)
            .map(|pair| rank(self.side, pair[0].rank));
        match twice {
            Some(price) => {
                self.clear();
                Err(price)
            }
            None => Ok(()),
        }
    }

    /// Removes all but the best `depth` levels.
    #[inline]
    pub(super) fn cut(&mut self, depth: usize) -> usize {
        let beyond = self.len().saturating_sub(depth);
        if beyond > 0 {
            self.give_up(beyond);
        }
        beyond
    }

    /// Multiplies all prices and quantities. Returns the first product that does not fit as its factors, and
    /// leaves the side as it was.
    pub(super) fn scale(&mut self, price: i64, quantity: i64) -> Result<(), (i64, i64)> {
        let fits = |level: &Ranked| {
            let by_price = level.rank.checked_mul(price);
            let by_quantity = level.quantity.checked_mul(quantity);
            by_price.is_some() && by_quantity.is_some()
        };
        if let Some(level) = self.levels().iter().find(|level| !fits(level)) {
            return Err((rank(self.side, level.rank), level.quantity));
        }
        for level in &mut self.ranked[self.room..] {
            level.rank *= price;
            level.quantity *= quantity;
        }
        Ok(())
    }

    #[inline]
    fn level(&self, ranked: &Ranked) -> BookLevel {
        BookLevel {
            price: rank(self.side, ranked.rank),
            quantity: ranked.quantity,
        }
    }

    #[inline]
    pub(super) fn best(&self) -> Option<BookLevel> {
        self.levels().last().map(|level| self.level(level))
    }

    /// The best `depth` levels, the best one first.
    #[cfg(feature = "ingest")]
    #[inline]
    pub(super) fn top(
        &self,
        depth: usize,
    ) -> impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone + '_ {
        let worse = self.len().saturating_sub(depth);
        self.levels()[worse..]
            .iter()
            .rev()
            .map(|level| self.level(level))
    }

    /// The levels, the best one first.
    pub(super) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone + '_ {
        self.levels().iter().rev().map(|level| self.level(level))
    }
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
