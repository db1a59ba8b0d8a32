//! Admission control: refuses requests before they reach a handler.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use metrics::counter;

use super::answer::{WithoutMemory, counted};
use super::{Connection, Http};
use crate::metrics::HTTP_REFUSED;
use crate::problem::Problem;

/// Maximum size of path and query together in bytes.
pub(crate) const URI_LIMIT: usize = 8 * 1024;

/// Maximum size of all header fields together in bytes.
pub(crate) const HEADERS_LIMIT: usize = 16 * 1024;

/// Maximum number of header fields.
pub(crate) const FIELDS_LIMIT: usize = 100;

/// Admits a request, which then counts as active, or refuses it. Counts the memory of its response.
pub(crate) async fn admit(State(http): State<Http>, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let without_memory = without_memory(request.uri().path());
    let response = answer(&http, connection.as_ref(), request, next).await;
    counted(http.memory(), connection.as_ref(), without_memory, response)
}

/// Operators need the state of the server most while memory is short.
fn without_memory(path: &str) -> WithoutMemory {
    if path == "/metrics" || is_health(path) {
        WithoutMemory::Exceed
    } else {
        WithoutMemory::Refuse
    }
}

fn is_health(path: &str) -> bool {
    path.starts_with("/health/")
}

async fn answer(
    http: &Http,
    connection: Option<&Connection>,
    request: Request,
    next: Next,
) -> Response {
    let is_health = is_health(request.uri().path());
    if connection.is_some_and(Connection::is_reserved) {
        let mut response = if is_health {
            next.run(request).await
        } else {
            counter!(HTTP_REFUSED, "reason" => "connections").increment(1);
            Problem::no_more_connections().into_response()
        };
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        return response;
    }
    if let Err(problem) = check(&request) {
        return problem.into_response();
    }
    if is_health || counts_itself(&request) {
        return next.run(request).await;
    }
    match http.begin() {
        Ok(_working) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether the handler itself starts to count the request as active: after the body has arrived, or after
/// memory for a page is available. WebSockets do not count, since their number has its own limit.
fn counts_itself(request: &Request) -> bool {
    let path = request.uri().path();
    let has_pages = ["/api/v1/ticks/", "/api/v1/ohlc/"];
    [Method::POST, Method::PATCH].contains(request.method())
        || path == "/ws"
        || path == "/api/v1/symbols"
        || path == "/api/v1/exchanges"
        || has_pages.iter().any(|start| path.starts_with(start))
}

fn check(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > URI_LIMIT {
        return Err(Problem::uri_too_long(URI_LIMIT));
    }
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > HEADERS_LIMIT || headers.len() > FIELDS_LIMIT {
        return Err(Problem::headers_too_large(HEADERS_LIMIT, FIELDS_LIMIT));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
