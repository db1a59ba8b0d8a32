//! Why a gap was not filled.

use tickbook::RepositoryError;
use tickbook::domain::SymbolId;

use crate::error::ProtocolError;
use crate::transport::FetchError;

/// Why a gap was not filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// The gap is of another channel.
    #[error("the history of the venue has trades only")]
    Channel,
    /// The gap lasts, or its end is not known yet.
    #[error("no trade has arrived after the gap")]
    Lasts,
    /// The trades cannot be told apart.
    #[error("the trades of the feed have no numbers")]
    Unnumbered,
    /// The feed does not have the symbol any more.
    #[error("the feed has no name for symbol {0}")]
    Symbol(SymbolId),
    /// The history begins after the start of the gap, or does not reach its end yet.
    #[error("{reason}")]
    Short {
        /// The part that is missing.
        reason: String,
        /// Whether no later attempt can succeed.
        is_final: bool,
    },
    /// A page cannot be fetched.
    #[error("{address}: {source}")]
    Fetch {
        /// The address.
        address: String,
        /// The reason.
        source: FetchError,
    },
    /// A page cannot be read.
    #[error("{address}: {source}")]
    Unreadable {
        /// The address.
        address: String,
        /// The reason.
        source: ProtocolError,
    },
    /// The store refused trades.
    #[error("{count} trades were refused: {reason}")]
    Refused {
        /// The number of trades.
        count: usize,
        /// The reason of the first one.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl FillError {
    /// Whether no later attempt can succeed.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Channel | Self::Unnumbered | Self::Symbol(_) | Self::Refused { .. } => true,
            Self::Short { is_final, .. } => *is_final,
            Self::Lasts | Self::Fetch { .. } | Self::Unreadable { .. } => false,
            Self::Store(error) => !error.is_transient(),
        }
    }
}
