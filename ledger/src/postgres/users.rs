//! Users and their grants in PostgreSQL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::{DbError, MetadataConnections, MetadataDb, transaction};
use tickbook::domain::Page;
use tickbook::{Clock, Entity, RepositoryError};

use super::accounts::find;
use super::details::{details_of, text_of};
use super::json::PgJson;
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::stored::{invalid, missing};
use crate::domain::{AccountId, AccountScope, Grant, TenantId, User, UserId, UserProfile};
use crate::repository::{
    UserQuery, UserRepository, check_profile, check_tenant, missing_user, user_taken,
};

/// [`UserRepository`] in the metadata database. Clones share the connections.
#[derive(Clone)]
pub struct PgUsers {
    connections: Arc<dyn MetadataConnections>,
    clock: Clock,
}

impl PgUsers {
    /// A store over `connections`, which connects at its first use.
    #[must_use]
    pub fn new(connections: impl MetadataConnections, clock: Clock) -> Self {
        Self {
            connections: Arc::new(connections),
            clock,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    fn metadata(&self) -> MetadataDb {
        self.connections.metadata()
    }
}

impl fmt::Debug for PgUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgUsers").finish_non_exhaustive()
    }
}

/// The columns of a [`Row`].
macro_rules! user_columns {
    () => {
        "user_id, tenant_id, username, email, display_name, is_active, two_factor_enabled, preferences, created_at, \
         updated_at"
    };
}

type Columns = (
    BigInt,
    BigInt,
    Text,
    Nullable<Text>,
    Text,
    Bool,
    Bool,
    Jsonb,
    Timestamptz,
    Timestamptz,
);

#[derive(Debug, Queryable)]
struct Row {
    user_id: i64,
    tenant_id: i64,
    username: String,
    email: Option<String>,
    display_name: String,
    is_active: bool,
    two_factor_enabled: bool,
    preferences: PgJson,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_user(self) -> Result<User, RepositoryError> {
        let mut profile = UserProfile::new(TenantId::new(self.tenant_id), self.username)
            .with_email(self.email)
            .with_display_name(self.display_name);
        profile.is_active = self.is_active;
        profile.two_factor_enabled = self.two_factor_enabled;
        profile.preferences = details_of(Entity::User, self.user_id, &self.preferences)?;
        let mut user = User::new(UserId::new(self.user_id), profile, self.created_at);
        user.updated_at = self.updated_at;
        Ok(user)
    }
}

/// The parameters of a profile without its tenant.
fn parameters(profile: &UserProfile) -> Result<[Parameter; 6], RepositoryError> {
    Ok([
        Parameter::Text(profile.username.clone()),
        Parameter::OptionalText(profile.email.clone()),
        Parameter::Text(profile.display_name.clone()),
        Parameter::OptionalBool(Some(profile.is_active)),
        Parameter::OptionalBool(Some(profile.two_factor_enabled)),
        Parameter::Text(text_of(&profile.preferences)?),
    ])
}

/// The error of a name or an address that is taken.
fn named(error: diesel::result::Error, profile: &UserProfile) -> DbError {
    let error = DbError::from(error);
    match error.is_unique_violation() {
        true => user_taken(profile).into(),
        false => error,
    }
}

/// Writers of users wait for each other, so that ids have no gaps.
struct LockUsers;

impl StatementText for LockUsers {
    const SQL: &'static str = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE";
    type Row = BigInt;
}

struct InsertUser;

impl StatementText for InsertUser {
    const SQL: &'static str = concat!(
        "INSERT INTO users SELECT COALESCE(max(user_id), 0) + 1, ?, ?, ?, ?, ?, ?, ?::text::jsonb, ?, ? \
         FROM users RETURNING ",
        user_columns!()
    );
    type Row = Columns;
}

fn create(
    connection: &mut PgConnection,
    profile: &UserProfile,
    now: DateTime<Utc>,
) -> Result<User, DbError> {
    transaction(connection, |connection| {
        Statement::<LockUsers>::new([]).execute(connection)?;
        let tenant = Parameter::BigInt(profile.tenant_id.get());
        let mut all = vec![tenant];
        all.extend(parameters(profile)?);
        all.extend([Parameter::Time(now), Parameter::Time(now)]);
        let row = Statement::<InsertUser>::new(all).get_result::<Row>(connection);
        Ok(row.map_err(|error| named(error, profile))?.into_user()?)
    })
}

fn list(connection: &mut PgConnection, query: &UserQuery) -> Result<Page<User, UserId>, DbError> {
    let mut select = Selection::<Columns>::new(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE true"
    ));
    if let Some(name) = &query.username {
        let name = Parameter::Text(name.clone());
        select.push(" AND lower(username) = lower(?)", [name]);
    }
    if let Some(active) = query.active {
        select.push(
            " AND is_active = ?",
            [Parameter::OptionalBool(Some(active))],
        );
    }
    if let Some(after) = query.after {
        select.push(" AND user_id > ?", [Parameter::BigInt(after.get())]);
    }
    select.push(
        " ORDER BY user_id LIMIT ?",
        // at most a page and one more
        [Parameter::BigInt(query.limit.get() as i64 + 1)],
    );
    let items = select.collect(connection, Row::into_user)?;
    Ok(Page::from_limit_plus_one(
        items,
        query.limit,
        |user: &User| user.user_id,
    ))
}

struct GetUser;

impl StatementText for GetUser {
    const SQL: &'static str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE user_id = ? FOR UPDATE"
    );
    type Row = Columns;
}

/// A user, whose row is locked until the end of the transaction.
fn locked(connection: &mut PgConnection, id: UserId) -> Result<User, DbError> {
    let statement = Statement::<GetUser>::new([Parameter::BigInt(id.get())]);
    let row: Option<Row> = statement.get_result(connection).optional()?;
    let row = row.ok_or_else(|| missing_user(id))?;
    Ok(row.into_user()?)
}

struct UpdateUser;

impl StatementText for UpdateUser {
    const SQL: &'static str = concat!(
        "UPDATE users SET username = ?, email = ?, display_name = ?, is_active = ?, two_factor_enabled = ?, \
         preferences = ?::text::jsonb, updated_at = ? WHERE user_id = ? RETURNING ",
        user_columns!()
    );
    type Row = Columns;
}

fn change(
    connection: &mut PgConnection,
    id: UserId,
    profile: &UserProfile,
    now: DateTime<Utc>,
) -> Result<User, DbError> {
    transaction(connection, |connection| {
        check_tenant(&locked(connection, id)?, profile)?;
        let mut all = Vec::from(parameters(profile)?);
        all.extend([Parameter::Time(now), Parameter::BigInt(id.get())]);
        let row = Statement::<UpdateUser>::new(all).get_result::<Row>(connection);
        Ok(row.map_err(|error| named(error, profile))?.into_user()?)
    })
}

struct SelectGrants;

impl StatementText for SelectGrants {
    const SQL: &'static str = "SELECT account_id, role FROM user_grants WHERE user_id = ?";
    type Row = (Nullable<BigInt>, Text);
}

fn grants_of(connection: &mut PgConnection, id: UserId) -> Result<Vec<Grant>, DbError> {
    let statement = Statement::<SelectGrants>::new([Parameter::BigInt(id.get())]);
    let rows: Vec<(Option<i64>, String)> = statement.load(connection)?;
    let grant = |(account, role): (Option<i64>, String)| {
        let role = role.parse();
        let role = role.map_err(|error| invalid(Entity::User, id, "role", error))?;
        Ok(Grant::new(account.map(AccountId::new), role))
    };
    let grants: Result<Vec<_>, RepositoryError> = rows.into_iter().map(grant).collect();
    let mut grants = grants?;
    grants.sort();
    Ok(grants)
}

struct InsertGrant;

impl StatementText for InsertGrant {
    const SQL: &'static str = "INSERT INTO user_grants (user_id, account_id, role, granted_at) \
        VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    type Row = BigInt;
}

struct DeleteGrant;

impl StatementText for DeleteGrant {
    const SQL: &'static str = "DELETE FROM user_grants \
        WHERE user_id = ? AND account_id IS NOT DISTINCT FROM ? AND role = ?";
    type Row = BigInt;
}

/// The parameters of a grant.
fn of_grant(id: UserId, grant: Grant) -> [Parameter; 3] {
    [
        Parameter::BigInt(id.get()),
        Parameter::OptionalBigInt(grant.account_id.map(AccountId::get)),
        Parameter::Text(grant.role.as_str().to_owned()),
    ]
}

#[async_trait]
impl UserRepository for PgUsers {
    async fn create(&self, profile: UserProfile) -> Result<User, RepositoryError> {
        check_profile(&profile)?;
        let now = self.now();
        let work = move |connection: &mut PgConnection| create(connection, &profile, now);
        self.metadata().run_once("create_user", work).await
    }

    async fn list(&self, query: &UserQuery) -> Result<Page<User, UserId>, RepositoryError> {
        let query = query.clone();
        let work = move |connection: &mut PgConnection| list(connection, &query);
        self.metadata().read("users", work).await
    }

    async fn change(&self, user_id: UserId, profile: UserProfile) -> Result<User, RepositoryError> {
        check_profile(&profile)?;
        let now = self.now();
        let work = move |connection: &mut PgConnection| change(connection, user_id, &profile, now);
        self.metadata().run_idempotent("change_user", work).await
    }

    async fn grant(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError> {
        let now = self.now();
        let work = move |connection: &mut PgConnection| {
            transaction(connection, |connection| {
                let user = locked(connection, user_id)?;
                if let Some(id) = grant.account_id {
                    let scope = AccountScope::tenant(user.profile.tenant_id);
                    find(connection, &scope, id)?.ok_or_else(|| missing(id))?;
                }
                let mut all = Vec::from(of_grant(user_id, grant));
                all.push(Parameter::Time(now));
                Statement::<InsertGrant>::new(all).execute(connection)?;
                grants_of(connection, user_id)
            })
        };
        self.metadata().run_idempotent("grant_role", work).await
    }

    async fn withdraw(&self, user_id: UserId, grant: Grant) -> Result<Vec<Grant>, RepositoryError> {
        let work = move |connection: &mut PgConnection| {
            transaction(connection, |connection| {
                locked(connection, user_id)?;
                let statement = Statement::<DeleteGrant>::new(of_grant(user_id, grant));
                statement.execute(connection)?;
                grants_of(connection, user_id)
            })
        };
        self.metadata().run_idempotent("withdraw_role", work).await
    }

    async fn grants(&self, user_id: UserId) -> Result<Option<Vec<Grant>>, RepositoryError> {
        let work = move |connection: &mut PgConnection| {
            let select = format!("SELECT 1::bigint FROM users WHERE user_id = {user_id}");
            let found: Vec<i64> = Selection::<BigInt>::new(select).load(connection)?;
            match found.is_empty() {
                true => Ok(None),
                false => grants_of(connection, user_id).map(Some),
            }
        };
        self.metadata().read("grants", work).await
    }
}
