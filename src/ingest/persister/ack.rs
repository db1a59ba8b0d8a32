//! Acknowledgements of records.

use std::sync::Arc;

use super::error::PersisterClosed;
use super::level::AckLevel;
use super::shared::Shared;
use crate::domain::Tick;
use crate::ingest::record::Record;

/// A handle of an accepted record.
#[derive(Debug, Clone)]
pub struct Ack<R: Record = Tick> {
    shared: Arc<Shared<R>>,
    number: u64,
}

impl<R: Record> Ack<R> {
    pub(super) fn new(shared: Arc<Shared<R>>, number: u64) -> Self {
        Self { shared, number }
    }

    /// The level that the record has reached.
    #[must_use]
    pub fn level(&self) -> AckLevel {
        self.shared.level(self.number)
    }

    /// Waits until the record has reached `level`, without waiting for a batch to fill.
    ///
    /// # Errors
    /// Fails if the persister stopped before.
    pub async fn wait(&self, level: AckLevel) -> Result<(), PersisterClosed> {
        self.shared.wait(self.number, level).await
    }
}
