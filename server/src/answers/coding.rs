//! Content codings of answers: gzip and zstd.

use std::io::{self, Write};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use tickbook::RepositoryError;
use tokio::task::yield_now;

use super::accept::Weights;
use super::history;
use crate::app::AppState;
use crate::buffer::Buffer;
use crate::http::{Counted, FREE};

/// Answers below this size in bytes are sent as they are: they fit one packet.
const MIN_BYTES: usize = 1_024;

/// The number of bytes between two yields to other requests.
const AT_ONCE: usize = 32 * 1_024;

/// The level of zstd: with higher ones, the encoder takes several times as long for a few percent.
const ZSTD_LEVEL: i32 = 3;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// Chooses the coding with the largest weight in `Accept-Encoding`, and zstd if both have the same. `None` if
    /// neither is accepted, or if `identity` is preferred.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let weights = Weights::of(headers, header::ACCEPT_ENCODING)?;
        let weight = |names: &[&str]| weights.first_of(names).unwrap_or_default();
        let gzip = weight(&["gzip", "x-gzip", "*"]);
        let zstd = weight(&["zstd", "*"]);
        let identity = weight(&["identity"]);
        let best = gzip.max(zstd);
        match best > 0 && best >= identity {
            true if zstd == best => Some(Self::Zstd),
            true => Some(Self::Gzip),
            false => None,
        }
    }

    /// The coding of a body that was sent with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Zstd]
            .into_iter()
            .find(|coding| name.eq_ignore_ascii_case(coding.as_str()))
            .or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip))
    }

    /// The name, such as `gzip`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Compresses answers for clients that accept it. The memory of a compressed answer is counted by the layer around
/// this one, after that of the plain answer was released.
pub(crate) async fn encode(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let coding = Coding::accepted(request.headers());
    let is_head = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    if !is_compressible(&response) {
        return response;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    response.headers_mut().append(header::VARY, vary);
    let length = response.body().size_hint().exact();
    let length = usize::try_from(length.unwrap_or_default()).unwrap_or_default();
    let (Some(coding), true, false) = (coding, length >= MIN_BYTES, is_head) else {
        return response;
    };
    let is_long = length > FREE;
    let work = app.long_work.clone();
    let turns = app.http.writing();
    let compressing = async move {
        let (mut parts, body) = response.into_parts();
        // the body is in memory already
        let plain = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
        // an encoder takes up to two megabytes
        let turn = match is_long {
            // the semaphore is never closed
            true => turns.acquire().await.ok(),
            false => None,
        };
        let coded = compress(coding, &plain).await?;
        drop((plain, turn));
        let name = HeaderValue::from_static(coding.as_str());
        parts.headers.insert(header::CONTENT_ENCODING, name);
        parts.headers.remove(header::CONTENT_LENGTH);
        history::mark_coding(&mut parts.headers, coding.as_str());
        parts.extensions.remove::<Counted>();
        let body = Body::from(Bytes::from_owner(coded));
        Ok::<_, io::Error>(Response::from_parts(parts, body))
    };
    let compressed = work.run_if(is_long, compressing).await;
    compressed.unwrap_or_else(|error| {
        let error = RepositoryError::Internal {
            operation: "compress",
            reason: error.to_string(),
        };
        crate::problem::Problem::from(error).into_response()
    })
}

/// Whether compression makes the answer smaller: a text that is not compressed yet.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_text = kind.starts_with("text/")
        || kind.ends_with("+json")
        || [
            "application/json",
            "application/javascript",
            "image/svg+xml",
        ]
        .contains(&kind);
    is_text
        && response.status() != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Compresses `plain`, yielding to other tasks.
async fn compress(coding: Coding, plain: &[u8]) -> io::Result<Buffer> {
    let room = plain.len() / 4;
    let coded = Buffer::with_room(room);
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(coded, Compression::default());
            write(&mut encoder, plain).await?;
            encoder.finish()
        }
        Coding::Zstd => {
            let mut encoder = zstd::Encoder::new(coded, ZSTD_LEVEL)?;
            // the window, and with it the memory of both sides, is not larger than the text
            encoder.set_pledged_src_size(Some(plain.len() as u64))?;
            encoder.include_contentsize(true)?;
            write(&mut encoder, plain).await?;
            encoder.finish()
        }
    }
}

async fn write(encoder: &mut (impl Write + Send), plain: &[u8]) -> io::Result<()> {
    for (index, part) in plain.chunks(AT_ONCE).enumerate() {
        if index > 0 {
            yield_now().await;
        }
        encoder.write_all(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(field: &str) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(field).expect("a value");
        headers.insert(header::ACCEPT_ENCODING, value);
        Coding::accepted(&headers)
    }

    #[test]
    fn largest_weight_of_a_coding_decides() {
        use Coding::{Gzip, Zstd};
        for (field, coding) in [
            ("gzip, deflate, br", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip;q=1.0, zstd;q=0.5", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("*", Some(Zstd)),
            ("*;q=0.5, zstd;q=0", Some(Gzip)),
            ("gzip;q=0, zstd;q=0.001", Some(Zstd)),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0", None),
            ("identity", None),
            ("br", None),
            ("", None),
        ] {
            assert_eq!(accepted(field), coding, "{field:?}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), None);
    }
}
