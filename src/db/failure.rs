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
    let unknown = matches!(kind, Some(Kind::Unknown));
    // a statement with more parameters than the protocol can count
    if matches!(kind, Some(Kind::UnableToSendCommand)) && says(&["number of parameters must be"]) {
        return RepositoryError::Internal {
            operation,
            reason: text,
        };
    }
    if is_lost(&error) || (unknown && says(&LOST)) {
        return RepositoryError::Ambiguous {
            database,
            operation,
            source: error.into(),
        };
    }
    if matches!(kind, Some(Kind::SerializationFailure)) || (unknown && says(&["deadlock detected"]))
    {
        return RepositoryError::Conflict {
            database,
            operation,
            source: error.into(),
        };
    }
    if matches!(kind, Some(Kind::ReadOnlyTransaction)) {
        let reason = "it is read-only, as after a switch of the primary".to_owned();
        return RepositoryError::Unavailable { database, reason };
    }
    if unknown && says(&["canceling statement due to"]) {
        return RepositoryError::Timeout {
            database,
            operation,
            begun: false,
        };
    }
    if unknown && says(&["current transaction is aborted"]) {
        return RepositoryError::RolledBack {
            database,
            operation,
        };
    }
    if unknown && says(&EXHAUSTED) {
        let reason = format!("{text}: give the server more of it");
        return RepositoryError::Unavailable { database, reason };
    }
    if unknown && says(&["permission denied"]) {
        let variable = database.url_variable();
        let reason = format!("{text}: grant it to the user of {variable}");
        return RepositoryError::Configuration { database, reason };
    }
    if unknown && says(&["does not exist"]) && !says(&["database \""]) {
        let reason = format!("{text}: run `tickbook migrate`");
        return RepositoryError::Schema { database, reason };
    }
    RepositoryError::Backend {
        database,
        operation,
        source: error.into(),
    }
}

/// Texts of a connection that is gone.
const LOST: [&str; 6] = [
    "terminating connection",
    "server closed the connection",
    "could not receive data",
    "could not send data",
    "connection not open",
    "no connection to the server",
];

/// Texts of a server that has run out of disk or memory, without having stored anything.
const EXHAUSTED: [&str; 4] = [
    "No space left on device",
    "could not extend file",
    "out of memory",
    "out of shared memory",
];

/// Whether diesel says that the connection is gone, or does not know what became of a transaction.
fn is_lost(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand
        ),
        DieselError::RollbackErrorOnCommit { .. } | DieselError::BrokenTransactionManager => true,
        _ => false,
    }
}

/// The error of a connection that could not be opened; `text` is libpq's.
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
    ConnectError::Unavailable { database, reason }
}

/// Texts of a TLS that did not come about.
const TLS: [&str; 3] = ["certificate", "SSL", "TLS"];

fn tls_remedy(variable: &str) -> String {
    format!(
        "off this machine the server's certificate is verified; add \
         ?sslrootcert=/path/to/ca.pem to {variable} (sslrootcert=system needs libpq 16), use the \
         host name of the certificate, or say sslmode=disable where the network is trusted"
    )
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
    /// Only a person can help: the server is not who it should be, or speaks no TLS.
    #[error("{reason}")]
    Tls { database: Database, reason: String },
}

impl ConnectError {
    /// Whether waiting does not help.
    pub(super) fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Unavailable { .. })
    }

    /// Whether both need the same kind of help; texts differ in addresses and counts.
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
