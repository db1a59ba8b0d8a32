//! The repository of encrypted credentials.

use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::domain::{Page, PageLimit, excerpt};
use tickbook::{Entity, RepositoryError};

use crate::domain::{
    AccountId, AccountScope, Credential, CredentialId, CredentialName, CredentialVersion, KeyId,
    MAX_SECRET_BYTES, SEALED_BYTES, SealedSecret, WrappedKey,
};

/// A query for credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialQuery {
    /// Only credentials of this account.
    pub account_id: Option<AccountId>,
    /// Whether revoked and replaced versions are included.
    pub with_revoked: bool,
    /// Only those after this one.
    pub after: Option<CredentialId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl CredentialQuery {
    /// Returns only credentials of this account.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<Option<AccountId>>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Includes revoked and replaced versions.
    #[must_use]
    pub fn with_revoked(mut self, with_revoked: bool) -> Self {
        self.with_revoked = with_revoked;
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<CredentialId>>) -> Self {
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

/// Stores encrypted credentials. It never has a secret or a key: `Vault` (feature `vault`) encrypts and decrypts.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::domain::{AccountScope, Currency, Environment, NewAccount, TenantId, Venue};
/// use tickbook_ledger::domain::{CredentialName, KeyId, SealedSecret, WrappedKey};
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// let accounts = LedgerRepositories::in_memory().accounts;
/// let credentials = OversightRepositories::in_memory(accounts.clone()).credentials;
/// let (scope, venue) = (AccountScope::all(), Venue::new("kraken")?);
/// let terms = NewAccount::new(TenantId::new(1), "main", venue.clone(), Environment::Live, Currency::new("USD")?);
/// let account = accounts.create(&scope, terms).await?;
///
/// let name = CredentialName::new(account.account_id, venue, "api key")?;
/// let version = credentials.reserve(&scope, &name).await?;
/// // encrypted and bound to `version`
/// let sealed = SealedSecret::new(WrappedKey::new(KeyId::new("2026")?, [0; 72]), vec![0; 50]);
/// credentials.put(&scope, &version, &sealed).await?;
/// let found = credentials.get(&scope, &name).await?;
/// assert_eq!(found.map(|(credential, _)| credential.version), Some(version));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CredentialRepository: Debug + Send + Sync + 'static {
    /// Returns the next version of a credential, with an id that no other version gets. Nothing is stored yet.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the account does not exist or is outside of the scope.
    async fn reserve(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<CredentialVersion, RepositoryError>;

    /// Stores a version with its encrypted secret, and revokes the version that was in use.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the account does not exist or is outside of the scope.
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if the version or its id is stored already.
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the encrypted secret is empty or too long.
    async fn put(
        &self,
        scope: &AccountScope,
        version: &CredentialVersion,
        sealed: &SealedSecret,
    ) -> Result<Credential, RepositoryError>;

    /// Returns the version in use with its encrypted secret; `None` if there is none or the account is outside of the
    /// scope.
    async fn get(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Option<(Credential, SealedSecret)>, RepositoryError>;

    /// Returns a page of the credentials of the scope without their secrets, by ascending id.
    async fn list(
        &self,
        scope: &AccountScope,
        query: &CredentialQuery,
    ) -> Result<Page<Credential, CredentialId>, RepositoryError>;

    /// Revokes the version in use. It stays stored, and is not used again.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if no version is in use or the account is outside of the scope.
    async fn revoke(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Credential, RepositoryError>;

    /// Returns up to `limit` credentials in use, of all accounts, whose data keys are encrypted with another key than
    /// `current`, by ascending id.
    async fn outdated(
        &self,
        current: &KeyId,
        limit: PageLimit,
    ) -> Result<Vec<(Credential, SealedSecret)>, RepositoryError>;

    /// Replaces the encrypted data key of a credential if it is still `from`. Returns whether it was.
    async fn rewrap(
        &self,
        credential_id: CredentialId,
        from: &WrappedKey,
        to: &WrappedKey,
    ) -> Result<bool, RepositoryError>;
}

/// Checks the length of an encrypted secret.
pub(crate) fn check_sealed(sealed: &SealedSecret) -> Result<(), RepositoryError> {
    let range = SEALED_BYTES + 1..=SEALED_BYTES + MAX_SECRET_BYTES;
    match range.contains(&sealed.payload.len()) {
        true => Ok(()),
        false => Err(RepositoryError::invalid(format_args!(
            "invalid secret: expected 1 to {MAX_SECRET_BYTES} bytes"
        ))),
    }
}

/// The error of a credential without a version in use.
pub(crate) fn missing_credential(name: &CredentialName) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Credential,
        key: excerpt(format!("{}/{}", name.broker, name.label)),
    }
}

/// The error of a version that is stored already.
pub(crate) fn credential_taken(version: &CredentialVersion) -> RepositoryError {
    let name = &version.name;
    RepositoryError::AlreadyExists {
        entity: Entity::Credential,
        key: excerpt(format!(
            "{}/{} {}",
            name.broker, name.label, version.version
        )),
    }
}
