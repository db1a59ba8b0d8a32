//! Why a persister does not do what it was asked.

/// The persister was stopped; what the call was about did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the persister was stopped: start another one")]
pub struct PersisterClosed;

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The persister was stopped.
    #[error("the persister was stopped: start another one")]
    Closed,
    /// The database does not keep up, and neither spool nor memory has a place.
    #[error("there is no place for the record in memory or spool: send it again later")]
    SpoolFull,
}

/// Time was over before everything was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{left} records are not stored yet: wait longer, or see why the database does not take them"
)]
#[non_exhaustive]
pub struct Undrained {
    /// Records of which it is not known yet what became.
    pub left: u64,
}
