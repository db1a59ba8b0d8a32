//! Requests whose body is one JSON object.

use axum::extract::Request;
use serde::de::DeserializeOwned;
use tickbook::RepositoryError;

use crate::app::AppState;
use crate::params::Query;
use crate::problem::Problem;
use crate::read_body::{json_body, object};

/// Number of characters of an error of the JSON parser that a response has.
const ERROR_CHARACTERS: usize = 300;

/// Reads the body of a request without parameters.
pub(super) async fn object_body<T: DeserializeOwned>(
    app: &AppState,
    request: Request,
) -> Result<T, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let body = json_body(&app.http, request).await?;
    serde_json::from_str(object(&body.bytes)?).map_err(|error| {
        // an error quotes an unknown field or a value, which may be long
        let error: String = error.to_string().chars().take(ERROR_CHARACTERS).collect();
        Problem::invalid_body(format!("invalid body: {error}"))
    })
}

/// The problem of an error whose cause is the body.
pub(super) fn of_body(error: RepositoryError) -> Problem {
    match error {
        RepositoryError::InvalidInput { reason } => Problem::invalid_body(reason),
        error => error.into(),
    }
}
