//! The repository of strategies in PostgreSQL.

use async_trait::async_trait;
use diesel::PgConnection;
use tickbook::RepositoryError;
use tickbook::domain::Page;

use super::strategy_store::PgStrategies;
use super::{deployments, strategies};
use crate::domain::{
    AccountScope, Deployment, DeploymentId, NewDeployment, NewStrategy, NewStrategyVersion,
    Strategy, StrategyId, StrategyVersion,
};
use crate::repository::{
    AddedVersion, DeploymentQuery, StrategyQuery, StrategyRepository, StrategyVersionQuery,
    check_new_strategy,
};

#[async_trait]
impl StrategyRepository for PgStrategies {
    async fn create(
        &self,
        scope: &AccountScope,
        strategy: NewStrategy,
    ) -> Result<Strategy, RepositoryError> {
        check_new_strategy(scope, &strategy)?;
        let now = self.now();
        let work =
            move |connection: &mut PgConnection| strategies::create(connection, &strategy, now);
        self.metadata().run_once("create_strategy", work).await
    }

    async fn get(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
    ) -> Result<Option<Strategy>, RepositoryError> {
        let scope = scope.clone();
        let work =
            move |connection: &mut PgConnection| strategies::find(connection, &scope, strategy_id);
        self.metadata().read("strategy", work).await
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &StrategyQuery,
    ) -> Result<Page<Strategy, StrategyId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work =
            move |connection: &mut PgConnection| strategies::list(connection, &scope, &query);
        self.metadata().read("strategies", work).await
    }

    async fn add_version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: NewStrategyVersion,
    ) -> Result<AddedVersion, RepositoryError> {
        version.check().map_err(RepositoryError::invalid)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            strategies::add_version(connection, &scope, strategy_id, &version, now)
        };
        self.metadata()
            .run_idempotent("add_strategy_version", work)
            .await
    }

    async fn version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        number: i32,
    ) -> Result<Option<StrategyVersion>, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| match strategies::find(
            connection,
            &scope,
            strategy_id,
        )? {
            Some(_) => strategies::version(connection, strategy_id, number),
            None => Ok(None),
        };
        self.metadata().read("strategy_version", work).await
    }

    async fn versions(
        &self,
        scope: &AccountScope,
        query: &StrategyVersionQuery,
    ) -> Result<Page<StrategyVersion, i32>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work =
            move |connection: &mut PgConnection| strategies::versions(connection, &scope, &query);
        self.metadata().read("strategy_versions", work).await
    }

    async fn deploy(
        &self,
        scope: &AccountScope,
        deployment: NewDeployment,
    ) -> Result<Deployment, RepositoryError> {
        let terms = deployment.normalized().map_err(RepositoryError::invalid)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            deployments::deploy(connection, &scope, &terms, now)
        };
        self.metadata().run_once("deploy_strategy", work).await
    }

    async fn stop(
        &self,
        scope: &AccountScope,
        deployment_id: DeploymentId,
    ) -> Result<Deployment, RepositoryError> {
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            deployments::stop(connection, &scope, deployment_id, now)
        };
        self.metadata()
            .run_idempotent("stop_deployment", work)
            .await
    }

    async fn deployments(
        &self,
        scope: &AccountScope,
        query: &DeploymentQuery,
    ) -> Result<Page<Deployment, DeploymentId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work =
            move |connection: &mut PgConnection| deployments::list(connection, &scope, &query);
        self.metadata().read("deployments", work).await
    }
}
