//! Error responses: `application/problem+json` (RFC 9457).

mod access;
mod kind;
mod repository_error;

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tickbook::domain::{SymbolId, excerpt};
use tickbook_ledger::domain::{AccountId, OrderId};
use utoipa::ToSchema;

use crate::http::request_id::RequestId;
use kind::ProblemKind;

/// An error, for programs (`type`, `status`) and for people (`title`, `detail`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// The identifier of the kind of problem; stable between versions.
    #[serde(rename = "type")]
    #[schema(example = "urn:tickbook:invalid-parameter")]
    pub kind: String,
    /// The kind in words.
    #[schema(example = "invalid parameter")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// The fault of this request and its remedy.
    #[schema(example = "limit 0 is out of range: use 1 to 10000")]
    pub detail: String,
    /// The id of the request, as in the header `X-Request-Id` and in the log of the server.
    #[schema(example = "8f14e45fceea167a5a36dedd4bea2543", max_length = 64)]
    pub request_id: String,
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    retry_after: Option<u16>,
}

impl Problem {
    fn new(kind: ProblemKind, detail: impl fmt::Display) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            retry_after: None,
        }
    }

    /// The body of the response to the request `id`.
    pub(crate) fn to_json(&self, id: &RequestId) -> String {
        let (status, kind, title) = self.kind.parts();
        let body = ProblemBody {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            request_id: id.to_string(),
        };
        // texts and numbers can always be written as JSON
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// Writes the body of the response to the request `id`.
    pub(crate) fn write_into(&self, response: &mut Response, id: &RequestId) {
        *response.body_mut() = Body::from(self.to_json(id));
        let content_type = HeaderValue::from_static("application/problem+json");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.remove(header::CONTENT_LENGTH);
    }

    /// A path or query parameter that can never be accepted; `detail` names it.
    pub fn invalid_parameter(detail: impl fmt::Display) -> Self {
        Self::new(ProblemKind::InvalidParameter, detail)
    }

    /// A body that can never be accepted; `detail` names the place.
    pub fn invalid_body(detail: impl fmt::Display) -> Self {
        Self::new(ProblemKind::InvalidBody, detail)
    }

    /// No symbol has this id.
    #[must_use]
    pub fn unknown_symbol(symbol_id: SymbolId) -> Self {
        let detail = format!("unknown symbol {symbol_id}: /api/v1/symbols lists all symbols");
        Self::new(ProblemKind::UnknownSymbol, detail)
    }

    /// No symbol has this name.
    #[must_use]
    pub fn unknown_name(name: &str) -> Self {
        let name = excerpt(name);
        let detail = format!("unknown symbol {name}: /api/v1/symbols lists all symbols");
        Self::new(ProblemKind::UnknownSymbol, detail)
    }

    /// No exchange has this name.
    #[must_use]
    pub fn unknown_exchange(name: &str) -> Self {
        let name = excerpt(name);
        let detail = format!("unknown exchange {name}: /api/v1/exchanges lists all exchanges");
        Self::new(ProblemKind::NotFound, detail)
    }

    /// No account has this id, or the caller may not see it.
    #[must_use]
    pub fn unknown_account(account_id: AccountId) -> Self {
        let detail = format!("unknown account {account_id}: /api/v1/accounts lists all accounts");
        Self::new(ProblemKind::UnknownAccount, detail)
    }

    /// No risk event has this id, or the caller may not see it.
    #[must_use]
    pub fn unknown_risk_event(id: i64) -> Self {
        let detail = format!("unknown risk event {id}: /api/v1/risk-events lists all risk events");
        Self::new(ProblemKind::NotFound, detail)
    }

    /// The account has no order with this id.
    #[must_use]
    pub fn unknown_order(account_id: AccountId, order_id: &OrderId) -> Self {
        let (order, account) = (excerpt(order_id.as_str()), account_id);
        let detail = format!(
            "unknown order {order}: /api/v1/accounts/{account}/orders lists the orders of the account"
        );
        Self::new(ProblemKind::NotFound, detail)
    }

    /// The last event of an account has another number than the request expects.
    #[must_use]
    pub fn other_sequence(detail: impl fmt::Display) -> Self {
        Self::new(ProblemKind::OtherSequence, detail)
    }

    /// The item does not exist; `detail` names it.
    #[must_use]
    pub fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// Another item has the name; `detail` names it.
    #[must_use]
    pub fn already_exists(detail: impl fmt::Display) -> Self {
        Self::new(ProblemKind::AlreadyExists, detail)
    }

    /// No route has this path.
    #[must_use]
    pub fn no_route(path: &str) -> Self {
        let path = shortened(path);
        let detail = format!("unknown path {path}: /openapi.json describes all paths");
        Self::new(ProblemKind::NotFound, detail)
    }

    /// The route does not support this method.
    #[must_use]
    pub fn method_not_allowed(method: &str, path: &str) -> Self {
        let (path, method) = (shortened(path), excerpt(method));
        let detail =
            format!("{path} does not support {method}: the Allow header lists supported methods");
        Self::new(ProblemKind::MethodNotAllowed, detail)
    }

    /// The body did not arrive in time.
    #[must_use]
    pub fn slow_body() -> Self {
        let detail = "the body did not arrive in time: send it faster, or send less";
        Self::new(ProblemKind::RequestTimeout, detail)
    }

    /// The body is larger than allowed.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes: send fewer ticks per request");
        Self::new(ProblemKind::TooLarge, detail)
    }

    /// The client accepts no representation of the list.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let detail = "Accept excludes every representation of this list: \
                      accept application/json or text/csv";
        Self::new(ProblemKind::NotAcceptable, detail)
    }

    /// The body is not declared as JSON.
    #[must_use]
    pub fn not_json() -> Self {
        let detail = "the body is not declared as JSON: send Content-Type: application/json";
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// The body is declared neither as JSON nor as CSV.
    #[must_use]
    pub fn neither_json_nor_csv() -> Self {
        let detail = "the body is declared neither as JSON nor as CSV: \
                      send Content-Type: application/json or text/csv";
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// The body is in a content coding or charset that is not supported.
    #[must_use]
    pub fn encoded() -> Self {
        let detail = "the body has an unsupported Content-Encoding or charset: \
                      send it in UTF-8, plain or with gzip or zstd";
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// Path and query are longer than allowed.
    #[must_use]
    pub fn uri_too_long(limit: usize) -> Self {
        let detail = format!("path and query have more than {limit} bytes: request less at a time");
        Self::new(ProblemKind::UriTooLong, detail)
    }

    /// The head is not a valid HTTP/1.1 request.
    #[must_use]
    pub fn invalid_head() -> Self {
        let detail = "invalid request head: expected HTTP/1.1; use an HTTP client";
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// The client does not use TLS.
    #[must_use]
    pub(crate) fn needs_tls() -> Self {
        let detail = "this port accepts only TLS: use https:// or wss://";
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// The head is longer than the server reads.
    #[must_use]
    pub(crate) fn head_too_large(status: &str, bytes: usize, fields: usize) -> Self {
        let kind = if status == "414" {
            ProblemKind::UriTooLong
        } else {
            ProblemKind::HeadersTooLarge
        };
        let detail = format!(
            "the head of the request has more than {bytes} bytes or {fields} fields: \
             remove unneeded fields"
        );
        Self::new(kind, detail)
    }

    /// The header fields are longer, or more, than allowed.
    #[must_use]
    pub fn headers_too_large(bytes: usize, fields: usize) -> Self {
        let detail = format!(
            "the header has more than {bytes} bytes or {fields} fields: remove unneeded fields"
        );
        Self::new(ProblemKind::HeadersTooLarge, detail)
    }

    /// A fault of the server, whose cause is logged.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "the server failed to process this request; its log has the cause";
        Self::new(ProblemKind::Internal, detail)
    }

    /// The maximum number of requests is active.
    #[must_use]
    pub fn busy() -> Self {
        let detail = "the server has reached its limit of active requests: retry later";
        Self::unavailable(detail.to_owned(), 1)
    }

    /// Bodies and responses of other requests use all memory reserved for them.
    #[must_use]
    pub fn no_memory() -> Self {
        let detail = "other requests use all memory for bodies and responses: \
                      retry it later, or with a smaller body or limit";
        Self::unavailable(detail.to_owned(), 2)
    }

    /// All connections are active, including the reserved ones.
    #[must_use]
    pub fn no_more_connections() -> Self {
        let detail = "the server has reached its limit of active connections: connect again later";
        Self::unavailable(detail.to_owned(), 2)
    }

    /// The server stops before the body has arrived.
    #[must_use]
    pub fn stopping() -> Self {
        let detail = "the server stops before the body has arrived completely: send it again later";
        Self::unavailable(detail.to_owned(), 5)
    }

    /// The maximum number of WebSocket clients is connected, or the server stops.
    #[must_use]
    pub fn no_more_clients() -> Self {
        let detail = "the server accepts no more WebSocket clients at present: connect again later";
        Self::unavailable(detail.to_owned(), 5)
    }

    /// This address has the maximum number of WebSocket clients.
    #[must_use]
    pub fn no_more_of_address(max: usize) -> Self {
        let detail = format!(
            "this address already has {max} WebSocket clients: close one, or see \
             websocket.max_connections_per_address"
        );
        Self {
            retry_after: Some(5),
            ..Self::new(ProblemKind::TooManyConnections, detail)
        }
    }

    fn unavailable(detail: String, retry_after: u16) -> Self {
        Self {
            kind: ProblemKind::Unavailable,
            detail,
            retry_after: Some(retry_after),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.parts().0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    /// The response without its body. The outermost layer of the router writes it, since it contains the id of the
    /// request.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Shortens a text that may contain input of any length to its beginning and its end, at most 75 characters
/// each.
pub(crate) fn shortened(text: &str) -> String {
    const MAX_END_CHARS: usize = 75;
    if text.chars().nth(2 * MAX_END_CHARS).is_none() {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_END_CHARS).collect();
    let mut end: Vec<char> = text.chars().rev().take(MAX_END_CHARS).collect();
    end.reverse();
    format!("{start} … {}", end.into_iter().collect::<String>())
}

/// Formats an error and all its sources in one line.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // writing to a String cannot fail
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
