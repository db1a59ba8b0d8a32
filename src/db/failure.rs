//! What diesel and libpq say, as errors of a repository.
//!
//! diesel has kinds for twelve SQLSTATEs and gives all others as English text, and connection
//! failures always as text; the texts below are PostgreSQL's own for `lc_messages = 'C'`. What is
//! not recognized becomes `Backend`, with the original as its source.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::database_url::DatabaseUrl;
use crate::error::{Database, RepositoryError};

/// What a closure on a connection may fail with.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// diesel's error, not yet classified.
    #[error(transparent)]
    Diesel(#[from] DieselError),
    /// An error that is complete already.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl DbError {
    /// The error of `operation` on `database`.
    #[must_use]
    pub fn into_repository(self, database: Database, operation: &'static str) -> RepositoryError {
        match self {
            Self::Repository(error) => error,
            Self::Diesel(error) => classify(error, database, operation),
        }
    }

    /// Whether a unique key was violated.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(
            self,
            Self::Diesel(DieselError::DatabaseError(
                DatabaseErrorKind::UniqueViolation,
                _
            ))
        )
    }
}

fn classify(error: DieselError, database: Database, operation: &'static str) -> RepositoryError {
    use DatabaseErrorKind as Kind;
    let (kind, text) = match &error {
        DieselError::DatabaseError(kind, info) => (Some(kind), info.message().to_owned()),
        other => (None, other.to_string()),
    };
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match kind {
        Some(Kind::ClosedConnection | Kind::UnableToSendCommand) => RepositoryError::Ambiguous {
            database,
            operation,
            source: error.into(),
        },
        Some(Kind::SerializationFailure) => RepositoryError::Conflict {
            database,
            operation,
            source: error.into(),
        },
        Some(Kind::ReadOnlyTransaction) => RepositoryError::Unavailable {
            database,
            reason: "it is read-only, as after a switch of the primary".to_owned(),
        },
        Some(Kind::Unknown) if says(&["deadlock detected"]) => RepositoryError::Conflict {
            database,
            operation,
            source: error.into(),
        },
        Some(Kind::Unknown) if says(&["canceling statement due to"]) => RepositoryError::Timeout {
            database,
            operation,
            begun: false,
        },
        Some(Kind::Unknown)
            if says(&[
                "terminating connection",
                "server closed the connection",
                "could not receive data",
                "could not send data",
                "connection not open",
                "no connection to the server",
            ]) =>
        {
            RepositoryError::Ambiguous {
                database,
                operation,
                source: error.into(),
            }
        }
        Some(Kind::Unknown) if says(&["permission denied"]) => RepositoryError::Configuration {
            database,
            reason: format!(
                "{text}: grant it to the user of {}",
                database.url_variable()
            ),
        },
        Some(Kind::Unknown) if says(&["does not exist"]) && !says(&["database \""]) => {
            RepositoryError::Schema {
                database,
                reason: format!("{text}: run `tickbook migrate`"),
            }
        }
        _ => RepositoryError::Backend {
            database,
            operation,
            source: error.into(),
        },
    }
}

/// The error of a connection that could not be opened; `text` is libpq's.
pub(crate) fn classify_connect(text: &str, database: Database, url: &DatabaseUrl) -> ConnectError {
    let text = url.redact(text);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let reason = lines.join(" ");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let variable = database.url_variable();
    if says(&["password authentication failed", "no password supplied"]) {
        let reason = format!("{reason}: check user and password in {variable}");
        return ConnectError::Configuration { database, reason };
    }
    if says(&["does not exist"]) {
        let reason = format!("{reason}: create it, or correct {variable}");
        return ConnectError::Configuration { database, reason };
    }
    if says(&[
        "pg_hba.conf",
        "certificate",
        "SSL",
        "invalid connection option",
        "permission denied",
    ]) && !says(&["SSL SYSCALL", "SSL connection has been closed"])
    {
        let reason = format!("{reason}: correct {variable} or the server's settings");
        return ConnectError::Configuration { database, reason };
    }
    ConnectError::Unavailable { database, reason }
}

/// Why no connection could be opened; cheap to copy to every call that waited for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Waiting may help.
    #[error("{reason}")]
    Unavailable { database: Database, reason: String },
    /// Only a person can help.
    #[error("{reason}")]
    Configuration { database: Database, reason: String },
}

impl From<ConnectError> for RepositoryError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Unavailable { database, reason } => {
                Self::Unavailable { database, reason }
            }
            ConnectError::Configuration { database, reason } => {
                Self::Configuration { database, reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(text: &str) -> ConnectError {
        let url = DatabaseUrl::parse("postgres://u:S3cretPw@h/d").expect("valid");
        classify_connect(text, Database::Timeseries, &url)
    }

    #[test]
    fn a_wrong_password_needs_a_person_and_a_starting_server_does_not() {
        let wrong = connect("FATAL:  password authentication failed for user \"u\"\n");
        assert!(matches!(wrong, ConnectError::Configuration { .. }));
        assert!(wrong.to_string().contains("TIMESCALEDB_URL"));
        for text in [
            "FATAL:  the database system is starting up",
            "connection to server at \"h\", port 5432 failed: Connection refused",
            "FATAL:  sorry, too many clients already",
            "timeout expired",
        ] {
            assert!(
                matches!(connect(text), ConnectError::Unavailable { .. }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_password_in_a_message_is_covered() {
        let error = connect("missing \"=\" after \"postgres//u:S3cretPw@h/d\" in connection info");
        assert!(!format!("{error} {error:?}").contains("S3cretPw"));
    }
}
