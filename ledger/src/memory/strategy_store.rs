//! The store of strategies and backtests in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tickbook::{Entity, RepositoryError};

use super::store::InMemoryLedger;
use crate::domain::{
    Account, AccountId, AccountScope, BacktestMetric, BacktestRun, BacktestRunId, ContentHash,
    Deployment, DeploymentId, RunArtifact, Strategy, StrategyId, StrategyVersion,
};
use crate::repository::{missing_run, sees_tenant};

/// Strategies and backtests in memory, with the accounts of an [`InMemoryLedger`]. Clones share them.
#[derive(Clone)]
pub struct InMemoryStrategies {
    pub(super) ledger: InMemoryLedger,
    /// Locked before the accounts.
    state: Arc<RwLock<State>>,
}

/// What is stored. Ids count from 1 and are not used again.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) strategies: BTreeMap<StrategyId, StoredStrategy>,
    pub(super) deployments: BTreeMap<DeploymentId, Deployment>,
    pub(super) runs: BTreeMap<BacktestRunId, StoredRun>,
    pub(super) contents: BTreeMap<ContentHash, Vec<u8>>,
    pub(super) last_run: i64,
}

#[derive(Debug)]
pub(super) struct StoredStrategy {
    pub(super) strategy: Strategy,
    /// Version n is at n - 1.
    pub(super) versions: Vec<StrategyVersion>,
}

#[derive(Debug)]
pub(super) struct StoredRun {
    pub(super) run: BacktestRun,
    /// By name and definition.
    pub(super) metrics: Vec<BacktestMetric>,
    /// By name.
    pub(super) artifacts: BTreeMap<String, RunArtifact>,
}

impl InMemoryStrategies {
    /// Creates an empty store with the accounts and the clock of `ledger`.
    #[must_use]
    pub fn new(ledger: &InMemoryLedger) -> Self {
        Self {
            ledger: ledger.clone(),
            state: Arc::default(),
        }
    }

    // a writer changes the state in one step that cannot panic halfway
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// An account of the scope.
    pub(super) fn account(&self, scope: &AccountScope, account_id: AccountId) -> Option<Account> {
        let accounts = self.ledger.read();
        let found = accounts.get(&account_id).filter(|it| it.is_in(scope));
        found.map(|it| it.ledger.account().clone())
    }

    /// Whether the account is in the scope.
    pub(super) fn sees(&self, scope: &AccountScope, account_id: AccountId) -> bool {
        let accounts = self.ledger.read();
        accounts.get(&account_id).is_some_and(|it| it.is_in(scope))
    }

    /// A run of the scope, to change it.
    pub(super) fn run_mut<'a>(
        &self,
        state: &'a mut State,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<&'a mut StoredRun, RepositoryError> {
        let found = state.runs.get_mut(&run_id);
        let found = found.filter(|it| self.sees(scope, it.run.account_id));
        found.ok_or_else(|| missing_run(run_id))
    }
}

impl State {
    /// A strategy of the scope.
    pub(super) fn strategy(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
    ) -> Option<&StoredStrategy> {
        let found = self.strategies.get(&strategy_id);
        found.filter(|it| sees_tenant(scope, it.strategy.terms.tenant_id))
    }

    /// A version of a strategy of the scope.
    pub(super) fn version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: i32,
    ) -> Option<&StrategyVersion> {
        let found = self.strategy(scope, strategy_id)?;
        let index = usize::try_from(version).ok()?.checked_sub(1)?;
        found.versions.get(index)
    }
}

/// The error of an unknown strategy and of one outside of the scope.
pub(super) fn missing_strategy(strategy_id: StrategyId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Strategy,
        key: strategy_id.to_string(),
    }
}

impl fmt::Debug for InMemoryStrategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("InMemoryStrategies")
            .field("strategies", &state.strategies.len())
            .field("runs", &state.runs.len())
            .finish_non_exhaustive()
    }
}
