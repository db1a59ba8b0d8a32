//! Refused requests: status, problem and challenge.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use tickbook_access::Scope;

use super::hosts::OtherHost;
use crate::metrics::ACCESS_REFUSED;
use crate::problem::Problem;

/// Why a request is refused before its handler runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no token.
    NoToken,
    /// The field `Authorization` is given twice.
    TwoTokens,
    /// No token has this text, or it was revoked.
    InvalidToken,
    /// The token of this name has expired.
    ExpiredToken(String),
    /// The token does not have the needed scope.
    Scope(Scope),
    /// The token or the address has no request left.
    Rate(Duration),
    /// The page comes from another origin.
    ForeignOrigin,
    /// The request is for another host.
    Host(OtherHost),
}

impl Refused {
    /// The label of the metric.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::TwoTokens | Self::InvalidToken => "invalid_token",
            Self::ExpiredToken(_) => "expired_token",
            Self::Scope(_) => "scope",
            Self::Rate(_) => "rate",
            Self::ForeignOrigin => "origin",
            Self::Host(_) => "host",
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::NoToken => Problem::no_token(),
            Self::TwoTokens => Problem::two_tokens(),
            Self::InvalidToken => Problem::invalid_token(),
            Self::ExpiredToken(_) => Problem::expired_token(),
            Self::Scope(needed) => Problem::insufficient_scope(*needed),
            Self::Rate(wait) => {
                let seconds = wait.as_millis().div_ceil(1_000).max(1);
                Problem::too_many_requests(u16::try_from(seconds).unwrap_or(u16::MAX))
            }
            Self::ForeignOrigin => Problem::foreign_origin(),
            Self::Host(OtherHost::Invalid) => Problem::no_host(),
            Self::Host(OtherHost::Named(host)) => Problem::other_host(host),
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750).
    fn challenge(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::NoToken => "Bearer realm=\"tickbook\"".to_owned(),
            Self::TwoTokens => "Bearer error=\"invalid_request\"".to_owned(),
            Self::InvalidToken | Self::ExpiredToken(_) => {
                "Bearer error=\"invalid_token\"".to_owned()
            }
            Self::Scope(needed) => {
                format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"")
            }
            Self::Rate(_) | Self::ForeignOrigin | Self::Host(_) => return None,
        };
        HeaderValue::try_from(text).ok()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        counter!(ACCESS_REFUSED, "reason" => self.reason()).increment(1);
        let mut response = self.problem().into_response();
        if let Some(challenge) = self.challenge() {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
