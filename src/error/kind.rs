//! Kinds of errors and their names.

use std::fmt;

use super::RepositoryError;

/// The kind of a [`RepositoryError`], without its details: a label of metrics and logs.
///
/// # Examples
///
/// ```
/// use tickbook::{ErrorKind, RepositoryError};
///
/// let error = RepositoryError::invalid("limit 0 is out of range");
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.kind().as_str(), "invalid_input");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// See [`RepositoryError::NotFound`].
    NotFound,
    /// See [`RepositoryError::AlreadyExists`].
    AlreadyExists,
    /// See [`RepositoryError::InvalidInput`].
    InvalidInput,
    /// See [`RepositoryError::Conflict`].
    Conflict,
    /// See [`RepositoryError::SchemaChanged`].
    SchemaChanged,
    /// See [`RepositoryError::Unavailable`].
    Unavailable,
    /// See [`RepositoryError::Timeout`].
    Timeout,
    /// See [`RepositoryError::Ambiguous`].
    Ambiguous,
    /// See [`RepositoryError::RolledBack`].
    RolledBack,
    /// See [`RepositoryError::Configuration`].
    Configuration,
    /// See [`RepositoryError::Tls`].
    Tls,
    /// See [`RepositoryError::Schema`].
    Schema,
    /// See [`RepositoryError::Data`].
    Data,
    /// See [`RepositoryError::Backend`].
    Backend,
    /// See [`RepositoryError::Internal`].
    Internal,
}

impl ErrorKind {
    /// The name in metrics, such as `not_found`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::InvalidInput => "invalid_input",
            Self::Conflict => "conflict",
            Self::SchemaChanged => "schema_changed",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Ambiguous => "ambiguous",
            Self::RolledBack => "rolled_back",
            Self::Configuration => "configuration",
            Self::Tls => "tls",
            Self::Schema => "schema",
            Self::Data => "data",
            Self::Backend => "backend",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RepositoryError {
    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Self::InvalidInput { .. } => ErrorKind::InvalidInput,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::SchemaChanged { .. } => ErrorKind::SchemaChanged,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Ambiguous { .. } => ErrorKind::Ambiguous,
            Self::RolledBack { .. } => ErrorKind::RolledBack,
            Self::Configuration { .. } => ErrorKind::Configuration,
            Self::Tls { .. } => ErrorKind::Tls,
            Self::Schema { .. } => ErrorKind::Schema,
            Self::Data { .. } => ErrorKind::Data,
            Self::Backend { .. } => ErrorKind::Backend,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }
}
