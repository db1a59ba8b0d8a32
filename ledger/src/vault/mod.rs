//! Credentials of brokers: encrypted before they are stored, and decrypted where they are used.
//!
//! Each secret has a data key of its own, and both use XChaCha20-Poly1305 with random nonces. The data key is
//! encrypted with the current key of a [`KeyRing`], which is not in the database. Both ciphertexts are bound to the id,
//! the account, the broker, the label and the version, so that a row that is copied or changed cannot be decrypted.
//!
//! A new [`KeyRing`] key takes effect with [`Vault::rotate`], which encrypts 72 bytes of each credential again.

mod envelope;

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tickbook::RepositoryError;
use tickbook::domain::PageLimit;

use crate::domain::{AccountScope, Credential, CredentialName, KeyRing};
use crate::repository::CredentialRepository;

pub use envelope::{VaultError, open, rewrap, seal};

/// Secrets are strings of this crate. Using this re-export guarantees the same version.
pub use secrecy;

/// Encrypts and decrypts the credentials of a repository. Clones share both.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tickbook_ledger::domain::{AccountScope, Currency, Environment, NewAccount, TenantId};
/// use tickbook_ledger::domain::{CredentialName, KeyId, KeyRing, SecretKey, Venue};
/// use tickbook_ledger::vault::Vault;
/// use tickbook_ledger::vault::secrecy::{ExposeSecret as _, SecretString};
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// # let accounts = LedgerRepositories::in_memory().accounts;
/// # let (scope, venue) = (AccountScope::all(), Venue::new("kraken")?);
/// # let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, Currency::new("USD")?);
/// # let account_id = accounts.create(&scope, terms).await?.account_id;
/// let credentials = OversightRepositories::in_memory(accounts.clone()).credentials;
/// let keys = KeyRing::new(KeyId::new("2026")?, SecretKey::new([7; 32]));
/// let vault = Vault::new(credentials, keys);
/// let name = CredentialName::new(account_id, Venue::new("kraken")?, "api key")?;
/// vault.add(&scope, &name, &SecretString::from("hunter2")).await?;
/// let secret = vault.reveal(&scope, &name).await?.expect("added above");
/// assert_eq!(secret.expose_secret(), "hunter2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Vault {
    credentials: Arc<dyn CredentialRepository>,
    keys: KeyRing,
}

/// The result of a rotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationReport {
    /// The number of data keys that were encrypted with the current key.
    pub rewrapped: u64,
}

impl Vault {
    /// A vault with these keys.
    #[must_use]
    pub fn new(credentials: Arc<dyn CredentialRepository>, keys: KeyRing) -> Self {
        Self { credentials, keys }
    }

    /// Stores a secret. It replaces the secret that was in use under the name.
    ///
    /// # Errors
    /// The account is unknown, the secret is empty or longer than 65,536 bytes, or the system has no random numbers.
    pub async fn add(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
        secret: &SecretString,
    ) -> Result<Credential, VaultError> {
        let version = self.credentials.reserve(scope, name).await?;
        let sealed = seal(&self.keys, &version, secret.expose_secret())?;
        Ok(self.credentials.put(scope, &version, &sealed).await?)
    }

    /// Returns the secret in use; `None` if there is none or the account is outside of the scope.
    ///
    /// # Errors
    /// The stored bytes were changed or belong to another row, or their key is not in the ring.
    pub async fn reveal(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Option<SecretString>, VaultError> {
        let Some((credential, sealed)) = self.credentials.get(scope, name).await? else {
            return Ok(None);
        };
        // a row that is found by another name is not the one that was asked for
        if credential.version.name != *name {
            return Err(VaultError::Changed(credential.version.credential_id));
        }
        open(&self.keys, &credential.version, &sealed).map(Some)
    }

    /// Encrypts the data keys of all credentials in use with the current key. It may be interrupted and repeated; both
    /// keys have to be in the ring until it is complete.
    ///
    /// # Errors
    /// A data key cannot be decrypted. Those before it have been rotated.
    pub async fn rotate(&self) -> Result<RotationReport, VaultError> {
        let mut report = RotationReport::default();
        loop {
            let outdated = self.outdated().await?;
            if outdated.is_empty() {
                return Ok(report);
            }
            for (credential, sealed) in outdated {
                let id = credential.version.credential_id;
                let key = rewrap(&self.keys, &credential.version, &sealed.key)?;
                // another rotation may have changed it meanwhile
                if self.credentials.rewrap(id, &sealed.key, &key).await? {
                    report.rewrapped += 1;
                }
            }
        }
    }

    async fn outdated(
        &self,
    ) -> Result<Vec<(Credential, crate::domain::SealedSecret)>, RepositoryError> {
        let current = self.keys.current_id();
        self.credentials
            .outdated(current, PageLimit::default())
            .await
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("current", self.keys.current_id())
            .finish_non_exhaustive()
    }
}
