//! The token of a WebSocket client.

use std::sync::Arc;

use metrics::counter;
use tickbook_access::{TokenDigest, TokenList, TokenRecord};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::gate::Gate;
use super::refused::Refused;
use crate::metrics::ACCESS_REFUSED;

/// What a WebSocket client may do at present.
#[derive(Debug)]
pub(crate) struct ClientAccess {
    gate: Gate,
    state: State,
    /// `None` if the server has no tokens.
    tokens: Option<watch::Receiver<Arc<TokenList>>>,
}

#[derive(Debug)]
enum State {
    /// The server has no tokens.
    Open,
    /// The client has to send a token before this instant.
    Waiting(Instant),
    /// The client has sent this token.
    Granted(TokenDigest),
}

/// What an accepted token allows; `None` if the server has no tokens.
pub(crate) type Granted = Option<TokenRecord>;

impl ClientAccess {
    /// The access of a client whose handshake was let through.
    pub(crate) fn new(gate: Gate, caller: &Caller) -> Self {
        let deadline = Instant::now() + gate.config().authenticate_timeout;
        let state = match caller {
            Caller::Anyone => State::Open,
            Caller::Token(record) => State::Granted(record.digest),
            Caller::Unknown => State::Waiting(deadline),
        };
        let mut tokens = gate.changes();
        if let Some(tokens) = &mut tokens {
            // tokens that were revoked since the check of the handshake count as a change
            tokens.mark_changed();
        }
        Self {
            gate,
            state,
            tokens,
        }
    }

    /// Whether the client has to send a token first.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Waits until the client may no longer be connected, and returns the reason. Cancel safe.
    pub(crate) async fn ended(&mut self) -> &'static str {
        loop {
            let changed = async {
                let is_changed = match &mut self.tokens {
                    Some(tokens) => tokens.changed().await.is_ok(),
                    None => false,
                };
                // the tokens outlive all clients
                if !is_changed {
                    std::future::pending().await
                }
            };
            match self.state {
                State::Open => std::future::pending().await,
                State::Waiting(deadline) => {
                    sleep_until(deadline).await;
                    counter!(ACCESS_REFUSED, "reason" => Refused::NoToken.reason()).increment(1);
                    return "no token was sent in time: connect again and authenticate";
                }
                State::Granted(digest) => {
                    changed.await;
                    let tokens = self.tokens.as_ref().map(|it| Arc::clone(&it.borrow()));
                    if tokens.is_some_and(|it| !self.gate.is_still_valid(&digest, &it)) {
                        return "the token was revoked or has expired: connect again with another one";
                    }
                }
            }
        }
    }

    /// Takes the token of a message, in place of an earlier one.
    ///
    /// # Errors
    /// The token is not valid, or does not allow reading; the text says why.
    pub(crate) fn authenticate(&mut self, presented: &str) -> Result<Granted, &'static str> {
        let Some(tokens) = &mut self.tokens else {
            return Ok(None);
        };
        let list = Arc::clone(&tokens.borrow_and_update());
        match self.gate.token(presented, &list) {
            Ok(record) => {
                self.state = State::Granted(record.digest);
                Ok(Some(record))
            }
            Err(refused) => {
                counter!(ACCESS_REFUSED, "reason" => refused.reason()).increment(1);
                Err(match refused {
                    Refused::ExpiredToken(_) => "the token has expired",
                    Refused::Scope(_) => "the token does not have the scope read",
                    _ => "invalid token",
                })
            }
        }
    }
}
