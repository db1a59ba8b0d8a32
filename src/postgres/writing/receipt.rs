//! Receipts: the result of each row of a batch.

/// The results of the rows of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) struct Receipt<R> {
    /// The number of rows that were inserted.
    pub(in crate::postgres) inserted: u64,
    /// The number of rows that were stored already with the same content.
    pub(in crate::postgres) duplicates: u64,
    /// The rows whose key is taken by other content.
    pub(in crate::postgres) conflicts: Vec<Conflict<R>>,
    /// The rows that can never be stored.
    pub(in crate::postgres) rejected: Vec<Rejected<R>>,
}

/// Two rows with the same key and different content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) struct Conflict<R> {
    pub(in crate::postgres) stored: R,
    pub(in crate::postgres) refused: R,
}

/// A row that can never be stored, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) struct Rejected<R> {
    pub(in crate::postgres) row: R,
    pub(in crate::postgres) reason: String,
}

impl<R> Default for Receipt<R> {
    fn default() -> Self {
        Self {
            inserted: 0,
            duplicates: 0,
            conflicts: Vec::new(),
            rejected: Vec::new(),
        }
    }
}

impl<R> Receipt<R> {
    /// Adds the receipt of other rows of the batch.
    pub(super) fn merge(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.duplicates += other.duplicates;
        self.conflicts.extend(other.conflicts);
        self.rejected.extend(other.rejected);
    }
}
