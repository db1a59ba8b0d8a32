//! Details as JSONB.

use tickbook::{Entity, RepositoryError};

use super::json::PgJson;
use super::stored::invalid;
use crate::domain::Details;

/// The stored form.
pub(super) fn text_of(details: &Details) -> Result<String, RepositoryError> {
    // maps of texts always become JSON
    serde_json::to_string(details)
        .map_err(|error| RepositoryError::invalid(format_args!("{error}")))
}

/// The details of a stored text.
pub(super) fn details_of(
    entity: Entity,
    key: i64,
    json: &PgJson,
) -> Result<Details, RepositoryError> {
    serde_json::from_str(&json.0).map_err(|error| invalid(entity, key, "details", error))
}
