//! Stored texts that have to be ids or names, and errors about what is stored.

use std::fmt::Display;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Text;
use tickbook::{Entity, RepositoryError};

use crate::domain::AccountId;

/// The id or name in a text column, or the reason why the text is neither. The text itself is not copied.
#[derive(Debug, FromSqlRow)]
pub(super) struct StoredText<T>(pub(super) Result<T, String>);

impl<T: FromStr<Err: Display>> FromSql<Text, Pg> for StoredText<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text = std::str::from_utf8(value.as_bytes())?;
        Ok(Self(
            text.parse().map_err(|error: T::Err| error.to_string()),
        ))
    }
}

/// The error of a stored value that is invalid.
pub(super) fn invalid(
    entity: Entity,
    key: impl Display,
    column: &str,
    reason: impl Display,
) -> RepositoryError {
    RepositoryError::Data {
        entity,
        key: key.to_string(),
        reason: format!("{column}: {reason}"),
    }
}

/// The error of an unknown account and of one outside of the scope.
pub(super) fn missing(account_id: AccountId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Account,
        key: account_id.to_string(),
    }
}
