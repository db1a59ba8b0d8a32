//! Errors as clients see them: `application/problem+json`.

mod kind;

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tickbook::domain::{SymbolId, excerpt};
use tickbook::{Database, Entity, RepositoryError};
use utoipa::ToSchema;

use kind::Kind;

/// What went wrong, for programs (`type`, `status`) and for people (`title`, `detail`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// A name of the kind of problem that does not change between versions.
    #[serde(rename = "type")]
    #[schema(example = "urn:tickbook:invalid-parameter")]
    pub kind: String,
    /// The kind in words.
    #[schema(example = "invalid parameter")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong with this request and what to do.
    #[schema(example = "limit 0 is out of range: use 1 to 10000")]
    pub detail: String,
}

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    retry_after: Option<u16>,
}

impl Problem {
    fn new(kind: Kind, detail: impl fmt::Display) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            retry_after: None,
        }
    }

    fn into_body(self) -> ProblemBody {
        let (status, kind, title) = self.kind.parts();
        ProblemBody {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
        }
    }

    /// The body of the answer.
    pub(crate) fn to_json(&self) -> String {
        // texts and numbers, which JSON can always hold
        serde_json::to_string(&self.clone().into_body()).unwrap_or_default()
    }

    /// A path or query parameter that can never be accepted; the detail names it.
    pub fn invalid_parameter(detail: impl fmt::Display) -> Self {
        Self::new(Kind::InvalidParameter, detail)
    }

    /// A body that can never be accepted; the detail says where in it.
    pub fn invalid_body(detail: impl fmt::Display) -> Self {
        Self::new(Kind::InvalidBody, detail)
    }

    /// No symbol has that id.
    #[must_use]
    pub fn unknown_symbol(symbol_id: SymbolId) -> Self {
        let detail = format!("there is no symbol {symbol_id}: /api/v1/symbols lists them");
        Self::new(Kind::UnknownSymbol, detail)
    }

    /// No route has that path.
    #[must_use]
    pub fn no_route(path: &str) -> Self {
        let path = shortened(path);
        let detail = format!("there is nothing at {path}: /openapi.json describes what there is");
        Self::new(Kind::NotFound, detail)
    }

    /// The route does not know that method.
    #[must_use]
    pub fn method_not_allowed(method: &str, path: &str) -> Self {
        let (path, method) = (shortened(path), excerpt(method));
        let detail = format!("{path} does not take {method}: the Allow header says what it takes");
        Self::new(Kind::MethodNotAllowed, detail)
    }

    /// The body did not arrive in time.
    #[must_use]
    pub fn slow_body() -> Self {
        let detail = "the body did not arrive in time: send it at once, or send less";
        Self::new(Kind::RequestTimeout, detail)
    }

    /// The body has more bytes than are taken.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes: send fewer ticks at once");
        Self::new(Kind::TooLarge, detail)
    }

    /// The body is not declared to be JSON.
    #[must_use]
    pub fn not_json() -> Self {
        let detail = "the body is not declared as JSON: send Content-Type: application/json";
        Self::new(Kind::UnsupportedMediaType, detail)
    }

    /// The body is compressed, or in letters of its own.
    #[must_use]
    pub fn encoded() -> Self {
        let detail = "the body is compressed or no UTF-8: send JSON in UTF-8 as it is";
        Self::new(Kind::UnsupportedMediaType, detail)
    }

    /// Path and query are longer than is taken.
    #[must_use]
    pub fn uri_too_long(limit: usize) -> Self {
        let detail = format!("path and query have more than {limit} bytes: ask for less at once");
        Self::new(Kind::UriTooLong, detail)
    }

    /// The head is none of HTTP/1.1.
    #[must_use]
    pub fn invalid_head() -> Self {
        let detail = "the head of the request is no head of HTTP/1.1: use an HTTP client";
        Self::new(Kind::InvalidRequest, detail)
    }

    /// The head is longer than is read.
    #[must_use]
    pub(crate) fn head_too_large(status: &str, bytes: usize, fields: usize) -> Self {
        let kind = if status == "414" {
            Kind::UriTooLong
        } else {
            Kind::HeadersTooLarge
        };
        let detail = format!(
            "the head of the request has more than {bytes} bytes or {fields} fields: \
             leave out what is not needed"
        );
        Self::new(kind, detail)
    }

    /// The header fields are longer or more than are taken.
    #[must_use]
    pub fn headers_too_large(bytes: usize, fields: usize) -> Self {
        let detail = format!(
            "the header has more than {bytes} bytes or {fields} fields: leave out what is not needed"
        );
        Self::new(Kind::HeadersTooLarge, detail)
    }

    /// As many requests are worked at as may be.
    #[must_use]
    pub fn busy() -> Self {
        let detail = "the server is at work on as many requests as it takes: repeat it later";
        Self::unavailable(detail.to_owned(), 1)
    }

    /// Bodies and answers of others take all memory that there is for them.
    #[must_use]
    pub fn no_memory() -> Self {
        let detail = "bodies and answers of other requests take all memory there is for them: \
                      repeat it later, or with a smaller body or limit";
        Self::unavailable(detail.to_owned(), 2)
    }

    /// So many connections are at work that no other one is.
    #[must_use]
    pub fn no_more_connections() -> Self {
        let detail = "all connections that the server takes are at work: connect again later";
        Self::unavailable(detail.to_owned(), 2)
    }

    /// The server stops before the body has come.
    #[must_use]
    pub fn stopping() -> Self {
        let detail = "the server stops and the body has not come whole: send it again later";
        Self::unavailable(detail.to_owned(), 5)
    }

    /// So many WebSocket clients are connected that no other one is taken, or none any more.
    #[must_use]
    pub fn no_more_clients() -> Self {
        let detail = "no other WebSocket client is taken now: connect again later";
        Self::unavailable(detail.to_owned(), 5)
    }

    /// One address has as many WebSocket clients as it may have.
    #[must_use]
    pub fn no_more_of_address(most: usize) -> Self {
        let detail = format!(
            "this address has {most} WebSocket clients already: close one, or see \
             websocket.max_connections_per_address"
        );
        Self {
            retry_after: Some(5),
            ..Self::new(Kind::TooManyConnections, detail)
        }
    }

    fn unavailable(detail: String, retry_after: u16) -> Self {
        Self {
            kind: Kind::Unavailable,
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
    fn into_response(self) -> Response {
        let (status, ..) = self.kind.parts();
        let retry_after = self.retry_after;
        let mut response = (status, Json(self.into_body())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<RepositoryError> for Problem {
    /// The answer for a failed call of a repository. What the databases said, with hosts, users
    /// and SQL, goes to the log and not to the client.
    fn from(error: RepositoryError) -> Self {
        log(&error);
        match error {
            RepositoryError::InvalidInput { reason } => Self::invalid_parameter(reason),
            RepositoryError::NotFound {
                entity: Entity::Symbol,
                ..
            } => Self::new(Kind::UnknownSymbol, error),
            RepositoryError::NotFound { .. } => Self::new(Kind::NotFound, error),
            RepositoryError::AlreadyExists { .. } => Self::new(Kind::AlreadyExists, error),
            // the pools look for a database that is away about every two seconds
            RepositoryError::Unavailable { database, .. } => Self::database(
                database,
                "cannot be reached or is busy: repeat the request later",
                2,
            ),
            // a database that needs longer than the deadline is overloaded: leave it some air
            RepositoryError::Timeout { database, .. } => Self::database(
                database,
                "did not answer in time: repeat the request later, or ask for less",
                5,
            ),
            // the next connection is a new one, and repeating a write stores nothing twice
            RepositoryError::Ambiguous { database, .. } => Self::database(
                database,
                "was lost during the request, which may have taken effect: \
                 repeat it, nothing is stored twice",
                1,
            ),
            // the other writer is done within one transaction
            RepositoryError::Conflict { database, .. } => Self::database(
                database,
                "had another writer in the way: repeat the request",
                1,
            ),
            // the next connection knows the tables as they are now
            RepositoryError::SchemaChanged { database, .. } => Self::database(
                database,
                "has got other tables during the request: repeat it",
                1,
            ),
            // these three wait for a person
            RepositoryError::Schema { database, .. } => Self::database(
                database,
                "is not set up for this version: its operator has to run `tickbook migrate`",
                30,
            ),
            RepositoryError::Configuration { database, .. } => Self::database(
                database,
                "refuses this server: its operator has to correct the server's settings",
                30,
            ),
            RepositoryError::Tls { database, .. } => Self::database(
                database,
                "cannot be trusted: its operator has to see to certificates and TLS settings",
                30,
            ),
            // its operator has to correct that row: the text has values, and nothing of the server
            RepositoryError::Data { .. } => Self::new(Kind::Internal, error),
            // these are defects of the server or of the database, and so is what a later version adds
            RepositoryError::RolledBack { .. }
            | RepositoryError::Backend { .. }
            | RepositoryError::Internal { .. }
            | _ => Self::new(
                Kind::Internal,
                "the server failed on this request: its log says why",
            ),
        }
    }
}

impl Problem {
    fn database(database: Database, what: &str, retry_after: u16) -> Self {
        Self::unavailable(format!("the {database} database {what}"), retry_after)
    }
}

fn log(error: &RepositoryError) {
    match error {
        RepositoryError::InvalidInput { .. }
        | RepositoryError::NotFound { .. }
        | RepositoryError::AlreadyExists { .. } => {}
        error if error.is_transient() => {
            tracing::warn!(error = chain(error), "a repository is unavailable");
        }
        error => tracing::error!(error = chain(error), "a repository failed"),
    }
}

/// A text that may hold input of any length: the beginning and the end of it, 75 characters each
/// at most.
pub(crate) fn shortened(text: &str) -> String {
    const KEPT: usize = 75;
    if text.chars().nth(2 * KEPT).is_none() {
        return text.to_owned();
    }
    let start: String = text.chars().take(KEPT).collect();
    let mut end: Vec<char> = text.chars().rev().take(KEPT).collect();
    end.reverse();
    format!("{start} … {}", end.into_iter().collect::<String>())
}

/// An error and all its sources in one line.
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
