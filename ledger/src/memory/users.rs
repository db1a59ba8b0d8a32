//! Users and their grants in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tickbook::domain::Page;
use tickbook::{Clock, RepositoryError};

use super::store::missing;
use crate::domain::{AccountScope, Grant, User, UserId, UserProfile};
use crate::repository::{
    AccountRepository, UserQuery, UserRepository, check_profile, check_tenant, missing_user,
    user_taken,
};

/// Users and their grants in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryUsers {
    accounts: Arc<dyn AccountRepository>,
    stored: Arc<Mutex<BTreeMap<UserId, Stored>>>,
    clock: Clock,
}

#[derive(Debug)]
struct Stored {
    user: User,
    grants: BTreeSet<Grant>,
}

impl InMemoryUsers {
    /// An empty store whose accounts are those of `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepository>, clock: Clock) -> Self {
        Self {
            accounts,
            stored: Arc::default(),
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<UserId, Stored>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }
}

impl fmt::Debug for InMemoryUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryUsers").finish_non_exhaustive()
    }
}

/// Whether another user has the name or the address, without regard to case.
fn is_taken(
    stored: &BTreeMap<UserId, Stored>,
    profile: &UserProfile,
    except: Option<UserId>,
) -> bool {
    let email = |profile: &UserProfile| profile.email.as_ref().map(|it| it.to_lowercase());
    stored.iter().any(|(id, other)| {
        let other = &other.user.profile;
        let has_name = other.username.eq_ignore_ascii_case(&profile.username);
        let has_email = email(other).is_some() && email(other) == email(profile);
        Some(*id) != except && (has_name || has_email)
    })
}

#[async_trait]
impl UserRepository for InMemoryUsers {
    async fn create(&self, profile: UserProfile) -> Result<User, RepositoryError> {
        check_profile(&profile)?;
        let now = self.now();
        let mut stored = self.lock();
        if is_taken(&stored, &profile, None) {
            return Err(user_taken(&profile));
        }
        let last = stored.last_key_value().map_or(0, |(id, _)| id.get());
        let user = User::new(UserId::new(last + 1), profile, now);
        let (kept, grants) = (user.clone(), BTreeSet::new());
        stored.insert(user.user_id, Stored { user: kept, grants });
        Ok(user)
    }

    async fn list(&self, query: &UserQuery) -> Result<Page<User, UserId>, RepositoryError> {
        let stored = self.lock();
        let users = stored.values().map(|stored| &stored.user);
        let users = users.filter(|user| {
            let profile = &user.profile;
            let name = query.username.as_ref();
            name.is_none_or(|name| profile.username.eq_ignore_ascii_case(name))
                && query.active.is_none_or(|it| profile.is_active == it)
                && query.after.is_none_or(|after| user.user_id > after)
        });
        let items = users.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |user: &User| user.user_id,
        ))
    }

    async fn change(&self, user_id: UserId, profile: UserProfile) -> Result<User, RepositoryError> {
        check_profile(&profile)?;
        let now = self.now();
        let mut stored = self.lock();
        let found = stored.get(&user_id).ok_or_else(|| missing_user(user_id))?;
        check_tenant(&found.user, &profile)?;
        if is_taken(&stored, &profile, Some(user_id)) {
            return Err(user_taken(&profile));
        }
        let found = stored.get_mut(&user_id);
        let user = &mut found.ok_or_else(|| missing_user(user_id))?.user;
        user.profile = profile;
        user.updated_at = now;
        Ok(user.clone())
    }

    async fn grant(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError> {
        let tenant = {
            let stored = self.lock();
            let found = stored.get(&user_id).ok_or_else(|| missing_user(user_id))?;
            found.user.profile.tenant_id
        };
        if let Some(id) = grant.account_id {
            let scope = AccountScope::tenant(tenant);
            let account = self.accounts.get(&scope, id).await?;
            account.ok_or_else(|| missing(id))?;
        }
        let mut stored = self.lock();
        let found = stored
            .get_mut(&user_id)
            .ok_or_else(|| missing_user(user_id))?;
        found.grants.insert(grant);
        Ok(found.grants.iter().copied().collect())
    }

    async fn withdraw(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError> {
        let mut stored = self.lock();
        let found = stored
            .get_mut(&user_id)
            .ok_or_else(|| missing_user(user_id))?;
        found.grants.remove(&grant);
        Ok(found.grants.iter().copied().collect())
    }

    async fn grants(&self, user_id: UserId) -> Result<Option<Vec<Grant>>, RepositoryError> {
        let stored = self.lock();
        let found = stored.get(&user_id);
        Ok(found.map(|found| found.grants.iter().copied().collect()))
    }
}
