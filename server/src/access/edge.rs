//! Header fields of responses that protect browsers, or let pages of allowed origins read the responses.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::gate::Gate;
use super::origins::Sender;
use super::security_headers::{self, OverTls};

/// Methods of a page of an allowed origin.
const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE";

/// Header fields that such a page may send.
const FIELDS: &str =
    "Authorization, Content-Type, Content-Encoding, Accept, If-None-Match, X-Request-Id";

/// Header fields of responses that such a page may read.
const EXPOSED: &str = "ETag, Link, Next-Cursor, Retry-After, WWW-Authenticate, X-Request-Id";

/// How long a browser remembers the answer to a preflight request, in seconds.
const MAX_AGE: &str = "600";

/// Adds the fields to every response.
pub(crate) async fn finish(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let is_over_tls = request.extensions().get::<OverTls>().is_some();
    let sender = gate.sender(&request);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    security_headers::add(headers, is_over_tls);
    if !gate.config().origins.is_empty() {
        // a cache must not give the response for one origin to another one
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Sender::Allowed(origin) = sender {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

/// The answer to a preflight request of an allowed origin.
pub(super) fn preflight() -> Response {
    let fields = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, FIELDS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, fields).into_response()
}
