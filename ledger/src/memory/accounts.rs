//! Accounts in memory.

use async_trait::async_trait;
use tickbook::domain::Page;
use tickbook::{Entity, RepositoryError};

use super::store::{InMemoryLedger, StoredAccount, missing};
use crate::domain::{Account, AccountId, AccountLedger, AccountScope, NewAccount};
use crate::repository::{AccountQuery, AccountRepository, check_new_account};

fn taken(name: &str) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Account,
        key: tickbook::domain::excerpt(name),
    }
}

/// Whether another account of the tenant has the name.
fn is_taken<'a>(
    stored: impl IntoIterator<Item = &'a StoredAccount>,
    account: &NewAccount,
    except: Option<AccountId>,
) -> bool {
    stored.into_iter().any(|stored| {
        let other = stored.ledger.account();
        other.terms.tenant_id == account.tenant_id
            && other.terms.name == account.name
            && Some(other.account_id) != except
    })
}

impl InMemoryLedger {
    /// Creates a valid account.
    pub(super) fn create_account(&self, account: NewAccount) -> Result<Account, RepositoryError> {
        let now = self.now();
        let mut stored = self.write();
        if is_taken(stored.values(), &account, None) {
            return Err(taken(&account.name));
        }
        let account = Account::new(self.next_account_id(), account, now);
        let ledger = AccountLedger::new(&account);
        stored.insert(account.account_id, StoredAccount::new(ledger));
        Ok(account)
    }

    /// Deletes an account with all that it owns. Returns the number of its events.
    pub(super) fn delete_account(&self, account_id: AccountId) -> i64 {
        let deleted = self.write().remove(&account_id);
        deleted.map_or(0, |it| it.ledger.sequence())
    }
}

#[async_trait]
impl AccountRepository for InMemoryLedger {
    async fn create(
        &self,
        scope: &AccountScope,
        account: NewAccount,
    ) -> Result<Account, RepositoryError> {
        check_new_account(scope, &account)?;
        self.create_account(account)
    }

    async fn get(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Option<Account>, RepositoryError> {
        let stored = self.read();
        let found = stored.get(&account_id).filter(|it| it.is_in(scope));
        Ok(found.map(|stored| stored.ledger.account().clone()))
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &AccountQuery,
    ) -> Result<Page<Account, AccountId>, RepositoryError> {
        let stored = self.read();
        let found = stored.values().filter(|stored| {
            let account = stored.ledger.account();
            stored.is_in(scope)
                && query
                    .name
                    .as_ref()
                    .is_none_or(|name| account.terms.name == *name)
                && query
                    .environment
                    .is_none_or(|it| account.terms.environment == it)
                && query
                    .closed
                    .is_none_or(|it| account.closed_at.is_some() == it)
                && query.after.is_none_or(|after| account.account_id > after)
        });
        let found = found.map(|stored| stored.ledger.account().clone());
        let items = found.take(query.limit.get() + 1).collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |account: &Account| account.account_id,
        ))
    }

    async fn rename(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        name: &str,
    ) -> Result<Account, RepositoryError> {
        let mut stored = self.write();
        let found = stored.get(&account_id).filter(|it| it.is_in(scope));
        let found = found.ok_or_else(|| missing(account_id))?;
        let mut account = found.ledger.account().clone();
        account.terms.name = name.to_owned();
        account.terms.check().map_err(RepositoryError::invalid)?;
        if is_taken(stored.values(), &account.terms, Some(account_id)) {
            return Err(taken(name));
        }
        if let Some(stored) = stored.get_mut(&account_id) {
            stored.ledger.set_account(&account);
        }
        Ok(account)
    }

    async fn close(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Account, RepositoryError> {
        let now = self.now();
        let mut stored = self.write();
        let found = stored.get_mut(&account_id).filter(|it| it.is_in(scope));
        let found = found.ok_or_else(|| missing(account_id))?;
        let mut account = found.ledger.account().clone();
        account.closed_at.get_or_insert(now);
        found.ledger.set_account(&account);
        Ok(account)
    }
}
