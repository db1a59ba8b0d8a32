//! Origins of web pages that may use the server.

use std::fmt;
use std::str::FromStr;

use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use tickbook::domain::excerpt;

use super::hosts::of_request;

/// The origin of a web page: a scheme (`http` or `https`), a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

/// The text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid origin {}: expected a scheme, a host and perhaps a port, such as https://app.example.com", excerpt(.0))]
#[non_exhaustive]
pub struct InvalidOrigin(pub String);

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        parsed(text).ok_or_else(|| InvalidOrigin(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default_port(self.is_https) {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn parsed(text: &str) -> Option<Origin> {
    // a path would be ignored otherwise
    if text.ends_with('/') {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    let is_https = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let authority = uri.authority()?;
    if uri.path_and_query().map_or("/", PathAndQuery::as_str) != "/" {
        return None;
    }
    let port = port(authority)?.unwrap_or(default_port(is_https));
    Some(Origin {
        is_https,
        host: authority.host().to_ascii_lowercase(),
        port,
    })
}

/// The port of an authority, which must have no user and no other invalid part.
fn port(authority: &Authority) -> Option<Option<u16>> {
    let rest = authority.as_str().strip_prefix(authority.host())?;
    match rest {
        "" => Some(None),
        _ => authority.port_u16().map(Some),
    }
}

/// Where the page comes from that sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    /// No browser, or a page of this server.
    Own,
    /// A page of an allowed origin.
    Allowed(HeaderValue),
    /// A page of another origin.
    Foreign,
}

/// The allowed origins.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowedOrigins(Vec<Origin>);

impl AllowedOrigins {
    pub(super) fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// Where a request comes from. A page has the origin of this server if the request names its host
    /// and port; the scheme is not compared, because a proxy may end TLS.
    pub(super) fn sender(&self, uri: &Uri, headers: &HeaderMap) -> Sender {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let Some(value) = given.next() else {
            return Sender::Own;
        };
        let text = value.to_str().ok().filter(|_| given.next().is_none());
        let Some(origin) = text.and_then(|text| text.parse::<Origin>().ok()) else {
            return Sender::Foreign;
        };
        if self.0.contains(&origin) {
            return Sender::Allowed(value.clone());
        }
        let Ok(Some(host)) = of_request(uri, headers) else {
            return Sender::Foreign;
        };
        let is_same = port(&host).is_some_and(|port| {
            let port = port.unwrap_or(default_port(origin.is_https));
            host.host().eq_ignore_ascii_case(&origin.host) && port == origin.port
        });
        if is_same {
            Sender::Own
        } else {
            Sender::Foreign
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_without_case_and_default_port() {
        let origin = |text: &str| text.parse::<Origin>();
        assert_eq!(origin("https://A.example"), origin("https://a.example:443"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
        assert_ne!(origin("https://a.example"), origin("https://a.example:444"));
        for text in [
            "https://a.example",
            "http://[::1]:3000",
            "http://10.0.0.1:81",
        ] {
            assert_eq!(origin(text).expect("valid").to_string(), text);
        }
        for text in [
            "",
            "*",
            "null",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://u@a.example",
            "https://a.example:99999",
            "https://a.example:",
            "https://a b",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    fn sender(origin: &str, host: &str) -> Sender {
        let allowed = AllowedOrigins::new(vec!["https://app.example".parse().expect("valid")]);
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().expect("a value"));
        headers.insert(header::HOST, host.parse().expect("a value"));
        allowed.sender(&Uri::from_static("/ws"), &headers)
    }

    #[test]
    fn page_of_this_server_has_its_host_and_port() {
        for (origin, host) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://localhost:3000", "LOCALHOST:3000"),
            ("https://quotes.example", "quotes.example"),
            ("http://quotes.example", "quotes.example:80"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(sender(origin, host), Sender::Own, "{origin} {host}");
        }
        for (origin, host) in [
            ("http://127.0.0.1:3001", "127.0.0.1:3000"),
            ("http://evil.example", "127.0.0.1:3000"),
            ("http://quotes.example", "quotes.example:443"),
            ("http://127.0.0.1:3000.evil.example", "127.0.0.1:3000"),
            ("https://app.example.evil.example", "127.0.0.1:3000"),
            ("null", "127.0.0.1:3000"),
            ("file://", "127.0.0.1:3000"),
        ] {
            assert_eq!(sender(origin, host), Sender::Foreign, "{origin} {host}");
        }
        let allowed = sender("https://app.example", "127.0.0.1:3000");
        assert!(matches!(allowed, Sender::Allowed(_)), "{allowed:?}");
    }
}
