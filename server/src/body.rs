//! The body of `POST /api/v1/ticks`, read so that an error names index and field.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::{StatusCode, header};
use tickbook::domain::Tick;

use crate::problem::Problem;
use crate::wire::TickObject;

/// Most bytes of a body.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Most ticks of a body.
const TICK_LIMIT: usize = 10_000;

/// A client that sends more slowly holds memory for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The body of a request that declares it as JSON. A page in a browser can only send others to a
/// server of another origin without asking it first.
///
/// # Errors
/// Not declared as JSON, too large, too slow, broken off.
pub(crate) async fn json_body(request: Request) -> Result<Bytes, Problem> {
    let declared = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    if !declared {
        return Err(Problem::not_json());
    }
    match tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::body_too_large(BODY_LIMIT))
        }
        Ok(Err(_)) => Err(Problem::invalid_body("the body broke off: send it again")),
        Err(_) => Err(Problem::slow_body()),
    }
}

/// The ticks of a body, each in the form in which it is stored.
///
/// # Errors
/// Index and field of the first thing that is wrong, such as `[17].bid_price`.
pub(crate) fn parse_ticks(body: &[u8]) -> Result<Vec<Tick>, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let ticks: Vec<TickObject> = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // a body that is no array, or no JSON, has no place to name
        let place = if path == "." { "the body" } else { &path };
        Problem::invalid_body(format!("{place}: {error}"))
    })?;
    json.end()
        .map_err(|error| Problem::invalid_body(format!("behind the array: {error}")))?;
    if ticks.len() > TICK_LIMIT {
        let detail = format!(
            "the array has {} ticks: send at most {TICK_LIMIT} at once",
            ticks.len()
        );
        return Err(Problem::invalid_body(detail));
    }
    let tick = |(index, TickObject(tick)): (usize, &TickObject)| {
        tick.normalized().map_err(|error| {
            let field = error.field();
            Problem::invalid_body(format!("[{index}].{field}: {error}"))
        })
    };
    ticks.iter().enumerate().map(tick).collect()
}
