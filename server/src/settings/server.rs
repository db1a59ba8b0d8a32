//! Settings of connections and requests.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tickbook::config::Sections;
use tickbook::domain::excerpt;

/// Settings of connections and requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at once, 8 to 100,000, as far as the limit of open files leaves them.
    pub max_connections: usize,
    /// Requests that are worked at at once, 1 to 100,000.
    pub max_requests: usize,
    /// What bodies that come and answers that leave take together, in bytes.
    pub buffer_bytes: usize,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
}

impl Default for ServerConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3_000)),
            max_connections: 2_000,
            max_requests: 200,
            buffer_bytes: 48 << 20,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a text is no address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidListen {
    /// It has no port, or one that is none.
    #[error("{} is no address with a port: write it like 127.0.0.1:3000", excerpt(.0))]
    NoPort(String),
    /// The host was not found.
    #[error(
        "{} has no address ({reason}): write it like 127.0.0.1:3000",
        excerpt(text)
    )]
    NotFound {
        /// The text.
        text: String,
        /// What the system says.
        reason: String,
    },
    /// The host has no address.
    #[error("{} has no address: write it like 127.0.0.1:3000", excerpt(.0))]
    NoAddress(String),
}

/// The address of `text`: an IP address or the name of a host, and a port. Of the addresses of a host
/// the first of IPv4 counts, else the first.
///
/// # Errors
/// What is wrong, and an example.
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
    Some(ServerConfig {
        max_connections: sections.number("server.max_connections", 8, 100_000),
        max_requests: sections.number("server.max_requests", 1, 100_000),
        buffer_bytes: sections.number("server.buffer_bytes", 8 << 20, 1 << 40),
        header_timeout: sections.millis("server.header_timeout_ms", 600_000),
        idle_timeout: sections.millis("server.idle_timeout_ms", 86_400_000),
        body_timeout: sections.millis("server.body_timeout_ms", 600_000),
        write_timeout: sections.millis("server.write_timeout_ms", 600_000),
        listen: listen?,
    })
}
