//! The store under test of the performance of accounts.

use std::any::Any;
use std::sync::Arc;

use crate::PerformanceRepositories;
use crate::repository::{OrderHistoryRepository, PerformanceRepository};

/// An empty store under test with the order history whose fills it counts, and a guard that must live as long.
#[derive(Debug)]
pub struct PerformanceSubject {
    // fields are dropped in this order: connections close before the guard removes their database
    repositories: PerformanceRepositories,
    history: Arc<dyn OrderHistoryRepository>,
    _guard: Option<Box<dyn Any + Send + Sync>>,
}

impl PerformanceSubject {
    /// A store without a guard.
    #[must_use]
    pub fn new(
        repositories: PerformanceRepositories,
        history: Arc<dyn OrderHistoryRepository>,
    ) -> Self {
        Self {
            repositories,
            history,
            _guard: None,
        }
    }

    /// A store that owns `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(
        repositories: PerformanceRepositories,
        history: Arc<dyn OrderHistoryRepository>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self {
            repositories,
            history,
            _guard: Some(Box::new(guard)),
        }
    }

    /// The store.
    #[must_use]
    pub fn performance(&self) -> &dyn PerformanceRepository {
        &*self.repositories.performance
    }

    /// The order history.
    #[must_use]
    pub fn history(&self) -> &dyn OrderHistoryRepository {
        &*self.history
    }
}
