//! How far a tick has come, and how to wait for it.

use std::sync::Arc;

use super::shared::Shared;

/// How far a tick has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AckLevel {
    /// It is in the memory of the process.
    Accepted,
    /// The disk has it, or the database. Without a spool only the database makes it durable.
    Durable,
    /// It is in the database, or it is known to be a duplicate, a conflict, or rejected.
    Committed,
}

/// The persister was stopped; what the call was about did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tick persister was stopped: start another one")]
pub struct PersisterClosed;

/// Why a tick was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The persister was stopped.
    #[error("the tick persister was stopped: start another one")]
    Closed,
    /// The database does not keep up, and neither spool nor memory has a place.
    #[error("there is no place for the tick in memory or spool: send it again later")]
    SpoolFull,
}

/// Time was over before everything was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} ticks are not stored yet: wait longer, or see why the database does not take them")]
pub struct Undrained {
    /// Ticks of which it is not known yet what became.
    pub left: u64,
}

/// A tick that was accepted.
#[derive(Debug, Clone)]
pub struct Ack {
    shared: Arc<Shared>,
    number: u64,
}

impl Ack {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self { shared, number }
    }

    /// How far it has come.
    #[must_use]
    pub fn level(&self) -> AckLevel {
        self.shared.level(self.number)
    }

    /// Waits until it has come as far as `level`, without waiting for a batch to fill.
    ///
    /// # Errors
    /// The persister stopped before.
    pub async fn wait(&self, level: AckLevel) -> Result<(), PersisterClosed> {
        self.shared.wait(self.number, level).await
    }
}
