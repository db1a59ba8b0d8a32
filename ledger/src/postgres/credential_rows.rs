//! Credentials as rows.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz};
use tickbook::{Entity, RepositoryError};

use super::statement::{Parameter, Selection};
use super::stored::invalid;
use crate::domain::{
    AccountId, AccountScope, Credential, CredentialId, CredentialName, CredentialVersion,
    InvalidId, KeyId, SealedSecret, Venue, WrappedKey,
};
use crate::repository::CredentialQuery;

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        "credential_id, account_id, broker, label, version, key_id, created_at, rewrapped_at, revoked_at"
    };
}

pub(super) use columns;

pub(super) type Columns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Integer,
    Text,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
pub(super) struct Row {
    credential_id: i64,
    account_id: i64,
    broker: String,
    label: String,
    version: i32,
    key_id: String,
    created_at: DateTime<Utc>,
    rewrapped_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn into_credential(self) -> Result<Credential, RepositoryError> {
        let id = self.credential_id;
        let error = |column| move |error: InvalidId| invalid(Entity::Credential, id, column, error);
        let broker = Venue::new(self.broker).map_err(error("broker"))?;
        let account_id = AccountId::new(self.account_id);
        let name = CredentialName::new(account_id, broker, self.label).map_err(error("label"))?;
        let version = CredentialVersion::new(CredentialId::new(id), name, self.version);
        let key_id = KeyId::new(self.key_id).map_err(error("key_id"))?;
        let mut credential = Credential::new(version, key_id, self.created_at);
        credential.rewrapped_at = self.rewrapped_at;
        credential.revoked_at = self.revoked_at;
        Ok(credential)
    }
}

pub(super) type SealedColumns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Integer,
    Text,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Binary,
    Binary,
);

/// A credential with its encrypted secret. It is not printed.
#[derive(Queryable)]
pub(super) struct SealedRow {
    credential_id: i64,
    account_id: i64,
    broker: String,
    label: String,
    version: i32,
    key_id: String,
    created_at: DateTime<Utc>,
    rewrapped_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    wrapped_key: Vec<u8>,
    payload: Vec<u8>,
}

impl SealedRow {
    pub(super) fn into_sealed(self) -> Result<(Credential, SealedSecret), RepositoryError> {
        let row = Row {
            credential_id: self.credential_id,
            account_id: self.account_id,
            broker: self.broker,
            label: self.label,
            version: self.version,
            key_id: self.key_id,
            created_at: self.created_at,
            rewrapped_at: self.rewrapped_at,
            revoked_at: self.revoked_at,
        };
        let credential = row.into_credential()?;
        let bytes = self.wrapped_key.try_into();
        let bytes = bytes.map_err(|_| {
            let reason = "expected 72 bytes";
            invalid(
                Entity::Credential,
                self.credential_id,
                "wrapped_key",
                reason,
            )
        })?;
        let key = WrappedKey::new(credential.key_id.clone(), bytes);
        Ok((credential, SealedSecret::new(key, self.payload)))
    }
}

/// Selects credentials of a scope.
pub(super) fn selection(scope: &AccountScope, query: &CredentialQuery) -> Selection<Columns> {
    let mut select = Selection::new(concat!(
        "SELECT ",
        columns!(),
        " FROM credentials WHERE true"
    ));
    if let Some(tenant) = scope.tenant_id() {
        select.push(
            " AND account_id IN (SELECT a.account_id FROM accounts a WHERE a.tenant_id = ?)",
            [Parameter::BigInt(tenant.get())],
        );
    }
    if let Some(ids) = scope.account_ids() {
        let ids = ids.iter().map(|id| Some(id.get())).collect();
        select.push(" AND account_id = ANY(?)", [Parameter::BigInts(ids)]);
    }
    if let Some(id) = query.account_id {
        select.push(" AND account_id = ?", [Parameter::BigInt(id.get())]);
    }
    if !query.with_revoked {
        select.push(" AND revoked_at IS NULL", []);
    }
    if let Some(after) = query.after {
        select.push(" AND credential_id > ?", [Parameter::BigInt(after.get())]);
    }
    select.push(
        " ORDER BY credential_id LIMIT ?",
        // at most a page and one more
        [Parameter::BigInt(query.limit.get() as i64 + 1)],
    );
    select
}
