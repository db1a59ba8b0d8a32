//! Settings of connections and requests.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use super::TlsConfig;
use tickbook::config::Sections;
use tickbook::domain::excerpt;

/// Settings of connections and requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port; port 0 chooses a free port.
    pub listen: SocketAddr,
    /// TLS; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Maximum number of connections, 8 to 100,000; reduced if the limit of open files is lower.
    pub max_connections: usize,
    /// Maximum number of active requests, 1 to 100,000.
    pub max_requests: usize,
    /// Memory for bodies and responses in total, in bytes.
    pub buffer_bytes: usize,
    /// Maximum time to receive the head of a request.
    pub header_timeout: Duration,
    /// Maximum time that a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Maximum time to receive a body.
    pub body_timeout: Duration,
    /// Maximum time without progress while a client reads a response.
    pub write_timeout: Duration,
    /// Time for which clients may use a page of closed history without asking again; zero: they ask each time.
    pub history_max_age: Duration,
}

impl Default for ServerConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3_000)),
            tls: None,
            max_connections: 2_000,
            max_requests: 200,
            buffer_bytes: 20 << 20,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            history_max_age: Duration::ZERO,
        }
    }
}

/// Why a text is not a valid listen address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidListen {
    /// The port is missing or invalid.
    #[error("invalid address {}: expected a host and a port, such as 127.0.0.1:3000", excerpt(.0))]
    NoPort(String),
    /// The host name cannot be resolved.
    #[error(
        "cannot resolve {} ({reason}): expected a host and a port, such as 127.0.0.1:3000",
        excerpt(text)
    )]
    NotFound {
        /// The given text.
        text: String,
        /// The error of the resolver.
        reason: String,
    },
    /// The host name has no addresses.
    #[error("{} has no address: expected a host and a port, such as 127.0.0.1:3000", excerpt(.0))]
    NoAddress(String),
}

/// Resolves `text`: an IP address or a host name, and a port. Of the addresses of a host, returns the first
/// IPv4 address, else the first address.
///
/// # Errors
/// The text is not a host and a port, or the host cannot be resolved.
pub fn parse_listen(text: &str) -> Result<SocketAddr, InvalidListen> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    let Some(Ok(_)) = port else {
        return Err(InvalidListen::NoPort(text.to_owned()));
    };
    let addresses: Vec<_> = match text.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            return Err(InvalidListen::NotFound {
                text: text.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    let of_ipv4 = addresses.iter().find(|address| address.is_ipv4());
    let first = of_ipv4.or(addresses.first()).copied();
    first.ok_or_else(|| InvalidListen::NoAddress(text.to_owned()))
}

pub(super) fn read(sections: &mut Sections<'_>) -> Option<ServerConfig> {
    let listen = sections.parsed("server.listen", parse_listen);
    let tls = super::tls::read(sections);
    Some(ServerConfig {
        max_connections: sections.number("server.max_connections", 8, 100_000),
        max_requests: sections.number("server.max_requests", 1, 100_000),
        buffer_bytes: sections.number("server.buffer_bytes", 8 << 20, 1 << 40),
        header_timeout: sections.millis("server.header_timeout_ms", 600_000),
        idle_timeout: sections.millis("server.idle_timeout_ms", 86_400_000),
        body_timeout: sections.millis("server.body_timeout_ms", 600_000),
        write_timeout: sections.millis("server.write_timeout_ms", 600_000),
        history_max_age: Duration::from_secs(sections.number(
            "server.history_max_age_s",
            0,
            31_536_000,
        )),
        listen: listen?,
        tls: tls?,
    })
}
