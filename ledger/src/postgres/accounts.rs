//! Accounts in PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::Page;
use tickbook::{Entity, RepositoryError};

use super::account_rows::{self, AccountColumns, AccountRow, account_columns};
use super::statement::{Parameter, Statement, StatementText};
use super::store::PgLedger;
use super::stored::missing;
use crate::domain::{Account, AccountId, AccountScope, NewAccount};
use crate::repository::{AccountQuery, AccountRepository, check_new_account};

struct InsertAccount;

impl StatementText for InsertAccount {
    const SQL: &'static str = concat!(
        "INSERT INTO accounts SELECT GREATEST((SELECT max(account_id) FROM accounts), \
         (SELECT max(account_id) FROM deleted_accounts), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL RETURNING ",
        account_columns!()
    );
    type Row = AccountColumns;
}

struct InsertHead;

impl StatementText for InsertHead {
    const SQL: &'static str = "INSERT INTO account_heads (account_id, sequence, revision, updated_at) VALUES (?, 0, 0, ?)";
    type Row = BigInt;
}

/// Writers of accounts wait for each other, so that each takes the next id.
struct LockAccounts;

impl StatementText for LockAccounts {
    const SQL: &'static str = "LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE";
    type Row = BigInt;
}

/// Creates a valid account.
pub(super) fn create(
    connection: &mut PgConnection,
    account: &NewAccount,
    now: DateTime<Utc>,
) -> Result<Account, DbError> {
    transaction(connection, |connection| {
        Statement::<LockAccounts>::new([]).execute(connection)?;
        let text = |text: &str| Parameter::Text(text.to_owned());
        let statement = Statement::<InsertAccount>::new([
            Parameter::BigInt(account.tenant_id.get()),
            text(&account.name),
            text(account.venue.as_str()),
            text(account.environment.as_str()),
            text(account.base_currency.as_str()),
            text(&account.time_zone),
            text(account.cost_method.as_str()),
            text(account.position_mode.as_str()),
            Parameter::Time(now),
        ]);
        let row: AccountRow = statement
            .get_result(connection)
            .map_err(|error| named(error, &account.name))?;
        let created = row.into_account()?;
        let head = [
            Parameter::BigInt(created.account_id.get()),
            Parameter::Time(now),
        ];
        Statement::<InsertHead>::new(head).execute(connection)?;
        Ok(created)
    })
}

/// The error of a name that is taken.
fn named(error: diesel::result::Error, name: &str) -> DbError {
    let error = DbError::from(error);
    match error.is_unique_violation() {
        true => taken(name).into(),
        false => error,
    }
}

fn taken(name: &str) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Account,
        key: tickbook::domain::excerpt(name),
    }
}

struct ListAccounts;

impl StatementText for ListAccounts {
    const SQL: &'static str = concat!(
        "WITH input AS (SELECT ?::bigint AS tenant_id, ?::bigint[] AS account_ids, ?::text AS name, \
         ?::text AS environment, ?::boolean AS closed, ?::bigint AS after, ?::bigint AS row_limit) SELECT ",
        account_columns!(),
        " FROM (SELECT accounts.* FROM accounts, input \
         WHERE (input.tenant_id IS NULL OR accounts.tenant_id = input.tenant_id) \
         AND (input.account_ids IS NULL OR account_id = ANY(input.account_ids)) \
         AND (input.name IS NULL OR accounts.name = input.name) \
         AND (input.environment IS NULL OR accounts.environment = input.environment) \
         AND (input.closed IS NULL OR (closed_at IS NOT NULL) = input.closed) \
         AND (input.after IS NULL OR account_id > input.after) \
         ORDER BY account_id LIMIT (SELECT row_limit FROM input)) AS found ORDER BY account_id"
    );
    type Row = AccountColumns;
}

fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &AccountQuery,
) -> Result<Page<Account, AccountId>, DbError> {
    let ids = scope.account_ids();
    let ids = ids.map(|ids| ids.iter().map(|id| Some(id.get())).collect());
    let environment = query.environment.map(|it| it.as_str().to_owned());
    let statement = Statement::<ListAccounts>::new([
        Parameter::OptionalBigInt(scope.tenant_id().map(|id| id.get())),
        Parameter::OptionalBigInts(ids),
        Parameter::OptionalText(query.name.clone()),
        Parameter::OptionalText(environment),
        Parameter::OptionalBool(query.closed),
        Parameter::OptionalBigInt(query.after.map(|id| id.get())),
        // at most a page and one more
        Parameter::BigInt(query.limit.get() as i64 + 1),
    ]);
    let rows: Vec<AccountRow> = statement.load(connection)?;
    let accounts: Result<Vec<_>, RepositoryError> =
        rows.into_iter().map(AccountRow::into_account).collect();
    Ok(Page::from_limit_plus_one(
        accounts?,
        query.limit,
        |it: &Account| it.account_id,
    ))
}

struct Revise;

impl StatementText for Revise {
    const SQL: &'static str = "UPDATE account_heads SET revision = revision + 1, updated_at = GREATEST(updated_at, ?) WHERE account_id = ?";
    type Row = BigInt;
}

struct Rename;

impl StatementText for Rename {
    const SQL: &'static str = "UPDATE accounts SET name = ? WHERE account_id = ?";
    type Row = BigInt;
}

struct Close;

impl StatementText for Close {
    const SQL: &'static str =
        "UPDATE accounts SET closed_at = COALESCE(closed_at, ?) WHERE account_id = ?";
    type Row = BigInt;
}

/// Changes an account of the scope under the lock of its head, so that writers of events see the change.
fn change(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account_id: AccountId,
    now: DateTime<Utc>,
    update: impl FnOnce(&mut PgConnection) -> Result<(), DbError>,
) -> Result<Account, DbError> {
    transaction(connection, |connection| {
        let id = Parameter::BigInt(account_id.get());
        let head = Statement::<Revise>::new([Parameter::Time(now), id]);
        if head.execute(connection)? == 0 {
            return Err(missing(account_id).into());
        }
        find(connection, scope, account_id)?.ok_or_else(|| missing(account_id))?;
        update(connection)?;
        let changed = find(connection, scope, account_id)?;
        Ok(changed.ok_or_else(|| missing(account_id))?)
    })
}

/// An account, if it is in the scope.
pub(super) fn find(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<Option<Account>, DbError> {
    let account = account_rows::get(connection, account_id)?;
    Ok(account.filter(|it| scope.contains(it.terms.tenant_id, account_id)))
}

#[async_trait]
impl AccountRepository for PgLedger {
    async fn create(
        &self,
        scope: &AccountScope,
        account: NewAccount,
    ) -> Result<Account, RepositoryError> {
        check_new_account(scope, &account)?;
        let now = self.now();
        let work = move |connection: &mut PgConnection| create(connection, &account, now);
        self.metadata().run_once("create_account", work).await
    }

    async fn get(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Option<Account>, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| find(connection, &scope, account_id);
        self.metadata().read("account", work).await
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &AccountQuery,
    ) -> Result<Page<Account, AccountId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work = move |connection: &mut PgConnection| list(connection, &scope, &query);
        self.metadata().read("accounts", work).await
    }

    async fn rename(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        name: &str,
    ) -> Result<Account, RepositoryError> {
        let (scope, name, now) = (scope.clone(), name.to_owned(), self.now());
        let work = move |connection: &mut PgConnection| {
            change(connection, &scope, account_id, now, |connection| {
                let found = find(connection, &scope, account_id)?;
                let mut terms = found.ok_or_else(|| missing(account_id))?.terms;
                terms.name.clone_from(&name);
                terms.check().map_err(RepositoryError::invalid)?;
                let parameters = [
                    Parameter::Text(name.clone()),
                    Parameter::BigInt(account_id.get()),
                ];
                let renamed = Statement::<Rename>::new(parameters).execute(connection);
                renamed.map_err(|error| named(error, &name))?;
                Ok(())
            })
        };
        self.metadata().run_idempotent("rename_account", work).await
    }

    async fn close(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Account, RepositoryError> {
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            change(connection, &scope, account_id, now, |connection| {
                let parameters = [Parameter::Time(now), Parameter::BigInt(account_id.get())];
                Statement::<Close>::new(parameters).execute(connection)?;
                Ok(())
            })
        };
        self.metadata().run_idempotent("close_account", work).await
    }
}
