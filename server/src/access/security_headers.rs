//! Header fields that protect browsers.

use axum::http::{HeaderMap, HeaderValue, header};

/// The fields of every response, except those that its handler sets.
pub(crate) const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    // a response of the interface is no page
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Tells browsers to use TLS for a year.
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Extension of a request that arrived over TLS.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Adds the fields that the handler has not set.
pub(super) fn add(headers: &mut HeaderMap, is_over_tls: bool) {
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_over_tls {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static(STRICT_TRANSPORT));
    }
}
