//! The gate: decides which requests are let through, and who sends them.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use metrics::gauge;
use tickbook::Clock;
use tickbook_access::{Scope, TokenDigest, TokenList, TokenRecord};
use tokio::sync::watch;

use super::authentication;
use super::caller::Caller;
use super::hosts::Hosts;
use super::origins::{AllowedOrigins, Sender};
use super::rates::Rates;
use super::refused::Refused;
use super::scopes::needed;
use super::token_store::TokenStore;
use crate::http::{Peer, client_of};
use crate::metrics::ACCESS_TOKENS;
use crate::settings::AccessConfig;

/// Checks the host, the origin, the token and the rate of each request. Clones share it.
///
/// # Examples
///
/// ```
/// use orderbook_server::access::Gate;
/// use orderbook_server::settings::AccessConfig;
/// use tickbook::Clock;
///
/// // a server without tokens that listens on a loopback address
/// let gate = Gate::new(AccessConfig::default(), None, true, Clock::system());
/// # let _ = gate;
/// ```
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: AccessConfig,
    tokens: Option<Arc<TokenStore>>,
    origins: AllowedOrigins,
    hosts: Hosts,
    rates: Rates,
    clock: Clock,
}

/// A request that is let through.
#[derive(Debug)]
pub(super) enum Passed {
    /// It needs no token.
    Free,
    /// A browser asks whether a page may send a request.
    Preflight,
    /// Its sender may send it.
    By(Caller),
}

impl Gate {
    /// A gate with these tokens. Without tokens every client may do everything. If the server listens on a loopback
    /// address, requests for another host are refused.
    #[must_use]
    pub fn new(
        config: AccessConfig,
        tokens: Option<Arc<TokenStore>>,
        listens_on_loopback: bool,
        clock: Clock,
    ) -> Self {
        if tokens.is_none() {
            gauge!(ACCESS_TOKENS).set(0);
        }
        Self(Arc::new(Shared {
            origins: AllowedOrigins::new(config.origins.clone()),
            hosts: Hosts::new(config.hosts.clone(), listens_on_loopback),
            rates: Rates::new(),
            tokens,
            config,
            clock,
        }))
    }

    /// A gate that lets every request through: without tokens, and without a check of the host.
    #[must_use]
    pub fn open() -> Self {
        Self::new(AccessConfig::default(), None, false, Clock::system())
    }

    pub(super) fn config(&self) -> &AccessConfig {
        &self.0.config
    }

    /// Where a request comes from.
    pub(super) fn sender(&self, request: &Request) -> Sender {
        self.0.origins.sender(request.uri(), request.headers())
    }

    /// The tokens and their changes; `None` if the server has no tokens.
    pub(super) fn changes(&self) -> Option<watch::Receiver<Arc<TokenList>>> {
        self.0.tokens.as_ref().map(|tokens| tokens.changes())
    }

    /// Lets a request through, or refuses it. Sets `who` to the name of the caller for the log.
    ///
    /// # Errors
    /// The host, the origin, the token, its scope or the rate is not allowed.
    pub(super) fn check(&self, request: &Request, who: &mut String) -> Result<Passed, Refused> {
        let (uri, headers, method) = (request.uri(), request.headers(), request.method());
        let hosts = &self.0.hosts;
        hosts
            .check(request.version(), uri, headers)
            .map_err(Refused::Host)?;
        let sender = self.sender(request);
        let is_preflight = *method == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && headers.contains_key(header::ORIGIN);
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map(MatchedPath::as_str);
        let is_websocket = route == Some("/ws");
        // a page may send such a request, and only the browser hides the response from it
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if sender == Sender::Foreign && (!reads || is_websocket || is_preflight) {
            return Err(Refused::ForeignOrigin);
        }
        if is_preflight {
            return Ok(Passed::Preflight);
        }
        let Some(scope) = needed(method, route) else {
            return Ok(Passed::Free);
        };
        let caller = self.caller(request, is_websocket, who)?;
        match &caller {
            Caller::Token(record) if !record.allows(scope) => Err(Refused::Scope(scope)),
            _ => Ok(Passed::By(caller)),
        }
    }

    /// Who sends the request. A WebSocket client may send its token later.
    fn caller(
        &self,
        request: &Request,
        is_websocket: bool,
        who: &mut String,
    ) -> Result<Caller, Refused> {
        let now = self.0.clock.now();
        let config = &self.0.config;
        let found = match &self.0.tokens {
            None => Ok(Caller::Anyone),
            Some(tokens) => {
                let tokens = tokens.current();
                let token = authentication::token_of(request.headers(), &tokens, now);
                match token {
                    Ok(record) => Ok(Caller::Token(record.clone())),
                    Err(Refused::NoToken) if is_websocket => Ok(Caller::Unknown),
                    Err(refused) => Err(refused),
                }
            }
        };
        *who = match &found {
            Ok(caller) => caller.to_string(),
            Err(Refused::ExpiredToken(name)) => name.clone(),
            Err(_) => Caller::Unknown.to_string(),
        };
        if let Ok(Caller::Token(record)) = &found {
            let limit = record.requests_per_second;
            let limit = limit.unwrap_or(config.requests_per_second);
            let digest = record.digest.as_bytes();
            let taken = self.0.rates.of_token(digest, limit, now);
            taken.map_err(Refused::Rate)?;
        } else if let Some(Peer(peer)) = request.extensions().get() {
            let limit = config.anonymous_requests_per_second;
            let address = client_of(peer.ip());
            let taken = self.0.rates.of_address(address, limit, now);
            taken.map_err(Refused::Rate)?;
        }
        found
    }

    /// The token of a message of a WebSocket client, if it may read.
    ///
    /// # Errors
    /// The token is not valid, or does not allow reading.
    pub(super) fn token(
        &self,
        presented: &str,
        tokens: &TokenList,
    ) -> Result<TokenRecord, Refused> {
        let record = authentication::valid(presented, tokens, self.0.clock.now())?;
        match record.allows(Scope::Read) {
            true => Ok(record.clone()),
            false => Err(Refused::Scope(Scope::Read)),
        }
    }

    /// Whether a token may still read.
    pub(super) fn is_still_valid(&self, digest: &TokenDigest, tokens: &TokenList) -> bool {
        let now = self.0.clock.now();
        let record = tokens.find(digest);
        record.is_some_and(|it| it.is_valid_at(now) && it.allows(Scope::Read))
    }
}
