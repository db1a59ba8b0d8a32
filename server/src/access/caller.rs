//! Callers: who sends a request.

use std::fmt;

use tickbook_access::TokenRecord;

/// Who sends a request. It is an extension of each request that is admitted.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Any client of a server without tokens. It may do everything.
    Anyone,
    /// A client with a valid token.
    Token(TokenRecord),
    /// A WebSocket client that has to send its token in a message.
    Unknown,
}

/// The name in the log.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anonymous"),
            // it has letters, digits and a few signs only
            Self::Token(record) => f.write_str(&record.name),
            Self::Unknown => f.write_str("none"),
        }
    }
}
