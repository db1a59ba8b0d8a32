//! The server that hostile clients attack.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::certificates::{BOTH, secure};

/// The attacked server, and the header fields of each request.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// `Host`, and perhaps `Authorization`, each with a line break.
    pub(crate) fields: String,
    /// The file of the certificate of a server with TLS.
    pub(crate) certificate: Option<String>,
}

/// A connection with or without TLS.
pub(crate) type Stream = Box<dyn Connected>;

pub(crate) trait Connected: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connected for S {}

impl Target {
    /// A server without TLS, with or without tokens.
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let mut fields = "Host: test\r\n".to_owned();
        if let Some(token) = token {
            fields.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        Self {
            address,
            fields,
            certificate: None,
        }
    }

    /// The same server for clients with another token, or without one.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            certificate: self.certificate.clone(),
            ..Self::new(self.address, token)
        }
    }

    /// Connects for HTTP/1.1.
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(self.address).await?;
        self.secure(stream, b"http/1.1").await
    }

    /// Completes the TLS handshake for a protocol, if the server has TLS.
    pub(crate) async fn secure(&self, stream: TcpStream, protocol: &[u8]) -> io::Result<Stream> {
        let Some(certificate) = &self.certificate else {
            return Ok(Box::new(stream));
        };
        let stream = secure(stream, certificate, protocol, &BOTH).await?;
        Ok(Box::new(stream))
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
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Extensions: permessage-deflate\r\n";
        format!("GET /ws HTTP/1.1\r\n{}{upgrade}\r\n", self.fields)
    }

    /// The page of the ticks that [`fill`](super::attacks::fill) stores.
    pub(crate) fn page(&self) -> String {
        self.get(PAGE)
    }
}

/// The path of that page.
pub(crate) const PAGE: &str = "/api/v1/ticks/1?limit=10000";
