//! Reads the body of `POST /api/v1/ticks` or `/api/v1/trades` and splits it into its elements.

use std::fmt;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use http_body_util::BodyExt as _;
use serde::Deserializer as _;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::answers::{Coding, decode};
use crate::buffer::Buffer;
use crate::http::{FREE, Held, Http};
use crate::oversight::ChangeNote;
use crate::problem::Problem;

/// Maximum size of a body in bytes.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Maximum number of elements in a body.
pub(crate) const ELEMENT_LIMIT: usize = 10_000;

/// Memory is reserved in steps of this many bytes.
const STEP: usize = 64 * 1024;

/// A body that was received completely.
#[derive(Debug)]
pub(crate) struct JsonBody {
    pub(crate) bytes: Buffer,
    /// Its share of the memory for bodies and responses.
    pub(crate) held: Held,
}

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Json,
    /// Rows with a header row.
    Csv,
}

/// Reads the body of a request that declares it as JSON, and decompresses it. Without this check, a page in a browser could send
/// bodies to a server of another origin: browsers ask first (CORS) only for types such as JSON.
///
/// # Errors
/// The body is not declared as JSON, is too large or too slow, is damaged, or breaks off; no memory is available for
/// it in time; or the server stops.
pub(crate) async fn json_body(http: &Http, request: Request) -> Result<JsonBody, Problem> {
    if format(request.headers()) != Some(BodyFormat::Json) {
        return Err(Problem::not_json());
    }
    let note = request.extensions().get::<ChangeNote>().cloned();
    let body = body(http, request).await?;
    if let Some(note) = note {
        note.set(&body.bytes);
    }
    Ok(body)
}

/// Reads the body of a request that declares it as JSON or CSV, and decompresses it. Browsers ask before they send
/// either to a server of another origin.
///
/// # Errors
/// The body is declared as neither; and the errors of [`json_body`].
pub(crate) async fn rows_body(
    http: &Http,
    request: Request,
) -> Result<(BodyFormat, JsonBody), Problem> {
    let format = format(request.headers()).ok_or_else(Problem::neither_json_nor_csv)?;
    Ok((format, body(http, request).await?))
}

async fn body(http: &Http, request: Request) -> Result<JsonBody, Problem> {
    let coding = coding(request.headers())?;
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > BODY_LIMIT as u64) {
        return Err(Problem::body_too_large(BODY_LIMIT));
    }
    let held = http.memory().for_body();
    let reading = read(request.into_body(), &held);
    let reading = timeout(http.config().body_timeout, reading);
    let bytes = tokio::select! {
        read = reading => read.map_err(|_| Problem::slow_body())??,
        () = held.ended() => return Err(Problem::no_memory()),
        () = http.no_more_bodies().cancelled() => return Err(Problem::stopping()),
    };
    held.came();
    let bytes = match coding {
        Some(coding) => decode(coding, bytes, BODY_LIMIT, &held).await?,
        None => bytes,
    };
    Ok(JsonBody { bytes, held })
}

/// The format that the content type declares.
fn format(headers: &HeaderMap) -> Option<BodyFormat> {
    match content_type(headers).0.to_ascii_lowercase().as_str() {
        "application/json" => Some(BodyFormat::Json),
        "text/csv" => Some(BodyFormat::Csv),
        _ => None,
    }
}

/// The content type and its parameters.
fn content_type(headers: &HeaderMap) -> (&str, &str) {
    let declared = text(headers, header::CONTENT_TYPE);
    let (kind, parameters) = declared.split_once(';').unwrap_or((declared, ""));
    (kind.trim(), parameters)
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// The coding of the body; `None` if it is not compressed.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Problem> {
    let charset = content_type(headers)
        .1
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map_or("utf-8", |(_, charset)| charset.trim().trim_matches('"'));
    let is_utf_8 = ["utf-8", "utf8", "us-ascii"]
        .iter()
        .any(|known| charset.eq_ignore_ascii_case(known));
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let name = text(headers, header::CONTENT_ENCODING).trim();
    let coding = Coding::named(name);
    let is_plain = codings.next().is_none() || name.eq_ignore_ascii_case("identity");
    let is_known = (is_plain || coding.is_some()) && codings.next().is_none();
    match is_known && is_utf_8 {
        true => Ok(coding),
        false => Err(Problem::encoded()),
    }
}

/// Reserves memory while the body arrives.
async fn read(mut body: Body, held: &Held) -> Result<Buffer, Problem> {
    let mut bytes = Buffer::with_room(BODY_LIMIT);
    while let Some(frame) = body.frame().await {
        let broken = |_| Problem::invalid_body("the body ended early: send it again");
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        let length = bytes.len() + data.len();
        if length > BODY_LIMIT {
            return Err(Problem::body_too_large(BODY_LIMIT));
        }
        let room = if length > FREE {
            length.next_multiple_of(STEP)
        } else {
            length
        };
        held.grow(room).await?;
        bytes.extend(&data).map_err(|error| {
            tracing::warn!(%error, "cannot allocate memory for a body");
            Problem::no_memory()
        })?;
    }
    Ok(bytes)
}

/// The text of a body that is a JSON object. The content of its fields is not checked.
///
/// # Errors
/// The body is not JSON, or is not an object.
pub(crate) fn object(body: &[u8]) -> Result<&str, Problem> {
    let object: &RawValue = serde_json::from_slice(body)
        .map_err(|error| Problem::invalid_body(format!("the body is not valid JSON: {error}")))?;
    match object.get().starts_with('{') {
        true => Ok(object.get()),
        false => Err(Problem::invalid_body(
            "invalid body: expected a JSON object",
        )),
    }
}

/// Splits a body into its elements: it must be valid JSON and an array. The content of the elements is not
/// checked. `names` is the name of several elements, such as `ticks`.
///
/// # Errors
/// The body is not JSON, is not an array, or has too many elements.
pub(crate) fn elements<'a>(
    body: &'a [u8],
    names: &'static str,
) -> Result<Vec<&'a RawValue>, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        return Err(Problem::invalid_body(format!(
            "invalid body: expected a JSON array of {names}"
        )));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut is_too_long = false;
    let array = json
        .deserialize_seq(Array {
            names,
            is_too_long: &mut is_too_long,
        })
        .and_then(|array| json.end().map(|()| array));
    let array = array.map_err(|error| {
        Problem::invalid_body(if is_too_long {
            format!(
                "the array has more than {ELEMENT_LIMIT} {names}: send at most {ELEMENT_LIMIT} per request"
            )
        } else {
            format!("the body is not valid JSON: {error}")
        })
    })?;
    Ok(array)
}

/// Collects at most the allowed number of elements; the flag reports that there were more.
struct Array<'a> {
    names: &'static str,
    is_too_long: &'a mut bool,
}

impl<'a> Visitor<'a> for Array<'_> {
    type Value = Vec<&'a RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", self.names)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            if elements.len() == ELEMENT_LIMIT {
                *self.is_too_long = true;
                return Err(A::Error::custom("too many elements"));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}
