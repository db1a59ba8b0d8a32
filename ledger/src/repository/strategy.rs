//! The repository of strategies.

use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::domain::{Page, PageLimit};
use tickbook::{Entity, RepositoryError};

use crate::domain::{
    Account, AccountId, AccountScope, Deployment, DeploymentId, NewDeployment, NewStrategy,
    NewStrategyVersion, Strategy, StrategyId, StrategyVersion, TenantId,
};

/// A query for strategies, by ascending id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StrategyQuery {
    /// Only the strategy with this name.
    pub name: Option<String>,
    /// Only strategies after this one.
    pub after: Option<StrategyId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl StrategyQuery {
    /// Returns only the strategy with this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<StrategyId>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for versions of a strategy, by ascending number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StrategyVersionQuery {
    /// The strategy.
    pub strategy_id: StrategyId,
    /// Only versions after this number.
    pub after: Option<i32>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl StrategyVersionQuery {
    /// The first 500 versions.
    #[must_use]
    pub fn new(strategy_id: StrategyId) -> Self {
        Self {
            strategy_id,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<i32>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for deployments, by ascending id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeploymentQuery {
    /// Only deployments of this strategy.
    pub strategy_id: Option<StrategyId>,
    /// Only deployments to this account.
    pub account_id: Option<AccountId>,
    /// Only deployments that are running, or only those that are stopped.
    pub running: Option<bool>,
    /// Only deployments after this one.
    pub after: Option<DeploymentId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl DeploymentQuery {
    /// Returns only deployments of this strategy.
    #[must_use]
    pub fn strategy_id(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns only deployments to this account.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<Option<AccountId>>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Returns only deployments that are running (`true`), or only the others (`false`).
    #[must_use]
    pub fn running(mut self, running: impl Into<Option<bool>>) -> Self {
        self.running = running.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<DeploymentId>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// The result of [`StrategyRepository::add_version`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddedVersion {
    /// The version with the given content.
    pub version: StrategyVersion,
    /// Whether this call added it.
    pub is_new: bool,
}

impl AddedVersion {
    /// A version that was added (`is_new`) or existed already.
    #[must_use]
    pub fn new(version: StrategyVersion, is_new: bool) -> Self {
        Self { version, is_new }
    }
}

/// Stores strategies, their versions, and their deployments to accounts.
///
/// A strategy belongs to a tenant. A caller sees the strategies of the tenant of its scope, and the deployments to the
/// accounts of its scope. To the caller, a strategy or a deployment outside of the scope does not exist.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::StrategyRepositories;
/// use tickbook_ledger::domain::{AccountScope, NewStrategy, NewStrategyVersion, TenantId};
/// use tickbook_ledger::memory::InMemoryLedger;
///
/// let strategies = StrategyRepositories::in_memory(&InMemoryLedger::new()).strategies;
/// let scope = AccountScope::tenant(TenantId::new(1));
/// let strategy = strategies.create(&scope, NewStrategy::new(TenantId::new(1), "ema_crossover")).await?;
///
/// let version = NewStrategyVersion::new("git:8f14e45").parameters(r#"{"fast_ema": 9}"#.parse()?);
/// let first = strategies.add_version(&scope, strategy.strategy_id, version.clone()).await?;
/// let again = strategies.add_version(&scope, strategy.strategy_id, version).await?;
/// assert_eq!((first.version.version, first.is_new), (1, true));
/// assert_eq!((again.version.version, again.is_new), (1, false));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait StrategyRepository: Debug + Send + Sync + 'static {
    /// Creates a strategy without versions.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the strategy is invalid, or if the scope does not cover all
    /// accounts of its tenant. [`AlreadyExists`](RepositoryError::AlreadyExists) if a strategy of the tenant has the
    /// name.
    async fn create(
        &self,
        scope: &AccountScope,
        strategy: NewStrategy,
    ) -> Result<Strategy, RepositoryError>;

    /// Returns a strategy; `None` if it does not exist or is outside of the scope.
    async fn get(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
    ) -> Result<Option<Strategy>, RepositoryError>;

    /// Returns a page of the strategies of the scope, by ascending id.
    async fn list(
        &self,
        scope: &AccountScope,
        query: &StrategyQuery,
    ) -> Result<Page<Strategy, StrategyId>, RepositoryError>;

    /// Adds a version with the next number. If the strategy has a version with the same content already, that version
    /// is the result and nothing is added, so a call may be repeated after any failure.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the strategy does not exist or is outside of the scope,
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the version is invalid, or if the scope does not cover all
    /// accounts of the tenant.
    async fn add_version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: NewStrategyVersion,
    ) -> Result<AddedVersion, RepositoryError>;

    /// Returns a version; `None` if it does not exist or is outside of the scope.
    async fn version(
        &self,
        scope: &AccountScope,
        strategy_id: StrategyId,
        version: i32,
    ) -> Result<Option<StrategyVersion>, RepositoryError>;

    /// Returns a page of the versions of a strategy, by ascending number.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the strategy does not exist or is outside of the scope.
    async fn versions(
        &self,
        scope: &AccountScope,
        query: &StrategyVersionQuery,
    ) -> Result<Page<StrategyVersion, i32>, RepositoryError>;

    /// Begins a deployment at the present time, or when the last deployment of the strategy to the account was stopped,
    /// if that is later.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the account or the version does not exist or is outside of the scope,
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if a deployment of the strategy to the account is running,
    /// [`InvalidInput`](RepositoryError::InvalidInput) if a limit is invalid, the account is closed, or account and
    /// strategy belong to different tenants.
    async fn deploy(
        &self,
        scope: &AccountScope,
        deployment: NewDeployment,
    ) -> Result<Deployment, RepositoryError>;

    /// Stops a deployment at the present time. A stopped deployment keeps the time at which it was stopped.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the deployment does not exist or its account is outside of the scope.
    async fn stop(
        &self,
        scope: &AccountScope,
        deployment_id: DeploymentId,
    ) -> Result<Deployment, RepositoryError>;

    /// Returns a page of the deployments to the accounts of the scope, by ascending id.
    async fn deployments(
        &self,
        scope: &AccountScope,
        query: &DeploymentQuery,
    ) -> Result<Page<Deployment, DeploymentId>, RepositoryError>;
}

/// Checks that a scope covers all accounts of a tenant.
pub(crate) fn check_whole_tenant(
    scope: &AccountScope,
    tenant_id: TenantId,
    what: &str,
) -> Result<(), RepositoryError> {
    let covers_tenant = scope.tenant_id().is_none_or(|it| it == tenant_id);
    match covers_tenant && scope.account_ids().is_none() {
        true => Ok(()),
        false => Err(RepositoryError::invalid(format_args!(
            "the caller may not create {what} of tenant {tenant_id}"
        ))),
    }
}

/// Checks that the owner of an account is that of a strategy.
pub(crate) fn check_same_tenant(
    strategy: &Strategy,
    account: TenantId,
) -> Result<(), RepositoryError> {
    match strategy.terms.tenant_id == account {
        true => Ok(()),
        false => Err(RepositoryError::invalid(format_args!(
            "strategy {} belongs to another tenant than the account",
            strategy.strategy_id
        ))),
    }
}

/// Whether a scope covers strategies of a tenant.
pub(crate) fn sees_tenant(scope: &AccountScope, tenant_id: TenantId) -> bool {
    scope.tenant_id().is_none_or(|it| it == tenant_id)
}

/// Checks a strategy to create, and that the scope covers all accounts of its tenant.
pub(crate) fn check_new_strategy(
    scope: &AccountScope,
    strategy: &NewStrategy,
) -> Result<(), RepositoryError> {
    strategy.check().map_err(RepositoryError::invalid)?;
    check_whole_tenant(scope, strategy.tenant_id, "strategies")
}

/// Checks that an account takes orders.
pub(crate) fn check_deployed_account(account: &Account) -> Result<(), RepositoryError> {
    match account.closed_at {
        None => Ok(()),
        Some(_) => Err(RepositoryError::invalid(format_args!(
            "account {} is closed: deploy to an open account",
            account.account_id
        ))),
    }
}

/// The error of an unknown version and of one outside of the scope.
pub(crate) fn missing_version(strategy_id: StrategyId, version: i32) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::StrategyVersion,
        key: format!("{version} of strategy {strategy_id}"),
    }
}

/// The error of an unknown deployment and of one outside of the scope.
pub(crate) fn missing_deployment(deployment_id: DeploymentId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Deployment,
        key: deployment_id.to_string(),
    }
}

/// The error of a second running deployment.
pub(crate) fn deployment_runs(terms: &NewDeployment) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Deployment,
        key: format!(
            "of strategy {} to account {}",
            terms.strategy_id, terms.account_id
        ),
    }
}
