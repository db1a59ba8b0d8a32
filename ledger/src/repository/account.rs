//! The repository of accounts.

use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::RepositoryError;
use tickbook::domain::{Page, PageLimit};

use crate::domain::{Account, AccountId, AccountScope, Environment, NewAccount};

/// A query for accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountQuery {
    /// Only the account with this name.
    pub name: Option<String>,
    /// Only accounts of this environment.
    pub environment: Option<Environment>,
    /// Only accounts that are closed, or only those that are not.
    pub closed: Option<bool>,
    /// Only accounts after this one.
    pub after: Option<AccountId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl AccountQuery {
    /// Returns only the account with this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns only accounts of this environment.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<Option<Environment>>) -> Self {
        self.environment = environment.into();
        self
    }

    /// Returns only accounts that are closed (`true`), or only the others (`false`).
    #[must_use]
    pub fn closed(mut self, closed: impl Into<Option<bool>>) -> Self {
        self.closed = closed.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<AccountId>>) -> Self {
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

/// Stores accounts. Their environment, venue, currency and methods never change.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::LedgerRepositories;
/// use tickbook_ledger::domain::{AccountScope, Currency, Environment, NewAccount, TenantId, Venue};
///
/// let accounts = LedgerRepositories::in_memory().accounts;
/// let tenant = TenantId::new(1);
/// let (venue, usd) = (Venue::new("kraken")?, Currency::new("USD")?);
/// let terms = NewAccount::new(tenant, "main", venue, Environment::Live, usd);
/// let account = accounts.create(&AccountScope::tenant(tenant), terms).await?;
///
/// let other = AccountScope::tenant(TenantId::new(2));
/// assert_eq!(accounts.get(&other, account.account_id).await?, None);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AccountRepository: Debug + Send + Sync + 'static {
    /// Creates an account with the next id and the present time.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the account is invalid, or if the scope does not cover all
    /// accounts of its tenant. [`AlreadyExists`](RepositoryError::AlreadyExists) if an account of the tenant has the
    /// name.
    async fn create(
        &self,
        scope: &AccountScope,
        account: NewAccount,
    ) -> Result<Account, RepositoryError>;

    /// Returns an account; `None` if it does not exist or is outside of the scope.
    async fn get(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Option<Account>, RepositoryError>;

    /// Returns a page of the accounts of the scope, by ascending id.
    async fn list(
        &self,
        scope: &AccountScope,
        query: &AccountQuery,
    ) -> Result<Page<Account, AccountId>, RepositoryError>;

    /// Renames an account. The same name is not an error.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the account does not exist or is outside of the scope,
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if another account of the tenant has the name,
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the name is invalid.
    async fn rename(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        name: &str,
    ) -> Result<Account, RepositoryError>;

    /// Closes an account: it takes no further orders, but reports about its orders are booked. An account that is
    /// closed keeps the time at which it was closed.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the account does not exist or is outside of the scope.
    async fn close(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Account, RepositoryError>;
}

/// Checks an account to create, and that the scope covers all accounts of its tenant.
pub(crate) fn check_new_account(
    scope: &AccountScope,
    account: &NewAccount,
) -> Result<(), RepositoryError> {
    account.check().map_err(RepositoryError::invalid)?;
    let tenant = account.tenant_id;
    let covers_tenant = scope.tenant_id().is_none_or(|it| it == tenant);
    match covers_tenant && scope.account_ids().is_none() {
        true => Ok(()),
        false => Err(RepositoryError::invalid(format_args!(
            "the caller may not create accounts of tenant {tenant}"
        ))),
    }
}
