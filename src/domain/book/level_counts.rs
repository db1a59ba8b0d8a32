//! How many levels an update changed.

use super::levels::Changed;

/// The numbers of levels that an update changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LevelCounts {
    /// New prices.
    pub inserted: u64,
    /// Prices whose quantity was replaced, also by an equal one.
    pub replaced: u64,
    /// Prices removed by quantity 0.
    pub removed: u64,
    /// Removals of prices that the book did not have. Venues send them when the price is beyond the depth of
    /// the book.
    pub unknown: u64,
    /// Levels beyond the depth of the book, removed after the update.
    pub cut: u64,
}

/// The numbers of changes by their effects, in the order of [`Changed`]: a processor could not predict a branch for
/// each effect.
#[derive(Clone, Copy, Default)]
pub(super) struct EffectCounts([u64; 4]);

impl EffectCounts {
    #[inline]
    pub(super) fn count(&mut self, changed: Changed) {
        self.0[changed as usize] += 1;
    }

    /// The counts of an update that removed `cut` levels beyond the depth.
    #[inline]
    pub(super) fn of_levels(self, cut: u64) -> LevelCounts {
        let [inserted, replaced, removed, unknown] = self.0;
        LevelCounts {
            inserted,
            replaced,
            removed,
            unknown,
            cut,
        }
    }
}
