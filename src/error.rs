//! The one error of all repositories, which no caller has to know a database for.

mod kind;

use std::error::Error as StdError;
use std::fmt;

use crate::domain::FoldError;

pub use kind::ErrorKind;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Database {
    /// PostgreSQL with exchanges, instruments and symbols: `DATABASE_URL`.
    Metadata,
    /// TimescaleDB with ticks and candles: `TIMESCALEDB_URL`.
    Timeseries,
    /// A copy of the time-series database for reads that may be a little behind:
    /// `TIMESCALEDB_READ_URL`.
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

    /// The environment variable that holds its URL.
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

/// What a call was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// A symbol.
    Symbol,
    /// An exchange.
    Exchange,
    /// What a feed calls a symbol.
    FeedSymbol,
    /// A tick.
    Tick,
    /// A candle.
    Candle,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symbol => "symbol",
            Self::Exchange => "exchange",
            Self::FeedSymbol => "feed symbol",
            Self::Tick => "tick",
            Self::Candle => "candle",
        })
    }
}

/// Why a repository did not do what it was asked.
///
/// The text says what was wrong and what to do; it holds no password and does not repeat its
/// source. Absence is no error where a method returns an `Option`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// What the call changes does not exist.
    #[error("there is no {entity} {key}: create it first")]
    NotFound {
        /// The kind.
        entity: Entity,
        /// The key asked for.
        key: String,
    },
    /// What the call creates exists.
    #[error("{entity} {key} exists already: use another one, or change that one")]
    AlreadyExists {
        /// The kind.
        entity: Entity,
        /// The key that is taken.
        key: String,
    },
    /// An argument can never be accepted; the text says which one and what to send instead.
    #[error("{reason}")]
    InvalidInput {
        /// The argument and the remedy.
        reason: String,
    },
    /// Another writer was in the way; repeating the call may succeed.
    #[error("{operation} met another writer on the {database} database: try again")]
    Conflict {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
        /// What the database said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The database cannot be reached, or is starting or stopping; the operation was not begun.
    #[error(
        "the {database} database is unavailable ({reason}): see that it runs and can be reached"
    )]
    Unavailable {
        /// Which one.
        database: Database,
        /// The cause, without secrets.
        reason: String,
    },
    /// The answer did not come in time. A write may have happened or may still happen.
    #[error(
        "{operation} on the {database} database did not end in time: try again, or ask for less"
    )]
    Timeout {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
        /// Whether the operation had begun, so that a write may have happened.
        begun: bool,
    },
    /// The connection was lost before the answer came: a write happened or it did not.
    #[error(
        "the connection to the {database} database was lost during {operation}: \
         whether it took effect is unknown, repeat it"
    )]
    Ambiguous {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
        /// What the client library said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A statement of a transaction failed and its error was not passed on: nothing was stored.
    #[error(
        "{operation} on the {database} database was taken back, since one of its statements failed"
    )]
    RolledBack {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
    },
    /// The settings are wrong: URL, password, database name, rights.
    #[error("the {database} database refuses: {reason}")]
    Configuration {
        /// Which one.
        database: Database,
        /// The cause and the remedy, without secrets.
        reason: String,
    },
    /// No connection that can be trusted: the server's certificate is not right, or it speaks no TLS.
    /// It was told no name and no password.
    #[error("the {database} database cannot be trusted: {reason}")]
    Tls {
        /// Which one.
        database: Database,
        /// The cause and the remedy, without secrets.
        reason: String,
    },
    /// The database lacks what this version needs: migrations or the extension.
    #[error("the {database} database is not ready: {reason}")]
    Schema {
        /// Which one.
        database: Database,
        /// The cause and the remedy.
        reason: String,
    },
    /// The tables changed while the connection was open, and its statements are of the former ones.
    /// Nothing was done; the connection is closed, and a new one does it.
    #[error("{operation} met a change of the tables of the {database} database: try again")]
    SchemaChanged {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
        /// What the database said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A stored value is none this library can represent.
    #[error("{entity} {key} holds a value that cannot be read: {reason}")]
    Data {
        /// The kind.
        entity: Entity,
        /// Which one.
        key: String,
        /// Column and value.
        reason: String,
    },
    /// Anything else a database answered.
    #[error("{operation} failed on the {database} database")]
    Backend {
        /// Where.
        database: Database,
        /// Which call.
        operation: &'static str,
        /// What the database said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A defect: of this library, of a closure given to it, or of the runtime.
    #[error("{operation} ended unexpectedly: {reason}")]
    Internal {
        /// Which call.
        operation: &'static str,
        /// What happened.
        reason: String,
    },
}

impl RepositoryError {
    /// An argument that can never be accepted, described by `reason`.
    pub fn invalid(reason: impl fmt::Display) -> Self {
        Self::InvalidInput {
            reason: reason.to_string(),
        }
    }

    /// The error with everything behind it, for a log: `Display` leaves the causes to `source`.
    pub fn with_causes(&self) -> impl fmt::Display + '_ {
        WithCauses(self)
    }

    /// Whether the same call may succeed later without anybody changing anything.
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

    /// Whether a write that failed with this error has certainly not happened and will not happen.
    ///
    /// `false` means that it may have: repeat it if it is idempotent, else look.
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
            FoldError::NotSmaller { .. } => Self::invalid(error),
        }
    }
}
