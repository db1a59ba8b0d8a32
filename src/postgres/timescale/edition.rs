//! Version and edition of TimescaleDB.

use std::fmt;

use diesel::sql_types::{Nullable, Text};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use crate::db::DbError;

/// The edition of TimescaleDB, decided by its licence setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// Hypertables, but no continuous aggregates, compression or policies.
    Apache,
    /// All features.
    Community,
}

impl Edition {
    /// `apache` or `community`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apache => "apache",
            Self::Community => "community",
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Version and edition of the TimescaleDB extension of a database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TimescaleVersion {
    /// The version of the extension, such as `2.19.3`.
    pub version: String,
    /// The edition.
    pub edition: Edition,
}

#[derive(QueryableByName)]
struct Installed {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    license: Option<String>,
}

/// Detects the TimescaleDB version and edition of the database of `connection`.
///
/// # Errors
/// Returns `Schema` if the extension is not installed, and database errors.
pub fn detect_edition(connection: &mut PgConnection) -> Result<TimescaleVersion, DbError> {
    // functions of the Community edition exist in the Apache edition as well, but fail when called
    let installed: Option<Installed> = sql_query(
        "SELECT extversion AS version, current_setting('timescaledb.license', true) AS license \
         FROM pg_extension WHERE extname = 'timescaledb'",
    )
    .get_result(connection)
    .optional()?;
    let Some(Installed { version, license }) = installed else {
        return Err(RepositoryError::Schema {
            database: Database::Timeseries,
            reason: "it does not have the TimescaleDB extension: run `tickbook migrate`".to_owned(),
        }
        .into());
    };
    let edition = match license.as_deref() {
        Some("timescale") => Edition::Community,
        _ => Edition::Apache,
    };
    Ok(TimescaleVersion { version, edition })
}
