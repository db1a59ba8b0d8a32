//! Problems of requests that the server does not let through.

use tickbook::domain::excerpt;
use tickbook_access::Scope;

use super::Problem;
use super::kind::ProblemKind;

impl Problem {
    /// The request has no token.
    #[must_use]
    pub(crate) fn no_token() -> Self {
        let detail = "the request has no token: send Authorization: Bearer and a token";
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// The request has several tokens.
    #[must_use]
    pub(crate) fn two_tokens() -> Self {
        let detail = "Authorization is given twice: send one token";
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// The token is not one of this server.
    #[must_use]
    pub(crate) fn invalid_token() -> Self {
        let detail = "invalid token: it is not a token of this server, or was revoked";
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// The token was valid once.
    #[must_use]
    pub(crate) fn expired_token() -> Self {
        let detail = "the token has expired: ask the operator for another one";
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// The token does not allow this request.
    #[must_use]
    pub(crate) fn insufficient_scope(needed: Scope) -> Self {
        let detail = format!("the request needs a token with the scope {needed}");
        Self::new(ProblemKind::InsufficientScope, detail)
    }

    /// The token, or the address, has sent its requests of this second.
    #[must_use]
    pub(crate) fn too_many_requests(retry_after: u16) -> Self {
        let detail = "too many requests: retry later, and send fewer requests per second";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(ProblemKind::TooManyRequests, detail)
        }
    }

    /// The page that sends the request has an origin that is not allowed.
    #[must_use]
    pub(crate) fn foreign_origin() -> Self {
        let detail = "pages of this origin may not use the server: see access.origins";
        Self::new(ProblemKind::ForeignOrigin, detail)
    }

    /// The request names no host, or an invalid one.
    #[must_use]
    pub(crate) fn no_host() -> Self {
        let detail = "invalid request: expected one Host with a name and perhaps a port";
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// The request is for another host.
    #[must_use]
    pub(crate) fn other_host(host: &str) -> Self {
        let host = excerpt(host);
        let detail = format!("{host} is not a name of this server: see access.hosts");
        Self::new(ProblemKind::OtherHost, detail)
    }
}
