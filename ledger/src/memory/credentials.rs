//! Encrypted credentials in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tickbook::domain::{Page, PageLimit};
use tickbook::{Clock, RepositoryError};

use super::store::missing;
use crate::domain::{
    AccountId, AccountScope, Credential, CredentialId, CredentialName, CredentialVersion, KeyId,
    SealedSecret, WrappedKey,
};
use crate::repository::{
    AccountRepository, CredentialQuery, CredentialRepository, check_sealed, credential_taken,
    missing_credential,
};

/// Encrypted credentials in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryCredentials {
    accounts: Arc<dyn AccountRepository>,
    stored: Arc<Mutex<Stored>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Stored {
    /// The last reserved id.
    last_id: i64,
    /// By ascending id.
    credentials: Vec<(Credential, SealedSecret)>,
}

impl InMemoryCredentials {
    /// An empty store whose accounts are those of `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepository>, clock: Clock) -> Self {
        Self {
            accounts,
            stored: Arc::default(),
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    async fn is_in(&self, scope: &AccountScope, id: AccountId) -> Result<bool, RepositoryError> {
        Ok(self.accounts.get(scope, id).await?.is_some())
    }

    async fn check(&self, scope: &AccountScope, id: AccountId) -> Result<(), RepositoryError> {
        match self.is_in(scope, id).await? {
            true => Ok(()),
            false => Err(missing(id)),
        }
    }
}

impl fmt::Debug for InMemoryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCredentials")
            .finish_non_exhaustive()
    }
}

impl Stored {
    /// The version of a credential that is in use.
    fn used(&mut self, name: &CredentialName) -> Option<&mut (Credential, SealedSecret)> {
        let mut all = self.credentials.iter_mut();
        all.find(|(it, _)| it.version.name == *name && it.revoked_at.is_none())
    }
}

#[async_trait]
impl CredentialRepository for InMemoryCredentials {
    async fn reserve(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<CredentialVersion, RepositoryError> {
        self.check(scope, name.account_id).await?;
        let mut stored = self.lock();
        stored.last_id += 1;
        let versions = stored.credentials.iter().map(|(it, _)| &it.version);
        let versions = versions.filter(|it| it.name == *name);
        let last = versions.map(|it| it.version).max().unwrap_or(0);
        let id = CredentialId::new(stored.last_id);
        Ok(CredentialVersion::new(id, name.clone(), last + 1))
    }

    async fn put(
        &self,
        scope: &AccountScope,
        version: &CredentialVersion,
        sealed: &SealedSecret,
    ) -> Result<Credential, RepositoryError> {
        check_sealed(sealed)?;
        self.check(scope, version.name.account_id).await?;
        let now = self.now();
        let mut stored = self.lock();
        let is_taken = stored.credentials.iter().any(|(it, _)| {
            let other = &it.version;
            other.credential_id == version.credential_id
                || (other.name == version.name && other.version == version.version)
        });
        if is_taken {
            return Err(credential_taken(version));
        }
        if let Some((used, _)) = stored.used(&version.name) {
            used.revoked_at = Some(now);
        }
        let credential = Credential::new(version.clone(), sealed.key.key_id.clone(), now);
        stored
            .credentials
            .push((credential.clone(), sealed.clone()));
        stored
            .credentials
            .sort_by_key(|(it, _)| it.version.credential_id);
        Ok(credential)
    }

    async fn get(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Option<(Credential, SealedSecret)>, RepositoryError> {
        match self.is_in(scope, name.account_id).await? {
            true => Ok(self.lock().used(name).cloned()),
            false => Ok(None),
        }
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &CredentialQuery,
    ) -> Result<Page<Credential, CredentialId>, RepositoryError> {
        let is_wanted = |credential: &Credential| {
            let version = &credential.version;
            query
                .account_id
                .is_none_or(|id| version.name.account_id == id)
                && (query.with_revoked || credential.revoked_at.is_none())
                && query
                    .after
                    .is_none_or(|after| version.credential_id > after)
        };
        let found: Vec<_> = {
            let stored = self.lock();
            let all = stored.credentials.iter().map(|(it, _)| it);
            all.filter(|it| is_wanted(it)).cloned().collect()
        };
        let mut items = Vec::new();
        for credential in found {
            if items.len() > query.limit.get() {
                break;
            }
            if self
                .is_in(scope, credential.version.name.account_id)
                .await?
            {
                items.push(credential);
            }
        }
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |it: &Credential| it.version.credential_id,
        ))
    }

    async fn revoke(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Credential, RepositoryError> {
        if !self.is_in(scope, name.account_id).await? {
            return Err(missing_credential(name));
        }
        let now = self.now();
        let mut stored = self.lock();
        let (used, _) = stored.used(name).ok_or_else(|| missing_credential(name))?;
        used.revoked_at = Some(now);
        Ok(used.clone())
    }

    async fn outdated(
        &self,
        current: &KeyId,
        limit: PageLimit,
    ) -> Result<Vec<(Credential, SealedSecret)>, RepositoryError> {
        let stored = self.lock();
        let outdated = stored.credentials.iter();
        let outdated = outdated.filter(|(it, _)| it.revoked_at.is_none() && it.key_id != *current);
        Ok(outdated.take(limit.get()).cloned().collect())
    }

    async fn rewrap(
        &self,
        credential_id: CredentialId,
        from: &WrappedKey,
        to: &WrappedKey,
    ) -> Result<bool, RepositoryError> {
        let now = self.now();
        let mut stored = self.lock();
        let mut all = stored.credentials.iter_mut();
        let found = all
            .find(|(it, sealed)| it.version.credential_id == credential_id && sealed.key == *from);
        let Some((credential, sealed)) = found else {
            return Ok(false);
        };
        sealed.key = to.clone();
        credential.key_id = to.key_id.clone();
        credential.rewrapped_at = Some(now);
        Ok(true)
    }
}
