//! Errors about what is stored.

use std::fmt::Display;

use tickbook::{Entity, RepositoryError};

use crate::domain::AccountId;

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
