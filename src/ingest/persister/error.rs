//! Errors of the persister.

/// The persister was stopped before the call completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the persister was stopped: start another one")]
pub struct PersisterClosed;

/// The reason why a record was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The persister was stopped.
    #[error("the persister was stopped: start another one")]
    Closed,
    /// The database does not keep up, and neither spool nor memory has space.
    #[error("there is no space for the record in memory or spool: send it again later")]
    SpoolFull,
}

/// The time ran out before everything was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{remaining} records are not stored yet: wait longer, or check why the database does not accept them"
)]
#[non_exhaustive]
pub struct DrainTimeout {
    /// The number of records without a result.
    pub remaining: u64,
}
