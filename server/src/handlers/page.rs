//! Pages of many rows as answers.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tickbook::RepositoryError;

use crate::problem::Problem;

/// `page` as the JSON body of an answer.
///
/// Room for `rows` rows of some `row_bytes` bytes is taken at once: a buffer that grows copies a
/// page several times.
pub(super) fn page_answer(
    page: &impl Serialize,
    rows: usize,
    row_bytes: usize,
) -> Result<Response, Problem> {
    let mut body = Vec::with_capacity((rows + 1) * row_bytes);
    serde_json::to_writer(&mut body, page).map_err(|error| RepositoryError::Internal {
        operation: "write a page",
        reason: error.to_string(),
    })?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}
