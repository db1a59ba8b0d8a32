//! The handshake of a WebSocket: RFC 6455, section 4.2.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

use super::deflate::Deflate;

/// A valid handshake.
pub(in super::super) struct Upgrade {
    upgrading: OnUpgrade,
    accept: HeaderValue,
    deflate: Option<Deflate>,
}

impl Upgrade {
    /// Reads the handshake of a request.
    ///
    /// # Errors
    /// The text says what is missing.
    pub(in super::super) fn read(request: &mut request::Parts) -> Result<Self, &'static str> {
        let headers = &request.headers;
        if !has_token(headers, header::CONNECTION, "upgrade") {
            return Err("`Connection: Upgrade` is missing; HTTP/2 has no WebSockets");
        }
        if !has_token(headers, header::UPGRADE, "websocket") {
            return Err("`Upgrade: websocket` is missing");
        }
        let version = headers.get(header::SEC_WEBSOCKET_VERSION);
        if version.is_none_or(|version| version != "13") {
            return Err("`Sec-WebSocket-Version: 13` is missing");
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY);
        let key = key.ok_or("`Sec-WebSocket-Key` is missing")?;
        let accept = derive_accept_key(key.as_bytes());
        let accept =
            HeaderValue::from_str(&accept).map_err(|_| "`Sec-WebSocket-Key` is invalid")?;
        let deflate = Deflate::negotiate(headers);
        let upgrading = request.extensions.remove::<OnUpgrade>();
        Ok(Self {
            upgrading: upgrading.ok_or("the connection cannot be upgraded")?,
            accept,
            deflate,
        })
    }

    /// The response, the connection after it, and its compression.
    pub(in super::super) fn accept(self) -> (Response, OnUpgrade, Option<Deflate>) {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(deflate) = self.deflate {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, deflate.header());
        }
        (response, self.upgrading, self.deflate)
    }
}

/// Whether a comma-separated field has that token, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut texts = values.filter_map(|value| value.to_str().ok());
    texts.any(|text| {
        let mut tokens = text.split(',');
        tokens.any(|one| one.trim().eq_ignore_ascii_case(token))
    })
}
