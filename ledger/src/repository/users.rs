//! The repository of users and their grants.

use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::domain::{Page, PageLimit, excerpt};
use tickbook::{Entity, RepositoryError};

use crate::domain::{Grant, User, UserId, UserProfile};

/// A query for users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserQuery {
    /// Only the user with this name, compared without regard to case.
    pub username: Option<String>,
    /// Only active users, or only the others.
    pub active: Option<bool>,
    /// Only users after this one.
    pub after: Option<UserId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl UserQuery {
    /// Returns only the user with this name, compared without regard to case.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Returns only active users (`true`), or only the others (`false`).
    #[must_use]
    pub fn active(mut self, active: impl Into<Option<bool>>) -> Self {
        self.active = active.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<UserId>>) -> Self {
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

/// Stores users and their roles in accounts. It stores no passwords.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::domain::{AccountScope, Grant, Role, TenantId, UserProfile};
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// let accounts = LedgerRepositories::in_memory().accounts;
/// let users = OversightRepositories::in_memory(accounts).users;
/// let tenant = TenantId::new(1);
/// let user = users.create(UserProfile::new(tenant, "ada")).await?;
/// let grants = users.grant(user.user_id, Grant::new(None, Role::Viewer)).await?;
/// assert_eq!(user.scope(&grants, false), AccountScope::tenant(tenant));
/// assert_eq!(user.scope(&grants, true), AccountScope::accounts(tenant, []));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserRepository: Debug + Send + Sync + 'static {
    /// Creates a user with the next id.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the profile is invalid.
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if a user has the name or the address.
    async fn create(&self, profile: UserProfile) -> Result<User, RepositoryError>;

    /// Returns a page of users, by ascending id.
    async fn list(&self, query: &UserQuery) -> Result<Page<User, UserId>, RepositoryError>;

    /// Replaces the profile of a user. The tenant never changes.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the user does not exist.
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the profile is invalid or has another tenant.
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if another user has the name or the address.
    async fn change(&self, user_id: UserId, profile: UserProfile) -> Result<User, RepositoryError>;

    /// Grants a role, and returns all grants of the user. A grant that the user has is not an error.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the user does not exist, or if the account does not exist or belongs to
    /// another tenant.
    async fn grant(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError>;

    /// Withdraws a role, and returns the other grants of the user. A grant that the user does not have is not an error.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the user does not exist.
    async fn withdraw(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError>;

    /// Returns the grants of a user, those of all accounts first, then by account and role; `None` if the user does not
    /// exist.
    async fn grants(&self, user_id: UserId) -> Result<Option<Vec<Grant>>, RepositoryError>;
}

/// Checks the profile of a user.
pub(crate) fn check_profile(profile: &UserProfile) -> Result<(), RepositoryError> {
    profile.check().map_err(RepositoryError::invalid)
}

/// Checks that a change keeps the tenant.
pub(crate) fn check_tenant(user: &User, profile: &UserProfile) -> Result<(), RepositoryError> {
    match user.profile.tenant_id == profile.tenant_id {
        true => Ok(()),
        false => Err(RepositoryError::invalid(
            "the tenant of a user never changes: create another user",
        )),
    }
}

/// The error of an unknown user.
pub(crate) fn missing_user(user_id: UserId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::User,
        key: user_id.to_string(),
    }
}

/// The error of a name or an address that is taken.
pub(crate) fn user_taken(profile: &UserProfile) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::User,
        key: excerpt(&profile.username),
    }
}
