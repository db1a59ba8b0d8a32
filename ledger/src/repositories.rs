//! The repositories of a program.

use std::sync::Arc;

use tickbook::Clock;
#[cfg(feature = "postgres")]
use tickbook::db::MetadataConnections;

use crate::memory::{InMemoryLedger, InMemoryOrderHistory, InMemoryStrategies};
#[cfg(feature = "postgres")]
use crate::postgres::{PgLedger, PgOrderHistoryRepository, PgOutboxRepository, PgStrategies};
use crate::repository::{
    AccountRepository, BacktestRepository, LedgerRepository, OrderHistoryRepository,
    OutboxRepository, StrategyRepository,
};

/// The repositories of the ledger. Clones share them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LedgerRepositories {
    /// Accounts.
    pub accounts: Arc<dyn AccountRepository>,
    /// Order events, orders, fills and positions.
    pub ledger: Arc<dyn LedgerRepository>,
}

impl LedgerRepositories {
    /// Combines repositories, for example mocks.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepository>, ledger: Arc<dyn LedgerRepository>) -> Self {
        Self { accounts, ledger }
    }

    /// Empty repositories in memory with the system clock.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_with_clock(Clock::system())
    }

    /// Empty repositories in memory.
    #[must_use]
    pub fn in_memory_with_clock(clock: Clock) -> Self {
        let store = InMemoryLedger::with_clock(clock);
        Self::new(Arc::new(store.clone()), Arc::new(store))
    }

    /// The repositories over a store in memory, for example one that has strategies too.
    #[must_use]
    pub fn over(store: &InMemoryLedger) -> Self {
        Self::new(Arc::new(store.clone()), Arc::new(store.clone()))
    }

    /// The repositories in PostgreSQL, in the metadata database.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(connections: impl MetadataConnections) -> Self {
        Self::postgres_with_clock(connections, Clock::system())
    }

    /// The repositories in PostgreSQL with another clock.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres_with_clock(connections: impl MetadataConnections, clock: Clock) -> Self {
        let store = PgLedger::with_clock(connections, clock);
        Self::new(Arc::new(store.clone()), Arc::new(store))
    }
}

/// The two repositories of a relay. Clones share them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelayRepositories {
    /// The events to copy.
    pub outbox: Arc<dyn OutboxRepository>,
    /// Their copies.
    pub history: Arc<dyn OrderHistoryRepository>,
}

impl RelayRepositories {
    /// Combines repositories, for example mocks.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn OutboxRepository>,
        history: Arc<dyn OrderHistoryRepository>,
    ) -> Self {
        Self { outbox, history }
    }

    /// The outbox of the metadata database and the history of the time-series database. They connect at their first use.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(pools: &tickbook::db::DatabasePools) -> Self {
        Self::new(
            Arc::new(PgOutboxRepository::new(pools.metadata())),
            Arc::new(PgOrderHistoryRepository::new(pools.timeseries())),
        )
    }

    /// The outbox of a ledger in memory, and an empty history in memory.
    #[must_use]
    pub fn in_memory(ledger: &InMemoryLedger) -> Self {
        Self::new(
            Arc::new(ledger.clone()),
            Arc::new(InMemoryOrderHistory::new()),
        )
    }
}

/// The repositories of strategies and backtests, beside those of the ledger. Clones share them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StrategyRepositories {
    /// Strategies, versions and deployments.
    pub strategies: Arc<dyn StrategyRepository>,
    /// Backtest runs.
    pub backtests: Arc<dyn BacktestRepository>,
}

impl StrategyRepositories {
    /// Combines repositories, for example mocks.
    #[must_use]
    pub fn new(
        strategies: Arc<dyn StrategyRepository>,
        backtests: Arc<dyn BacktestRepository>,
    ) -> Self {
        Self {
            strategies,
            backtests,
        }
    }

    /// Empty repositories in memory. Deployments and runs use the accounts of `ledger`.
    #[must_use]
    pub fn in_memory(ledger: &InMemoryLedger) -> Self {
        let store = InMemoryStrategies::new(ledger);
        Self::new(Arc::new(store.clone()), Arc::new(store))
    }

    /// The repositories in PostgreSQL, in the metadata database.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(connections: impl MetadataConnections) -> Self {
        Self::postgres_with_clock(connections, Clock::system())
    }

    /// The repositories in PostgreSQL with another clock.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres_with_clock(connections: impl MetadataConnections, clock: Clock) -> Self {
        let store = PgStrategies::with_clock(connections, clock);
        Self::new(Arc::new(store.clone()), Arc::new(store))
    }
}
