//! The web page at `/`: an HTML file, style sheets and ES modules, which are part of the program.
//!
//! [`files`] has the table of all files. A path that is not in the table is an unknown route, so no request can name a
//! file of the machine. A client that has a file revalidates it with its `ETag`. Vendored files have their version in
//! their name and never change.

mod files;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use self::files::{File, INDEX, find};
use crate::app::AppState;
use crate::http::Counted;
use crate::problem::Problem;

/// The page loads scripts, styles and data from this server only. `data:` images are the icons of the style sheets.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Header fields of every file.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The routes of the page, which need no token.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(index))
        .route("/page/{*file}", get(asset))
}

async fn index(headers: HeaderMap) -> Response {
    answer(&INDEX, &headers)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&name) {
        Some(file) => answer(file, &headers),
        None => Problem::no_route(&format!("/page/{name}")).into_response(),
    }
}

fn answer(file: &File, request: &HeaderMap) -> Response {
    let known = request.get_all(header::IF_NONE_MATCH).iter();
    let known = known
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| matching(value, file.etag()));
    let (etag, mut response) = match known {
        Some(known) => (known, StatusCode::NOT_MODIFIED.into_response()),
        None => {
            let body = Body::from(Bytes::from_static(file.content));
            (file.etag(), Response::new(body))
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let content_type = HeaderValue::from_static(file.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    let caching = HeaderValue::from_static(file.cache_control());
    headers.insert(header::CACHE_CONTROL, caching);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    // the bytes are part of the program and take no memory
    response.extensions_mut().insert(Counted);
    response
}

/// The tag of a field `If-None-Match` that names this file, also in a compressed form.
fn matching<'a>(field: &'a str, etag: &'a str) -> Option<&'a str> {
    let opaque = etag.trim_matches('"');
    let names_file = |tag: &str| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        let coding = tag.strip_prefix(opaque);
        coding.is_some_and(|coding| ["", "-gzip", "-zstd"].contains(&coding))
    };
    let mut tags = field.split(',').map(str::trim);
    tags.find_map(|tag| match tag {
        "*" => Some(etag),
        tag => names_file(tag).then_some(tag),
    })
}
