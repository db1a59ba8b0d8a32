//! The backend-neutral error type of all repositories.

mod kind;

use std::error::Error as StdError;
use std::fmt;

use crate::domain::FoldError;

pub use kind::ErrorKind;

/// A database of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Database {
    /// PostgreSQL with exchanges, instruments and symbols: `DATABASE_URL`.
    Metadata,
    /// TimescaleDB with ticks and candles: `TIMESCALEDB_URL`.
    Timeseries,
    /// A read-only copy of the time-series database, which may lag behind it: `TIMESCALEDB_READ_URL`.
    Replica,
}

impl Database {
    /// `metadata`, `timeseries` or `replica`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Timeseries => "timeseries",
            Self::Replica => "replica",
        }
    }

    /// The environment variable of its URL.
    #[must_use]
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Metadata => "DATABASE_URL",
            Self::Timeseries => "TIMESCALEDB_URL",
            Self::Replica => "TIMESCALEDB_READ_URL",
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of record that an error refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// A symbol.
    Symbol,
    /// An exchange.
    Exchange,
    /// The name by which a feed identifies a symbol.
    FeedSymbol,
    /// A tick.
    Tick,
    /// A trade.
    Trade,
    /// A candle.
    Candle,
    /// A snapshot, an update or an interval of an order book.
    Book,
    /// A time in which a feed may have lost records.
    FeedGap,
    /// A message that a feed received.
    FeedMessage,
    /// An account of the ledger.
    Account,
    /// An order of the ledger.
    Order,
    /// An event of an order.
    OrderEvent,
    /// A fill of an order.
    Fill,
    /// A position of an account.
    Position,
    /// An entry of the audit log.
    AuditEntry,
    /// A risk event.
    RiskEvent,
    /// A credential of a broker.
    Credential,
    /// A user.
    User,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symbol => "symbol",
            Self::Exchange => "exchange",
            Self::FeedSymbol => "feed symbol",
            Self::Tick => "tick",
            Self::Trade => "trade",
            Self::Candle => "candle",
            Self::Book => "order book",
            Self::FeedGap => "feed gap",
            Self::FeedMessage => "feed message",
            Self::Account => "account",
            Self::Order => "order",
            Self::OrderEvent => "order event",
            Self::Fill => "fill",
            Self::Position => "position",
            Self::AuditEntry => "audit entry",
            Self::RiskEvent => "risk event",
            Self::Credential => "credential",
            Self::User => "user",
        })
    }
}

/// Why a repository call failed.
///
/// The message states the problem and the remedy. It contains no password and does not repeat the message
/// of its source. A method that returns an `Option` returns `None` for a missing record, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// The record to change does not exist.
    #[error("{entity} {key} does not exist: create it first")]
    NotFound {
        /// The kind of record.
        entity: Entity,
        /// The requested key.
        key: String,
    },
    /// The record to create already exists.
    #[error("{entity} {key} already exists: choose another one, or change the existing one")]
    AlreadyExists {
        /// The kind of record.
        entity: Entity,
        /// The key that is taken.
        key: String,
    },
    /// An argument is invalid. The message names the argument and what to send instead.
    #[error("{reason}")]
    InvalidInput {
        /// The argument and the remedy.
        reason: String,
    },
    /// The call conflicted with a concurrent write. Repeating it may succeed.
    #[error("{operation} conflicted with a concurrent write on the {database} database: retry")]
    Conflict {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
        /// The error of the database.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The database cannot be reached, or is starting or stopping. The operation was not started.
    #[error(
        "the {database} database is unavailable ({reason}): check that it runs and is reachable"
    )]
    Unavailable {
        /// The database.
        database: Database,
        /// The cause, without secrets.
        reason: String,
    },
    /// The operation exceeded its deadline. A write may have been applied or may still be applied.
    #[error("{operation} on the {database} database timed out: retry, or request less data")]
    Timeout {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
        /// Whether the operation had started, so that a write may have been applied.
        begun: bool,
    },
    /// The connection was lost before the response arrived. A write was either applied completely or not at
    /// all.
    #[error(
        "the connection to the {database} database was lost during {operation}: \
         whether it was applied is unknown; repeat it if it is idempotent, otherwise check"
    )]
    Ambiguous {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
        /// The error of the client library.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A statement of a transaction failed and the caller ignored its error. The transaction was rolled back.
    #[error(
        "{operation} on the {database} database was rolled back because one of its statements failed"
    )]
    RolledBack {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
    },
    /// The settings are wrong: URL, password, database name or privileges.
    #[error("the {database} database rejected the request: {reason}")]
    Configuration {
        /// The database.
        database: Database,
        /// The cause and the remedy, without secrets.
        reason: String,
    },
    /// The server's certificate cannot be verified, or the server does not support TLS. It received no user
    /// name and no password.
    #[error("the {database} database cannot be trusted: {reason}")]
    Tls {
        /// The database.
        database: Database,
        /// The cause and the remedy, without secrets.
        reason: String,
    },
    /// The database lacks something that this version requires: migrations or the extension.
    #[error("the {database} database is not ready: {reason}")]
    Schema {
        /// The database.
        database: Database,
        /// The cause and the remedy.
        reason: String,
    },
    /// The tables changed while the connection was open, so that its prepared statements no longer apply. The
    /// statement had no effect. The connection is closed, and a repeated call uses a new one.
    #[error("the tables of the {database} database changed during {operation}: retry")]
    SchemaChanged {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
        /// The error of the database.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A stored value cannot be represented by this library.
    #[error("{entity} {key} holds a value that cannot be read: {reason}")]
    Data {
        /// The kind of record.
        entity: Entity,
        /// The key of the record.
        key: String,
        /// The column and the value.
        reason: String,
    },
    /// Any other error of a database.
    #[error("{operation} failed on the {database} database")]
    Backend {
        /// The database.
        database: Database,
        /// The operation.
        operation: &'static str,
        /// The error of the database.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A defect of this library, of a closure passed to it, or of the runtime.
    #[error("{operation} ended unexpectedly: {reason}")]
    Internal {
        /// The operation.
        operation: &'static str,
        /// What happened.
        reason: String,
    },
}

impl RepositoryError {
    /// Creates an [`InvalidInput`](Self::InvalidInput) error.
    pub fn invalid(reason: impl fmt::Display) -> Self {
        Self::InvalidInput {
            reason: reason.to_string(),
        }
    }

    /// Displays the error with all its causes, for a log. `Display` alone omits the causes.
    pub fn with_causes(&self) -> impl fmt::Display + '_ {
        WithCauses(self)
    }

    /// Whether the same call may succeed later without any change by an operator or caller.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. }
                | Self::SchemaChanged { .. }
                | Self::Unavailable { .. }
                | Self::Timeout { .. }
                | Self::Ambiguous { .. }
        )
    }

    /// Whether a write that failed with this error was certainly not applied and will not be applied.
    ///
    /// `false` means that the write may have been applied: repeat it if it is idempotent, otherwise check.
    #[must_use]
    pub fn is_certainly_not_applied(&self) -> bool {
        match self {
            Self::Timeout { begun, .. } => !begun,
            Self::Ambiguous { .. } | Self::Internal { .. } | Self::Data { .. } => false,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::InvalidInput { .. }
            | Self::Conflict { .. }
            | Self::SchemaChanged { .. }
            | Self::Unavailable { .. }
            | Self::RolledBack { .. }
            | Self::Configuration { .. }
            | Self::Tls { .. }
            | Self::Schema { .. }
            | Self::Backend { .. } => true,
        }
    }
}

struct WithCauses<'a>(&'a RepositoryError);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<FoldError> for RepositoryError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Overflow {
                symbol_id,
                open_time,
            } => Self::Data {
                entity: Entity::Candle,
                key: format!("of symbol {symbol_id} at {open_time}"),
                reason: "its numbers need more digits than a decimal has".to_owned(),
            },
            FoldError::NotDivisor { .. } => Self::invalid(error),
        }
    }
}
