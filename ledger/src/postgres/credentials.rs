//! Encrypted credentials in PostgreSQL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, MetadataConnections, MetadataDb, transaction};
use tickbook::domain::{Page, PageLimit};
use tickbook::{Clock, RepositoryError};

use super::accounts::find;
use super::credential_rows::{Columns, Row, SealedColumns, SealedRow, columns, selection};
use super::statement::{Parameter, Statement, StatementText};
use super::stored::missing;
use crate::domain::{
    AccountId, AccountScope, Credential, CredentialId, CredentialName, CredentialVersion, KeyId,
    SealedSecret, WrappedKey,
};
use crate::repository::{
    CredentialQuery, CredentialRepository, check_sealed, credential_taken, missing_credential,
};

/// [`CredentialRepository`] in the metadata database. Clones share the connections.
#[derive(Clone)]
pub struct PgCredentials {
    connections: Arc<dyn MetadataConnections>,
    clock: Clock,
}

impl PgCredentials {
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

impl fmt::Debug for PgCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgCredentials").finish_non_exhaustive()
    }
}

fn check_account(
    connection: &mut PgConnection,
    scope: &AccountScope,
    id: AccountId,
) -> Result<(), DbError> {
    match find(connection, scope, id)? {
        Some(_) => Ok(()),
        None => Err(missing(id).into()),
    }
}

/// The parameters of a name.
fn of_name(name: &CredentialName) -> [Parameter; 3] {
    [
        Parameter::BigInt(name.account_id.get()),
        Parameter::Text(name.broker.to_string()),
        Parameter::Text(name.label.clone()),
    ]
}

struct NextId;

impl StatementText for NextId {
    const SQL: &'static str =
        "SELECT nextval(pg_get_serial_sequence('credentials', 'credential_id'))";
    type Row = BigInt;
}

struct LastVersion;

impl StatementText for LastVersion {
    const SQL: &'static str = "SELECT COALESCE(max(version), 0)::bigint FROM credentials \
        WHERE account_id = ? AND broker = ? AND label = ?";
    type Row = BigInt;
}

fn reserve(
    connection: &mut PgConnection,
    scope: &AccountScope,
    name: &CredentialName,
) -> Result<CredentialVersion, DbError> {
    check_account(connection, scope, name.account_id)?;
    let id: i64 = Statement::<NextId>::new([]).get_result(connection)?;
    let last: i64 = Statement::<LastVersion>::new(of_name(name)).get_result(connection)?;
    // versions are INTEGER
    let version = i32::try_from(last + 1).unwrap_or(i32::MAX);
    Ok(CredentialVersion::new(
        CredentialId::new(id),
        name.clone(),
        version,
    ))
}

struct RevokeUsed;

impl StatementText for RevokeUsed {
    const SQL: &'static str = concat!(
        "UPDATE credentials SET revoked_at = ? \
         WHERE account_id = ? AND broker = ? AND label = ? AND revoked_at IS NULL RETURNING ",
        columns!()
    );
    type Row = Columns;
}

fn revoke_used(
    connection: &mut PgConnection,
    name: &CredentialName,
    now: DateTime<Utc>,
) -> Result<Option<Credential>, DbError> {
    let [account, broker, label] = of_name(name);
    let statement = Statement::<RevokeUsed>::new([Parameter::Time(now), account, broker, label]);
    let row: Option<Row> = statement.get_result(connection).optional()?;
    Ok(row.map(Row::into_credential).transpose()?)
}

struct Insert;

impl StatementText for Insert {
    const SQL: &'static str = "INSERT INTO credentials (credential_id, account_id, broker, label, version, key_id, \
        wrapped_key, payload, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    type Row = BigInt;
}

fn put(
    connection: &mut PgConnection,
    scope: &AccountScope,
    version: &CredentialVersion,
    sealed: &SealedSecret,
    now: DateTime<Utc>,
) -> Result<Credential, DbError> {
    transaction(connection, |connection| {
        check_account(connection, scope, version.name.account_id)?;
        revoke_used(connection, &version.name, now)?;
        let [account, broker, label] = of_name(&version.name);
        let inserted = Statement::<Insert>::new([
            Parameter::BigInt(version.credential_id.get()),
            account,
            broker,
            label,
            Parameter::Integer(version.version),
            Parameter::Text(sealed.key.key_id.to_string()),
            Parameter::Bytes(sealed.key.bytes.to_vec()),
            Parameter::Bytes(sealed.payload.clone()),
            Parameter::Time(now),
        ])
        .execute(connection);
        inserted.map_err(|error| {
            let error = DbError::from(error);
            match error.is_unique_violation() {
                true => credential_taken(version).into(),
                false => error,
            }
        })?;
        let key_id = sealed.key.key_id.clone();
        Ok(Credential::new(version.clone(), key_id, now))
    })
}

struct Get;

impl StatementText for Get {
    const SQL: &'static str = concat!(
        "SELECT ",
        columns!(),
        ", wrapped_key, payload FROM credentials \
         WHERE account_id = ? AND broker = ? AND label = ? AND revoked_at IS NULL"
    );
    type Row = SealedColumns;
}

fn get(
    connection: &mut PgConnection,
    scope: &AccountScope,
    name: &CredentialName,
) -> Result<Option<(Credential, SealedSecret)>, DbError> {
    if find(connection, scope, name.account_id)?.is_none() {
        return Ok(None);
    }
    let statement = Statement::<Get>::new(of_name(name));
    let row: Option<SealedRow> = statement.get_result(connection).optional()?;
    Ok(row.map(SealedRow::into_sealed).transpose()?)
}

fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &CredentialQuery,
) -> Result<Page<Credential, CredentialId>, DbError> {
    let items = selection(scope, query).collect(connection, Row::into_credential)?;
    Ok(Page::from_limit_plus_one(
        items,
        query.limit,
        |it: &Credential| it.version.credential_id,
    ))
}

struct Outdated;

impl StatementText for Outdated {
    const SQL: &'static str = concat!(
        "SELECT ",
        columns!(),
        ", wrapped_key, payload FROM credentials WHERE key_id <> ? AND revoked_at IS NULL \
         ORDER BY credential_id LIMIT ?"
    );
    type Row = SealedColumns;
}

struct Rewrap;

impl StatementText for Rewrap {
    const SQL: &'static str = "UPDATE credentials SET key_id = ?, wrapped_key = ?, rewrapped_at = ? \
        WHERE credential_id = ? AND key_id = ? AND wrapped_key = ?";
    type Row = BigInt;
}

#[async_trait]
impl CredentialRepository for PgCredentials {
    async fn reserve(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<CredentialVersion, RepositoryError> {
        let (scope, name) = (scope.clone(), name.clone());
        let work = move |connection: &mut PgConnection| reserve(connection, &scope, &name);
        // an id that is not used is no harm
        self.metadata()
            .run_idempotent("reserve_credential", work)
            .await
    }

    async fn put(
        &self,
        scope: &AccountScope,
        version: &CredentialVersion,
        sealed: &SealedSecret,
    ) -> Result<Credential, RepositoryError> {
        check_sealed(sealed)?;
        let (scope, version, sealed) = (scope.clone(), version.clone(), sealed.clone());
        let now = self.now();
        let work =
            move |connection: &mut PgConnection| put(connection, &scope, &version, &sealed, now);
        self.metadata().run_once("put_credential", work).await
    }

    async fn get(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Option<(Credential, SealedSecret)>, RepositoryError> {
        let (scope, name) = (scope.clone(), name.clone());
        let work = move |connection: &mut PgConnection| get(connection, &scope, &name);
        self.metadata().read("credential", work).await
    }

    async fn list(
        &self,
        scope: &AccountScope,
        query: &CredentialQuery,
    ) -> Result<Page<Credential, CredentialId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work = move |connection: &mut PgConnection| list(connection, &scope, &query);
        self.metadata().read("credentials", work).await
    }

    async fn revoke(
        &self,
        scope: &AccountScope,
        name: &CredentialName,
    ) -> Result<Credential, RepositoryError> {
        let (scope, name, now) = (scope.clone(), name.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            if find(connection, &scope, name.account_id)?.is_none() {
                return Err(missing_credential(&name).into());
            }
            let revoked = revoke_used(connection, &name, now)?;
            Ok(revoked.ok_or_else(|| missing_credential(&name))?)
        };
        self.metadata().run_once("revoke_credential", work).await
    }

    async fn outdated(
        &self,
        current: &KeyId,
        limit: PageLimit,
    ) -> Result<Vec<(Credential, SealedSecret)>, RepositoryError> {
        let current = current.to_string();
        let work = move |connection: &mut PgConnection| {
            let statement = Statement::<Outdated>::new([
                Parameter::Text(current.clone()),
                // at most 10,000
                Parameter::BigInt(limit.get() as i64),
            ]);
            let rows: Vec<SealedRow> = statement.load(connection)?;
            let sealed: Result<_, RepositoryError> =
                rows.into_iter().map(SealedRow::into_sealed).collect();
            Ok(sealed?)
        };
        self.metadata().read("outdated_credentials", work).await
    }

    async fn rewrap(
        &self,
        credential_id: CredentialId,
        from: &WrappedKey,
        to: &WrappedKey,
    ) -> Result<bool, RepositoryError> {
        let (from, to, now) = (from.clone(), to.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            let changed = Statement::<Rewrap>::new([
                Parameter::Text(to.key_id.to_string()),
                Parameter::Bytes(to.bytes.to_vec()),
                Parameter::Time(now),
                Parameter::BigInt(credential_id.get()),
                Parameter::Text(from.key_id.to_string()),
                Parameter::Bytes(from.bytes.to_vec()),
            ])
            .execute(connection)?;
            Ok(changed > 0)
        };
        self.metadata().run_once("rewrap_credential", work).await
    }
}
