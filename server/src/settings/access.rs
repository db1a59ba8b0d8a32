//! Settings of who may use the server.

use std::path::PathBuf;
use std::time::Duration;

use tickbook::config::Sections;

use crate::access::{HostName, Origin};

/// Settings of tokens, origins, hosts and rates. [Access](crate::access) explains them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessConfig {
    /// File of the tokens; `None`: there are no tokens.
    pub tokens_file: Option<PathBuf>,
    /// Origins of pages that may use the server, besides its own.
    pub origins: Vec<Origin>,
    /// Names of the server besides localhost; if empty and the server does not listen on a loopback address, any name.
    pub hosts: Vec<HostName>,
    /// Requests per second of a token without a limit of its own, 1 to 1,000,000; 0 for no limit.
    pub requests_per_second: u32,
    /// Requests per second of an address without a valid token, 1 to 1,000,000; 0 for no limit.
    pub anonymous_requests_per_second: u32,
    /// Maximum time until a WebSocket client has sent a token.
    pub authenticate_timeout: Duration,
}

impl Default for AccessConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            tokens_file: None,
            origins: Vec::new(),
            hosts: Vec::new(),
            requests_per_second: 0,
            anonymous_requests_per_second: 0,
            authenticate_timeout: Duration::from_secs(5),
        }
    }
}

pub(super) fn read(sections: &mut Sections<'_>) -> AccessConfig {
    let tokens_file = sections.text("access.tokens_file");
    AccessConfig {
        tokens_file: (!tokens_file.is_empty()).then(|| tokens_file.into()),
        origins: sections
            .list("access.origins", str::parse)
            .unwrap_or_default(),
        hosts: sections
            .list("access.hosts", str::parse)
            .unwrap_or_default(),
        requests_per_second: sections.number("access.requests_per_second", 0, 1_000_000),
        anonymous_requests_per_second: sections.number(
            "access.anonymous_requests_per_second",
            0,
            1_000_000,
        ),
        authenticate_timeout: sections.millis("access.authenticate_timeout_ms", 600_000),
    }
}
