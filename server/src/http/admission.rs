//! Admission control: refuses requests before they reach a handler.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
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

/// Admits a request, or refuses it. Counts the memory of its response.
pub(crate) async fn admit(State(http): State<Http>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(http.clone());
    let connection = request.extensions().get::<Connection>().cloned();
    let without_memory = without_memory(request.uri().path());
    let response = answer(connection.as_ref(), request, next).await;
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

async fn answer(connection: Option<&Connection>, request: Request, next: Next) -> Response {
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
    next.run(request).await
}

/// Counts a request as active until its handler returns, or refuses it.
pub(crate) async fn count(
    Extension(http): Extension<Http>,
    request: Request,
    next: Next,
) -> Response {
    match http.begin() {
        Ok(_working) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
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
