//! The log of writing requests: one line for each.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use tickbook::domain::printable;

use crate::http::Peer;
use crate::problem::shortened;

/// A writing request. When it is dropped, it writes its line, also if the client has disconnected.
#[derive(Debug)]
pub(super) struct WriteRecord {
    method: Method,
    /// Without the query, which may contain anything.
    path: String,
    peer: Option<Peer>,
    begun: Instant,
    /// The name of the token.
    pub(super) token: String,
    pub(super) status: Option<StatusCode>,
}

impl WriteRecord {
    /// Begins the record of a request; `None` if its method does not write.
    pub(super) fn begin(request: &Request) -> Option<Self> {
        let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = request.method();
        writes.contains(method).then(|| Self {
            method: method.clone(),
            path: shortened(&printable(request.uri().path())),
            peer: request.extensions().get().copied(),
            begun: Instant::now(),
            token: "none".to_owned(),
            status: None,
        })
    }
}

impl Drop for WriteRecord {
    fn drop(&mut self) {
        let peer = self.peer.map(|Peer(address)| address.to_string());
        let status = self.status.map(|status| status.as_u16());
        tracing::info!(
            method = %self.method,
            path = %self.path,
            // absent if the client has disconnected before
            status,
            token = %self.token,
            peer,
            milliseconds = self.begun.elapsed().as_millis(),
            "answered a writing request"
        );
    }
}
