//! Receipts of batches of ticks or trades.

use std::fmt;

use crate::domain::Tick;

/// The result of storing a batch of ticks or trades.
///
/// `inserted + duplicates + conflicts.len() + rejected.len()` is the number of given rows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InsertReceipt<R = Tick> {
    /// The number of newly stored rows. An unsequenced row counts once, even if it also added rows for
    /// earlier occurrences that have not arrived yet.
    pub inserted: u64,
    /// The number of rows whose key and content were stored already, before or by an earlier row of the
    /// batch.
    pub duplicates: u64,
    /// Rows whose key is taken by other content. The stored row does not change.
    pub conflicts: Vec<InsertConflict<R>>,
    /// Rows that can never be stored.
    pub rejected: Vec<RejectedRow<R>>,
}

impl<R> Default for InsertReceipt<R> {
    fn default() -> Self {
        Self {
            inserted: 0,
            duplicates: 0,
            conflicts: Vec::new(),
            rejected: Vec::new(),
        }
    }
}

impl<R> InsertReceipt<R> {
    /// Sets the number of newly stored rows.
    #[must_use]
    pub fn inserted(mut self, inserted: u64) -> Self {
        self.inserted = inserted;
        self
    }

    /// Sets the number of duplicates.
    #[must_use]
    pub fn duplicates(mut self, duplicates: u64) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Sets the rows whose keys are taken.
    #[must_use]
    pub fn conflicts(mut self, conflicts: Vec<InsertConflict<R>>) -> Self {
        self.conflicts = conflicts;
        self
    }

    /// Sets the rows that can never be stored.
    #[must_use]
    pub fn rejected(mut self, rejected: Vec<RejectedRow<R>>) -> Self {
        self.rejected = rejected;
        self
    }

    /// Adds the receipt of another batch.
    pub fn merge(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.duplicates += other.duplicates;
        self.conflicts.extend(other.conflicts);
        self.rejected.extend(other.rejected);
    }

    /// The total number of rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inserted + self.duplicates + self.conflicts.len() as u64 + self.rejected.len() as u64
    }
}

/// Two rows with the same key and different content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InsertConflict<R> {
    /// The stored row.
    pub stored: R,
    /// The row that was not stored.
    pub refused: R,
}

impl<R> InsertConflict<R> {
    /// Creates a conflict: `refused` has the key of `stored`.
    #[must_use]
    pub fn new(stored: R, refused: R) -> Self {
        Self { stored, refused }
    }
}

/// A row that can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedRow<R> {
    /// The row, as given.
    pub row: R,
    /// The reason and the remedy.
    pub reason: String,
}

impl<R> RejectedRow<R> {
    /// A row that is rejected for `reason`.
    #[must_use]
    pub fn new(row: R, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { row, reason }
    }
}

impl<R: Clone> RejectedRow<R> {
    /// A row that violates a rule of the domain.
    #[must_use]
    pub fn invalid(row: &R, reason: impl fmt::Display) -> Self {
        Self::new(row.clone(), reason.to_string())
    }
}

/// Two ticks with the same key and different content.
pub type TickConflict = InsertConflict<Tick>;

/// A tick that can never be stored.
pub type RejectedTick = RejectedRow<Tick>;
