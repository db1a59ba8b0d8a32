//! Converts errors of diesel and libpq into repository errors.
//!
//! [`Condition`] classifies errors of PostgreSQL in any language. Unrecognized errors become `Backend`,
//! with the original error as their source. libpq reports failures to connect only as texts: its own
//! texts are in English, the texts of the server may be in any language.

use std::error::Error as StdError;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::database_url::DatabaseUrl;
use crate::error::{Database, RepositoryError};

use super::condition::{Condition, may_be_outdated};

/// The error of a closure that runs on a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// An error of diesel that is not classified yet.
    #[error(transparent)]
    Diesel(#[from] DieselError),
    /// A complete error.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl DbError {
    /// Converts it into the error of `operation` on `database`.
    #[must_use]
    pub fn into_repository(self, database: Database, operation: &'static str) -> RepositoryError {
        match self {
            Self::Repository(error) => error,
            Self::Diesel(error) => classify(error, database, operation),
        }
    }

    /// Whether it is a violation of a unique key.
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
    let condition = Condition::of(&error);
    let says = match &error {
        DieselError::DatabaseError(_, info) => info.message().to_owned(),
        other => other.to_string(),
    };
    let variable = database.url_variable();
    match condition {
        Condition::TooManyParameters => RepositoryError::Internal {
            operation,
            reason: says,
        },
        Condition::ConnectionLost => RepositoryError::Ambiguous {
            database,
            operation,
            source: cause(error),
        },
        Condition::OutdatedStatement => RepositoryError::SchemaChanged {
            database,
            operation,
            source: cause(error),
        },
        Condition::Conflict => RepositoryError::Conflict {
            database,
            operation,
            source: cause(error),
        },
        Condition::ReadOnly => RepositoryError::Unavailable {
            database,
            reason: "it is read-only, for example after a failover".to_owned(),
        },
        Condition::Canceled => RepositoryError::Timeout {
            database,
            operation,
            begun: false,
        },
        Condition::TransactionFailed => RepositoryError::RolledBack {
            database,
            operation,
        },
        Condition::Exhausted => RepositoryError::Unavailable {
            database,
            reason: format!("{says}: check disk space and memory of the server"),
        },
        Condition::PermissionDenied => RepositoryError::Configuration {
            database,
            reason: format!("{says}: grant the privilege to the user of {variable}"),
        },
        Condition::Undefined => RepositoryError::Schema {
            database,
            reason: format!("{says}: run `tickbook migrate`"),
        },
        Condition::Other if may_be_outdated(&error) => RepositoryError::SchemaChanged {
            database,
            operation,
            source: cause(error),
        },
        Condition::NumericOutOfRange | Condition::Integrity | Condition::Other => {
            RepositoryError::Backend {
                database,
                operation,
                source: cause(error),
            }
        }
    }
}

/// The source of a repository error: the server's message with the row and the names that it reported.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    said: DieselError,
}

/// The largest number of characters of a detail. A detail may contain a whole row.
const DETAIL: usize = 500;

fn cause(error: DieselError) -> Box<dyn StdError + Send + Sync> {
    let DieselError::DatabaseError(_, info) = &error else {
        return error.into();
    };
    let mut text = info.message().to_owned();
    if let Some(detail) = info.details() {
        let lines: Vec<_> = detail.lines().map(str::trim).collect();
        let detail: String = lines.join(" ").chars().take(DETAIL).collect();
        text.push_str(&format!(" ({detail})"));
    }
    let names = [
        ("table", info.table_name()),
        ("column", info.column_name()),
        ("constraint", info.constraint_name()),
    ];
    for (what, name) in names {
        if let Some(name) = name.filter(|name| !info.message().contains(*name)) {
            text.push_str(&format!(", {what} {name}"));
        }
    }
    Box::new(Cause { text, said: error })
}

/// Classifies the error of a connection that could not be opened. `text` is libpq's message.
pub(crate) fn classify_connect(text: &str, database: Database, url: &DatabaseUrl) -> ConnectError {
    let text = url.redact(text);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let reason = lines.join(" ");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let variable = database.url_variable();
    let configuration = |remedy: String| ConnectError::Configuration {
        database,
        reason: format!("{reason}: {remedy}"),
    };
    if says(&["password authentication failed", "no password supplied"]) {
        return configuration(format!("check user and password in {variable}"));
    }
    if says(&TLS) && !says(&["SSL SYSCALL", "SSL connection has been closed"]) {
        let reason = format!("{reason}: {}", tls_remedy(variable));
        return ConnectError::Tls { database, reason };
    }
    if says(&["does not exist"]) && !says(&["No such file"]) {
        return configuration(format!("create it, or correct {variable}"));
    }
    if says(&[
        "pg_hba.conf",
        "invalid connection option",
        "permission denied",
    ]) {
        return configuration(format!("correct {variable} or the server's settings"));
    }
    if says(&[
        "too many connections",
        "is not currently accepting connections",
    ]) {
        return ConnectError::Unavailable { database, reason };
    }
    // in any language, a server that starts, stops or is full names neither user nor database
    if names_quoted(&text, url.user()) || names_quoted(&text, Some(url.database())) {
        return configuration(format!("correct {variable} or the server's settings"));
    }
    ConnectError::Unavailable { database, reason }
}

/// Whether `text` contains `name` in quotation marks of any language.
fn names_quoted(text: &str, name: Option<&str>) -> bool {
    const MARKS: [char; 13] = [
        '"', '\'', '«', '»', '„', '“', '”', '‘', '’', '「', '」', '『', '』',
    ];
    let is_space = |c: char| c.is_whitespace();
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return false;
    };
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].trim_end_matches(is_space);
        let after = text[at + name.len()..].trim_start_matches(is_space);
        before.ends_with(MARKS) && after.starts_with(MARKS)
    })
}

/// Words in messages about failed TLS connections.
const TLS: [&str; 3] = ["certificate", "SSL", "TLS"];

fn tls_remedy(variable: &str) -> String {
    format!(
        "unless the server is on this machine, its certificate is verified; add \
         ?sslrootcert=/path/to/ca.pem to {variable} (sslrootcert=system needs libpq 16), use the \
         host name of the certificate, or set sslmode=disable if the network is trusted"
    )
}

/// Why a connection could not be opened. Cheap to clone for every waiting call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Waiting may help.
    #[error("{reason}")]
    Unavailable { database: Database, reason: String },
    /// An operator must act.
    #[error("{reason}")]
    Configuration { database: Database, reason: String },
    /// An operator must act: the server's identity cannot be verified, or it does not support TLS.
    #[error("{reason}")]
    Tls { database: Database, reason: String },
}

impl ConnectError {
    /// Whether an operator must act, so that waiting does not help.
    pub(super) fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Unavailable { .. })
    }

    /// Whether both have the same kind. Texts differ in addresses and counts.
    pub(super) fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
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
            ConnectError::Tls { database, reason } => Self::Tls { database, reason },
        }
    }
}

#[cfg(test)]
mod tests;
