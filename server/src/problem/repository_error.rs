//! The problem of a failed repository call.

use tickbook::{Database, Entity, RepositoryError};

use super::kind::ProblemKind;
use super::{Problem, chain};

impl From<RepositoryError> for Problem {
    /// The response for a failed repository call. The client does not see the texts of the databases, which
    /// contain hosts, users and SQL; they are logged.
    fn from(error: RepositoryError) -> Self {
        log(&error);
        match error {
            RepositoryError::InvalidInput { reason } => Self::invalid_parameter(reason),
            RepositoryError::NotFound {
                entity: Entity::Symbol,
                ..
            } => Self::new(ProblemKind::UnknownSymbol, error),
            RepositoryError::NotFound { .. } => Self::new(ProblemKind::NotFound, error),
            RepositoryError::AlreadyExists { .. } => Self::new(ProblemKind::AlreadyExists, error),
            // the pools probe an unavailable database about every two seconds
            RepositoryError::Unavailable { database, .. } => Self::database(
                database,
                "cannot be reached or is busy: retry the request later",
                2,
            ),
            // a database that exceeds the deadline is overloaded: let it recover
            RepositoryError::Timeout { database, .. } => Self::database(
                database,
                "did not respond in time: retry the request later, or request less",
                5,
            ),
            // the next connection is a new one, and a repeated write stores nothing twice
            RepositoryError::Ambiguous { database, .. } => Self::database(
                database,
                "was lost during the request, which may have taken effect: \
                 retry it; nothing is stored twice",
                1,
            ),
            // the other writer finishes within one transaction
            RepositoryError::Conflict { database, .. } => Self::database(
                database,
                "reported a conflict with a concurrent write: retry the request",
                1,
            ),
            // the next connection uses the new tables
            RepositoryError::SchemaChanged { database, .. } => Self::database(
                database,
                "changed its schema during the request: retry it",
                1,
            ),
            // these three need an operator
            RepositoryError::Schema { database, .. } => Self::database(
                database,
                "is not set up for this version: the operator must run `tickbook migrate`",
                30,
            ),
            RepositoryError::Configuration { database, .. } => Self::database(
                database,
                "refuses this server: the operator must correct the server's settings",
                30,
            ),
            RepositoryError::Tls { database, .. } => Self::database(
                database,
                "cannot be trusted: the operator must check certificates and TLS settings",
                30,
            ),
            // the operator has to correct the row: the text contains its values, and nothing about the server
            RepositoryError::Data { .. } => Self::new(ProblemKind::Internal, error),
            // defects of the server or the database, and variants that later versions add
            RepositoryError::RolledBack { .. }
            | RepositoryError::Backend { .. }
            | RepositoryError::Internal { .. }
            | _ => Self::internal(),
        }
    }
}

impl Problem {
    fn database(database: Database, what: &str, retry_after: u16) -> Self {
        Self::unavailable(format!("the {database} database {what}"), retry_after)
    }
}

fn log(error: &RepositoryError) {
    match error {
        RepositoryError::InvalidInput { .. }
        | RepositoryError::NotFound { .. }
        | RepositoryError::AlreadyExists { .. } => {}
        error if error.is_transient() => {
            tracing::warn!(error = chain(error), "a repository is unavailable");
        }
        error => tracing::error!(error = chain(error), "a repository failed"),
    }
}
