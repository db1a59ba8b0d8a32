//! Errors of frames.

/// Why a frame was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The frame is not a message of the venue. Any message may be lost with it, so every book of the
    /// connection is stale.
    #[error("unreadable message: {0}")]
    Unreadable(String),
    /// The message is about a symbol that the protocol was not created with.
    #[error("message about unknown symbol {0}: expected one of the subscribed symbols")]
    UnknownSymbol(String),
    /// The message is of a channel that the protocol does not read.
    #[error("message of unknown channel {0}")]
    UnknownChannel(String),
    /// The venue refused a request.
    #[error("the venue refused a request: {0}")]
    Refused(String),
    /// A number or time of a trade or quote is invalid.
    #[error("invalid {field} of {symbol}: {detail}")]
    InvalidField {
        /// The symbol of the venue.
        symbol: String,
        /// The name of the field.
        field: &'static str,
        /// The error of its value.
        detail: String,
    },
}
