//! The web page at `/`: an HTML file, style sheets and ES modules, which are part of the program.
//!
//! [`files`] has the table of all files. A path that is not in the table is an unknown route, so no request can name a
//! file of the machine. A client that has a file revalidates it with its `ETag`. Vendored files have their version in
//! their name and never change.

mod files;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use self::files::{File, INDEX, find};
use crate::app::AppState;
use crate::http::Counted;
use crate::problem::Problem;

/// The page loads scripts, styles and data from this server only. `data:` images are the icons of the style sheets.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    let is_known = known
        .filter_map(|value| value.to_str().ok())
        .any(|value| names(value, file.etag()));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(Bytes::from_static(file.content)))
    };
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let content_type = HeaderValue::from_static(file.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    let caching = HeaderValue::from_static(file.cache_control());
    headers.insert(header::CACHE_CONTROL, caching);
    if let Ok(etag) = HeaderValue::from_str(file.etag()) {
        headers.insert(header::ETAG, etag);
    }
    // the bytes are part of the program and take no memory
    response.extensions_mut().insert(Counted);
    response
}

/// Whether a field `If-None-Match` names this `ETag`, also as a weak one, or that of the compressed file.
fn names(field: &str, etag: &str) -> bool {
    let plain = etag.strip_suffix('"').unwrap_or(etag);
    let mut tags = field.split(',').map(str::trim);
    tags.any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        let coding = tag.strip_prefix(plain);
        tag == "*" || coding.is_some_and(|it| ["\"", "-gzip\"", "-zstd\""].contains(&it))
    })
}
