//! Acknowledgement levels.

/// The level that a record has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AckLevel {
    /// In the memory of the process.
    Accepted,
    /// On the disk or in the database; without a spool, in the database.
    Durable,
    /// In the database, or known to be a duplicate, a conflict, or rejected.
    Committed,
}
