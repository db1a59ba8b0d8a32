//! One side of a book: sorted levels, the best at the end.

use super::level::{BookLevel, BookSide};

/// The number of levels from the best one that are searched in order. Most changes are near the best price.
const SCANNED: usize = 32;

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

/// The levels of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Levels {
    side: BookSide,
    /// By rank, without equal ranks; quantities are above 0.
    ranked: Vec<Ranked>,
}

/// The rank of a price, and the price of a rank. Prices are not negative, so the negation cannot overflow.
fn rank(side: BookSide, price: i64) -> i64 {
    match side {
        BookSide::Bid => price,
        BookSide::Ask => -price,
    }
}

impl Levels {
    pub(super) fn new(side: BookSide) -> Self {
        Self {
            side,
            ranked: Vec::new(),
        }
    }

    pub(super) fn side(&self) -> BookSide {
        self.side
    }

    pub(super) fn len(&self) -> usize {
        self.ranked.len()
    }

    pub(super) fn clear(&mut self) {
        self.ranked.clear();
    }

    /// Finds the level of a rank, or the place to insert it.
    #[inline]
    fn find(&self, rank: i64) -> Result<usize, usize> {
        let ranked = &self.ranked[..];
        let scanned = ranked.len().saturating_sub(SCANNED);
        let at = if scanned > 0 && ranked[scanned].rank > rank {
            ranked[..scanned].partition_point(|level| level.rank < rank)
        } else {
            let mut at = ranked.len();
            while at > scanned && ranked[at - 1].rank >= rank {
                at -= 1;
            }
            at
        };
        match ranked.get(at) {
            Some(level) if level.rank == rank => Ok(at),
            _ => Err(at),
        }
    }

    /// Sets the quantity at a price; 0 removes the level.
    #[inline]
    pub(super) fn set(&mut self, price: i64, quantity: i64) -> Changed {
        let rank = rank(self.side, price);
        match self.find(rank) {
            Ok(at) if quantity == 0 => {
                self.ranked.remove(at);
                Changed::Removed
            }
            Ok(at) => {
                self.ranked[at].quantity = quantity;
                Changed::Replaced
            }
            Err(_) if quantity == 0 => Changed::Unknown,
            Err(at) => {
                self.ranked.insert(at, Ranked { rank, quantity });
                Changed::Inserted
            }
        }
    }

    /// The quantity at a price; 0 without a level.
    pub(super) fn quantity(&self, price: i64) -> i64 {
        let found = self.find(rank(self.side, price));
        found.map_or(0, |at| self.ranked[at].quantity)
    }

    /// Replaces all levels. Levels with quantity 0 are left out.
    ///
    /// # Errors
    /// The first price that occurs twice. The side is empty then.
    pub(super) fn load(&mut self, levels: impl Iterator<Item = BookLevel>) -> Result<(), i64> {
        self.ranked.clear();
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
                self.ranked.clear();
                Err(price)
            }
            None => Ok(()),
        }
    }

    /// Removes all but the best `depth` levels.
    pub(super) fn cut(&mut self, depth: usize) -> usize {
        let beyond = self.ranked.len().saturating_sub(depth);
        if beyond > 0 {
            self.ranked.drain(..beyond);
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
        if let Some(level) = self.ranked.iter().find(|level| !fits(level)) {
            return Err((rank(self.side, level.rank), level.quantity));
        }
        for level in &mut self.ranked {
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
        self.ranked.last().map(|level| self.level(level))
    }

    /// The levels, the best one first.
    pub(super) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = BookLevel> + ExactSizeIterator + Clone + '_ {
        self.ranked.iter().rev().map(|level| self.level(level))
    }
}
