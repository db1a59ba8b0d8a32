//! Connections to a host, with TLS.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Why no connection was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is not that of a server. Holds the address.
    #[error(
        "invalid address {0:?}: expected wss://, ws://, https://, http://, tls:// or tcp:// and a host"
    )]
    InvalidAddress(String),
    /// The name of the host is unknown, or nothing accepts connections.
    #[error("cannot connect to {host}: {source}")]
    Unreachable {
        /// The host and the port.
        host: String,
        /// The reason.
        source: io::Error,
    },
    /// The certificate is not valid, or TLS failed.
    #[error("TLS with {host} failed: {source}")]
    Tls {
        /// The host and the port.
        host: String,
        /// The reason.
        source: io::Error,
    },
    /// The server does not speak WebSocket at this address.
    #[error("{host} refused the WebSocket: {detail}")]
    Handshake {
        /// The host and the port.
        host: String,
        /// The reason.
        detail: String,
    },
    /// The server did not answer in time.
    #[error("{host} did not answer within {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The host and the port.
        host: String,
        /// The longest time.
        limit: Duration,
    },
}

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The TLS of a transport: which certificates it trusts.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the certificates that the operating system trusts.
    ///
    /// # Errors
    /// The certificates of the system cannot be used.
    pub fn of_the_system() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Uses a configuration of rustls.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The server of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    port: u16,
    is_secure: bool,
    /// Whether it speaks neither HTTP nor WebSocket, but a protocol over TCP.
    pub(super) is_stream: bool,
}

impl Server {
    pub(super) fn of(address: &str) -> Result<Self, ConnectError> {
        let invalid = || ConnectError::InvalidAddress(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| invalid())?;
        let is_secure = match uri.scheme_str() {
            Some("wss" | "https" | "tls") => true,
            Some("ws" | "http" | "tcp") => false,
            _ => return Err(invalid()),
        };
        let is_stream = matches!(uri.scheme_str(), Some("tls" | "tcp"));
        let host = uri.host().filter(|host| !host.is_empty());
        // a literal address of version 6 has brackets in a URI, and none in a socket address
        let host = host.ok_or_else(invalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default_port = if is_secure { 443 } else { 80 };
        let port = match uri.port_u16() {
            Some(port) => port,
            None if is_stream => return Err(invalid()),
            None => default_port,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            is_secure,
            is_stream,
        })
    }

    /// Opens a connection within `limit`.
    pub(super) async fn connect(
        &self,
        tls: &Tls,
        limit: Duration,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let connected = timeout(limit, self.connect_now(tls)).await;
        connected.unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    pub(super) fn timed_out(&self, limit: Duration) -> ConnectError {
        ConnectError::TimedOut {
            host: self.to_string(),
            limit,
        }
    }

    async fn connect_now(&self, tls: &Tls) -> Result<Box<dyn Stream>, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable {
            host: self.to_string(),
            source,
        };
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(unreachable)?;
        // requests are small, and each has to leave at once
        stream.set_nodelay(true).map_err(unreachable)?;
        if !self.is_secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| ConnectError::InvalidAddress(self.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(&tls.0));
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(source) => Err(ConnectError::Tls {
                host: self.to_string(),
                source,
            }),
        }
    }
}

/// Host and port.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_from_addresses() {
        let of = |address: &str| {
            Server::of(address).map(|server| (server.to_string(), server.is_secure))
        };
        for (address, host, is_secure) in [
            ("wss://a.example", "a.example:443", true),
            ("wss://a.example:9443/stream?x=1", "a.example:9443", true),
            ("ws://127.0.0.1:80/v2", "127.0.0.1:80", false),
            ("http://[::1]:8080", "::1:8080", false),
            ("https://a.example/b", "a.example:443", true),
            ("tls://a.example:5211", "a.example:5211", true),
            ("tcp://127.0.0.1:5201", "127.0.0.1:5201", false),
        ] {
            let found = of(address).expect(address);
            assert_eq!(found, (host.to_owned(), is_secure), "{address}");
        }
        for address in [
            "",
            "a.example",
            "ftp://a.example",
            "wss://",
            "wss:///x",
            "tls://a.example",
        ] {
            let error = of(address).expect_err(address);
            assert!(error.to_string().starts_with("invalid address"), "{error}");
        }
    }
}
