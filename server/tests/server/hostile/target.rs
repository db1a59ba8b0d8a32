//! The server that hostile clients attack.

use std::net::SocketAddr;

/// The attacked server, and the header fields of each request.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// `Host`, and perhaps `Authorization`, each with a line break.
    pub(crate) fields: String,
}

impl Target {
    /// A server with or without tokens.
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let mut fields = "Host: test\r\n".to_owned();
        if let Some(token) = token {
            fields.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        Self { address, fields }
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\n{}\r\n", self.fields)
    }

    /// A request that stores ticks.
    pub(crate) fn post(&self, body: &str) -> String {
        let (fields, length) = (&self.fields, body.len());
        format!(
            "POST /api/v1/ticks HTTP/1.1\r\n{fields}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    }

    /// A handshake of a WebSocket.
    pub(crate) fn handshake(&self) -> String {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        format!("GET /ws HTTP/1.1\r\n{}{upgrade}\r\n", self.fields)
    }

    /// The page of the ticks that [`fill`](super::attacks::fill) stores.
    pub(crate) fn page(&self) -> String {
        self.get("/api/v1/ticks/1?limit=10000")
    }
}
