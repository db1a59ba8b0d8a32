//! How far a record has come.

/// How far a record has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AckLevel {
    /// It is in the memory of the process.
    Accepted,
    /// The disk has it, or the database. Without a spool only the database makes it durable.
    Durable,
    /// It is in the database, or it is known to be a duplicate, a conflict, or rejected.
    Committed,
}
