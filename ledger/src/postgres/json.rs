//! JSON columns as text.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Jsonb;
use tickbook::{Entity, RepositoryError};

use super::stored::invalid;
use crate::domain::OrderEvent;

/// The version of the binary format of JSONB.
const VERSION: u8 = 1;

/// The text of a JSONB column.
#[derive(Debug, Clone, PartialEq, Eq, FromSqlRow)]
pub(super) struct PgJson(pub(super) String);

impl FromSql<Jsonb, Pg> for PgJson {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [VERSION, text @ ..] => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("its bytes are not a JSONB".into()),
        }
    }
}

/// The stored form of an event.
pub(super) fn text_of(event: &OrderEvent) -> Result<String, RepositoryError> {
    // texts, numbers and maps with texts as keys always become JSON
    serde_json::to_string(event).map_err(|error| RepositoryError::invalid(format_args!("{error}")))
}

/// The event of a stored text.
pub(super) fn event_of(sequence: i64, json: &PgJson) -> Result<OrderEvent, RepositoryError> {
    serde_json::from_str(&json.0)
        .map_err(|error| invalid(Entity::OrderEvent, sequence, "payload", error))
}
