//! Gives each request an id: in the header `X-Request-Id`, in problems, and in log lines.

use std::time::Instant;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::request_id::{REQUEST_ID, RequestId};
use crate::problem::Problem;

/// Gives a request its id, and writes the id into the response, into its problem and into all log lines of the
/// request.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", %id);
    let answering = async {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let begun = Instant::now();
        let response = next.run(request).await;
        tracing::debug!(
            %method,
            path,
            status = response.status().as_u16(),
            elapsed = ?begun.elapsed(),
            "a request was answered"
        );
        response
    };
    let mut response = answering.instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.write_into(&mut response, &id);
    }
    // visible ASCII is always a valid value
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
