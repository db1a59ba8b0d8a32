//! Names of the server: those by which clients may address it.
//!
//! A page of another origin can point the name of its own host to a loopback address (DNS rebinding). The browser
//! then takes the server for a part of that origin, but names the host of the page in its requests.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version, header};
use tickbook::domain::excerpt;

/// A host name or an IP address, without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// The text is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid host {}: expected a name without a port, such as quotes.example.com", excerpt(.0))]
#[non_exhaustive]
pub struct InvalidHostName(pub String);

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        // there are no patterns, such as *.example.com
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        let authority = text.parse::<Authority>().ok();
        let host = authority.filter(|it| it.host() == text && text.chars().all(is_plain));
        let host = host.map(|it| Self(it.host().to_ascii_lowercase()));
        host.ok_or_else(|| InvalidHostName(text.to_owned()))
    }
}

/// Why a request is not for this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OtherHost {
    /// The request names no host, several ones, or an invalid one.
    Invalid,
    /// The request is for another host.
    Named(String),
}

/// The names by which clients may address the server.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    names: Vec<HostName>,
    listens_on_loopback: bool,
}

impl Hosts {
    pub(super) fn new(names: Vec<HostName>, listens_on_loopback: bool) -> Self {
        Self {
            names,
            listens_on_loopback,
        }
    }

    /// Checks that a request is for this server. Any name is right if the server has no list of names and does not
    /// listen on a loopback address.
    ///
    /// # Errors
    /// The request names another host, or its host is missing or invalid.
    pub(super) fn check(
        &self,
        version: Version,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), OtherHost> {
        if !self.listens_on_loopback && self.names.is_empty() {
            return Ok(());
        }
        let Some(authority) = of_request(uri, headers).map_err(|()| OtherHost::Invalid)? else {
            // a browser always names the host
            return match version {
                Version::HTTP_09 | Version::HTTP_10 => Ok(()),
                _ => Err(OtherHost::Invalid),
            };
        };
        let host = authority.host();
        let is_named = self.names.iter().any(|it| it.0.eq_ignore_ascii_case(host));
        if is_named || is_loopback(host) {
            return Ok(());
        }
        Err(OtherHost::Named(host.to_owned()))
    }
}

/// The host and port that a request names; its target takes precedence over its field `Host`.
pub(super) fn of_request(uri: &Uri, headers: &HeaderMap) -> Result<Option<Authority>, ()> {
    let mut given = headers.get_all(header::HOST).iter();
    let field = match (given.next(), given.next()) {
        (None, _) => None,
        (Some(value), None) => {
            let authority = Authority::try_from(value.as_bytes()).map_err(|_| ())?;
            // a user is no part of a host
            let has_user = authority.as_str().contains('@');
            Some(authority).filter(|_| !has_user)
        }
        (Some(_), Some(_)) => return Err(()),
    };
    Ok(uri.authority().cloned().or(field))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, uri: &'static str, fields: &[&str]) -> Result<(), OtherHost> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::HOST, field.parse().expect("a value"));
        }
        hosts.check(Version::HTTP_11, &Uri::from_static(uri), &headers)
    }

    #[test]
    fn loopback_addresses_and_listed_names_are_right() {
        let names = vec!["Quotes.example".parse().expect("valid")];
        let hosts = Hosts::new(names, true);
        for field in [
            "localhost",
            "localhost:3000",
            "LocalHost:1",
            "127.0.0.1:3000",
            "127.9.9.9",
            "[::1]:3000",
            "[::ffff:127.0.0.1]",
            "quotes.example:3000",
        ] {
            assert_eq!(check(&hosts, "/", &[field]), Ok(()), "{field}");
        }
        for field in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
        ] {
            let checked = check(&hosts, "/", &[field]);
            assert!(matches!(checked, Err(OtherHost::Named(_))), "{field}");
        }
    }

    #[test]
    fn missing_repeated_and_damaged_hosts_are_invalid() {
        let hosts = Hosts::new(Vec::new(), true);
        for fields in [
            &[][..],
            &["localhost", "localhost"],
            &["localhost:x y"],
            &[""],
            &["user@localhost"],
            &["http://localhost"],
        ] {
            let checked = check(&hosts, "/", fields);
            assert_eq!(checked, Err(OtherHost::Invalid), "{fields:?}");
        }
        let old = hosts.check(Version::HTTP_10, &Uri::from_static("/"), &HeaderMap::new());
        assert_eq!(old, Ok(()));
    }

    #[test]
    fn target_of_a_request_precedes_its_host() {
        let hosts = Hosts::new(Vec::new(), true);
        let checked = check(&hosts, "http://evil.example/", &["localhost"]);
        assert!(matches!(checked, Err(OtherHost::Named(_))), "{checked:?}");
        assert_eq!(
            check(&hosts, "http://localhost/", &["evil.example"]),
            Ok(())
        );
    }

    #[test]
    fn any_name_is_right_off_loopback_without_a_list() {
        let hosts = Hosts::new(Vec::new(), false);
        assert_eq!(check(&hosts, "/", &["any.example"]), Ok(()));
        let names = vec!["quotes.example".parse().expect("valid")];
        let hosts = Hosts::new(names, false);
        assert_eq!(check(&hosts, "/", &["quotes.example"]), Ok(()));
        assert_eq!(check(&hosts, "/", &["localhost"]), Ok(()));
        assert!(check(&hosts, "/", &["any.example"]).is_err());
    }

    #[test]
    fn host_with_a_port_or_a_scheme_is_not_a_name() {
        for text in ["", "a:1", "https://a", "u@a", "a/b", "a b", "*", "*.a"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
        for text in ["a", "a.example", "192.0.2.1", "[::1]"] {
            assert!(text.parse::<HostName>().is_ok(), "{text}");
        }
    }
}
