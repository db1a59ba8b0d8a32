//! The repositories of the performance of accounts.

use std::sync::Arc;

use crate::memory::{InMemoryOrderHistory, InMemoryPerformance};
use crate::repository::PerformanceRepository;

/// The repositories of the performance of accounts. Clones share them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PerformanceRepositories {
    /// Equity points and daily performance.
    pub performance: Arc<dyn PerformanceRepository>,
}

impl PerformanceRepositories {
    /// Combines repositories, for example mocks.
    #[must_use]
    pub fn new(performance: Arc<dyn PerformanceRepository>) -> Self {
        Self { performance }
    }

    /// No points in memory, and no fills.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_with_history(InMemoryOrderHistory::new())
    }

    /// No points in memory, and the fills of an order history.
    #[must_use]
    pub fn in_memory_with_history(history: InMemoryOrderHistory) -> Self {
        Self::new(Arc::new(InMemoryPerformance::new(history)))
    }

    /// The points and fills of the time-series database. Connects at the first use.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(connections: impl tickbook::db::TimeseriesConnections) -> Self {
        Self::new(Arc::new(crate::postgres::PgPerformanceRepository::new(
            connections,
        )))
    }
}
