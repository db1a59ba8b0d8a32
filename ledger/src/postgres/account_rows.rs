//! Accounts as rows.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::DbError;
use tickbook::{Entity, RepositoryError};

use super::statement::{Parameter, Statement, StatementText};
use super::stored::invalid;
use crate::domain::{Account, AccountId, Currency, NewAccount, TenantId, Venue};

/// The columns of an [`AccountRow`].
macro_rules! account_columns {
    () => {
        "account_id, tenant_id, name, venue, environment, base_currency, time_zone, cost_method, position_mode, \
         created_at, closed_at"
    };
}

pub(super) use account_columns;

pub(super) type AccountColumns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Timestamptz,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
pub(super) struct AccountRow {
    account_id: i64,
    tenant_id: i64,
    name: String,
    venue: String,
    environment: String,
    base_currency: String,
    time_zone: String,
    cost_method: String,
    position_mode: String,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

impl AccountRow {
    pub(super) fn into_account(self) -> Result<Account, RepositoryError> {
        let id = self.account_id;
        let id_error = |column| move |error| invalid(Entity::Account, id, column, error);
        let name_error = |column| {
            move |error: crate::domain::UnknownName| invalid(Entity::Account, id, column, error)
        };
        let terms = NewAccount::new(
            TenantId::new(self.tenant_id),
            self.name,
            Venue::new(self.venue).map_err(id_error("venue"))?,
            self.environment
                .parse()
                .map_err(name_error("environment"))?,
            Currency::new(self.base_currency).map_err(id_error("base_currency"))?,
        );
        let method = self
            .cost_method
            .parse()
            .map_err(name_error("cost_method"))?;
        let mode = self
            .position_mode
            .parse()
            .map_err(name_error("position_mode"))?;
        let terms = terms
            .time_zone(self.time_zone)
            .cost_method(method)
            .position_mode(mode);
        let mut account = Account::new(AccountId::new(id), terms, self.created_at);
        account.closed_at = self.closed_at;
        Ok(account)
    }
}

struct GetAccount;

impl StatementText for GetAccount {
    const SQL: &'static str = concat!(
        "SELECT ",
        account_columns!(),
        " FROM accounts WHERE account_id = ?"
    );
    type Row = AccountColumns;
}

/// An account of any tenant.
pub(super) fn get(
    connection: &mut PgConnection,
    account_id: AccountId,
) -> Result<Option<Account>, DbError> {
    let statement = Statement::<GetAccount>::new([Parameter::BigInt(account_id.get())]);
    let row: Option<AccountRow> = statement.get_result(connection).optional()?;
    Ok(row.map(AccountRow::into_account).transpose()?)
}
