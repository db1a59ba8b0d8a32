//! Strategies in memory.

use async_trait::async_trait;
use tickbook::domain::Page;
use tickbook::{Entity, RepositoryError};

use super::store::missing;
use super::strategy_store::{InMemoryStrategies, StoredStrategy, missing_strategy};
use crate::domain::{
    AccountScope, Deployment, DeploymentId, NewDeployment, NewStrategy, NewStrategyVersion,
    Strategy, StrategyId, StrategyVersion,
};
use crate::repository::{
    AddedVersion, DeploymentQuery, StrategyQuery, StrategyRepository, StrategyVersionQuery,
    check_deployed_account, check_new_strategy, check_same_tenant, check_whole_tenant,
    deployment_runs, missing_deployment, missing_version, sees_tenant,
};

#[async_trait]
impl StrategyRepository for InMemoryStrategies {
    async fn create(
        &self,
        scope: &AccountScope,
        strategy: NewStrategy,
    ) -> Result<Strategy, RepositoryError> {
        check_new_strategy(scope, &strategy)?;
        let now = self.ledger.now();
        let mut state = self.write();
        let is_taken = state.strategies.values().any(|stored| {
            let terms = &stored.strategy.terms;
            (terms.tenant_id, &terms.name) == (strategy.tenant_id, &strategy.name)
        });
        if is_taken {
            return Err(RepositoryError::AlreadyExists {
                entity: Entity::Strategy,
                key: tickbook::domain::excerpt(&strategy.name),
            });
        }
        let last = state.strategies.last_key_value();
        let id = StrategyId::new(last.map_or(0, |(id, _)| id.get()) + 1);
        let strategy = Strategy::new(id, strategy, now);
        let stored = StoredStrategy {
            strategy: strategy.clone(),
            versions: Vec::new(),
        };
        state.strategies.insert(id, stored);
        Ok(strategy)
    }

    async fn get(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
    ) -> Result<Option<Strategy>, RepositoryError> {
        let state = self.read();
        let found = state.strategy(scope, strategy_id);
        Ok(found.map(|it| it.strategy.clone()))
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &StrategyQuery,
    ) -> Result<Page<Strategy, StrategyId>, RepositoryError> {
        let state = self.read();
        let found = state.strategies.values().map(|it| &it.strategy);
        let found = found.filter(|strategy| {
            let terms = &strategy.terms;
            sees_tenant(scope, terms.tenant_id)
                && query.name.as_ref().is_none_or(|it| terms.name == *it)
                && query.after.is_none_or(|it| strategy.strategy_id > it)
        });
        let items = found.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |it: &Strategy| it.strategy_id,
        ))
    }

    async fn add_version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: NewStrategyVersion,
    ) -> Result<AddedVersion, RepositoryError> {
        version.check().map_err(RepositoryError::invalid)?;
        let now = self.ledger.now();
        let mut state = self.write();
        let found = state.strategies.get_mut(&strategy_id);
        let found = found.filter(|it| sees_tenant(scope, it.strategy.terms.tenant_id));
        let found = found.ok_or_else(|| missing_strategy(strategy_id))?;
        check_whole_tenant(scope, found.strategy.terms.tenant_id, "versions")?;
        let hash = version.content_hash();
        if let Some(known) = found.versions.iter().find(|it| it.content_hash == hash) {
            return Ok(AddedVersion::new(known.clone(), false));
        }
        let number = found.strategy.last_version + 1;
        let added = StrategyVersion::new(strategy_id, number, version, now);
        found.versions.push(added.clone());
        found.strategy.last_version = number;
        Ok(AddedVersion::new(added, true))
    }

    async fn version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: i32,
    ) -> Result<Option<StrategyVersion>, RepositoryError> {
        Ok(self.read().version(scope, strategy_id, version).cloned())
    }

    async fn versions(
        &self,
        scope: &AccountScope,
        query: &StrategyVersionQuery,
    ) -> Result<Page<StrategyVersion, i32>, RepositoryError> {
        let state = self.read();
        let found = state.strategy(scope, query.strategy_id);
        let found = found.ok_or_else(|| missing_strategy(query.strategy_id))?;
        let versions = found.versions.iter();
        let versions = versions.filter(|it| query.after.is_none_or(|after| it.version > after));
        let items = versions.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |it: &StrategyVersion| it.version,
        ))
    }

    async fn deploy(
        &self,
        scope: &AccountScope,
        deployment: NewDeployment,
    ) -> Result<Deployment, RepositoryError> {
        let terms = deployment.normalized().map_err(RepositoryError::invalid)?;
        let now = self.ledger.now();
        let mut state = self.write();
        let account = self.account(scope, terms.account_id);
        let account = account.ok_or_else(|| missing(terms.account_id))?;
        let strategy = state.strategy(scope, terms.strategy_id);
        let strategy = strategy.ok_or_else(|| missing_version(terms.strategy_id, terms.version))?;
        check_same_tenant(&strategy.strategy, account.terms.tenant_id)?;
        if state
            .version(scope, terms.strategy_id, terms.version)
            .is_none()
        {
            return Err(missing_version(terms.strategy_id, terms.version));
        }
        check_deployed_account(&account)?;
        let others = state.deployments.values().filter(|it| {
            (it.terms.account_id, it.terms.strategy_id) == (terms.account_id, terms.strategy_id)
        });
        let mut deployed_at = now;
        for other in others {
            match other.stopped_at {
                Some(stopped_at) => deployed_at = deployed_at.max(stopped_at),
                None => return Err(deployment_runs(&terms)),
            }
        }
        let last = state.deployments.last_key_value();
        let id = DeploymentId::new(last.map_or(0, |(id, _)| id.get()) + 1);
        let deployment = Deployment::new(id, terms, deployed_at);
        state.deployments.insert(id, deployment.clone());
        Ok(deployment)
    }

    async fn stop(
        &self,
        scope: &AccountScope,
        deployment_id: DeploymentId,
    ) -> Result<Deployment, RepositoryError> {
        let now = self.ledger.now();
        let mut state = self.write();
        let found = state.deployments.get_mut(&deployment_id);
        let found = found.filter(|it| self.sees(scope, it.terms.account_id));
        let found = found.ok_or_else(|| missing_deployment(deployment_id))?;
        found.stopped_at.get_or_insert(now.max(found.deployed_at));
        Ok(found.clone())
    }

    async fn deployments(
        &self,
        scope: &AccountScope,
        query: &DeploymentQuery,
    ) -> Result<Page<Deployment, DeploymentId>, RepositoryError> {
        let state = self.read();
        let found = state.deployments.values().filter(|it| {
            let terms = &it.terms;
            query.strategy_id.is_none_or(|id| terms.strategy_id == id)
                && query.account_id.is_none_or(|id| terms.account_id == id)
                && query
                    .running
                    .is_none_or(|running| it.is_running() == running)
                && query.after.is_none_or(|after| it.deployment_id > after)
                && self.sees(scope, terms.account_id)
        });
        let items = found.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |it: &Deployment| it.deployment_id,
        ))
    }
}
