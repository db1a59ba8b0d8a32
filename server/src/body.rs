//! The body of `POST /api/v1/ticks`, taken apart into its elements.

use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::{StatusCode, header};
use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::problem::Problem;

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

/// The elements of a body, which is valid JSON as a whole and an array. What each of them holds is not
/// looked at.
///
/// # Errors
/// No JSON, no array, too many elements.
pub(crate) fn elements(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        return Err(Problem::invalid_body(
            "the body is no JSON array: send an array of ticks",
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let array = json
        .deserialize_seq(Array)
        .and_then(|array| json.end().map(|()| array))
        .map_err(|error| Problem::invalid_body(format!("the body is no JSON: {error}")))?;
    if array.more > 0 {
        let detail = format!(
            "the array has {} ticks: send at most {TICK_LIMIT} at once",
            array.first.len() + array.more
        );
        return Err(Problem::invalid_body(detail));
    }
    Ok(array.first)
}

/// As many elements as are taken, and how many there are besides, which take no memory.
struct Elements<'a> {
    first: Vec<&'a RawValue>,
    more: usize,
}

struct Array;

impl<'a> Visitor<'a> for Array {
    type Value = Elements<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of ticks")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<Elements<'a>, A::Error> {
        let mut first = Vec::new();
        while first.len() < TICK_LIMIT {
            match array.next_element()? {
                Some(element) => first.push(element),
                None => return Ok(Elements { first, more: 0 }),
            }
        }
        let mut more = 0;
        while array.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        Ok(Elements { first, more })
    }
}
