//! A repository whose calls are timed: none may outlive its deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, SymbolId, Tick, TickCursor, TimeRange};
use tickbook::repository::{DeletedTicks, InsertReceipt, TickQuery, TickRepository};

use crate::site::OVERRUN;

#[derive(Debug)]
pub(crate) struct Timed {
    repository: Arc<dyn TickRepository>,
    deadline: Duration,
    longest_micros: AtomicU64,
}

impl Timed {
    /// Calls of `repository` end within `deadline`, as is said.
    pub(crate) fn new(repository: Arc<dyn TickRepository>, deadline: Duration) -> Self {
        Self {
            repository,
            deadline,
            longest_micros: AtomicU64::new(0),
        }
    }

    /// Checks that no write took longer than its deadline and a little, where that is asserted.
    pub(crate) fn assert_in_time(&self) {
        let longest = Duration::from_micros(self.longest_micros.load(Ordering::Relaxed));
        println!("the longest write took {longest:?}");
        suite::assert_in_time(longest, self.deadline + OVERRUN);
    }
}

#[async_trait]
impl TickRepository for Timed {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        let begun = suite::Watch::start();
        let result = self.repository.insert_batch(ticks).await;
        let took = u64::try_from(begun.of_ours().as_micros()).unwrap_or(u64::MAX);
        self.longest_micros.fetch_max(took, Ordering::Relaxed);
        result
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        self.repository.range(query).await
    }

    async fn latest(&self, symbol: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        self.repository.latest(symbol).await
    }

    async fn latest_of(&self, symbols: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        self.repository.latest_of(symbols).await
    }

    async fn as_of(
        &self,
        symbol: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        self.repository.as_of(symbol, at).await
    }

    async fn count(&self, symbol: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.repository.count(symbol, range).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.repository.delete_range(symbol_id, range).await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.repository.deletable(symbol_id, range).await
    }
}
