//! Database URLs: parsed, validated, converted to a libpq connection string, and displayed without the
//! password.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

/// The libpq parameters that are allowed after the `?` of a URL.
const PARAMETERS: [&str; 21] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "host",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "options",
    "passfile",
    "port",
    "require_auth",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// A validated `postgresql://user:password@host:port/database?parameter=value`.
///
/// `Debug` and `Display` show `***` for the password. Equality compares all parts, including the password.
#[derive(Clone)]
pub struct DatabaseUrl {
    user: Option<String>,
    password: Option<SecretString>,
    hosts: Vec<(String, Option<u16>)>,
    database: Option<String>,
    parameters: Vec<(String, String)>,
}

/// Why a text is not a valid database URL. Never repeats the text, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDatabaseUrl {
    /// The scheme is missing or is a different one.
    #[error(
        "the URL does not start with postgresql:// or postgres://: expected postgresql://user:password@host:port/database"
    )]
    Scheme,
    /// A `%` without two hexadecimal digits, or a text that is not UTF-8.
    #[error("the {0} has an invalid % escape: write a literal % as %25")]
    Escape(&'static str),
    /// The port is not a number from 1 to 65535.
    #[error("the port is invalid: expected a number from 1 to 65535")]
    Port,
    /// The user or password contains an unescaped delimiter, so that a part of it would be read as
    /// another component of the URL.
    #[error(
        "the user or password contains an unescaped delimiter: write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25"
    )]
    Credentials,
    /// No database name.
    #[error("the database name is missing: expected postgresql://user:password@host:port/database")]
    NoDatabase,
    /// The parameter does not exist in libpq, or a URL must not set it.
    #[error(
        "the parameter {0:?} is not allowed: use libpq's connection parameters, and put user, password and database before the ?"
    )]
    Parameter(String),
    /// A NUL character.
    #[error("the URL contains a NUL character: remove it")]
    Nul,
}

impl DatabaseUrl {
    /// Parses a URL.
    ///
    /// Several hosts are separated by commas: `postgresql://user@a:5432,b:5432/name`.
    ///
    /// # Errors
    /// Anything that libpq would reject or misinterpret. The error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let rest = text
            .trim()
            .strip_prefix("postgresql://")
            .or_else(|| text.trim().strip_prefix("postgres://"))
            .ok_or(InvalidDatabaseUrl::Scheme)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, query),
            None => (rest, ""),
        };
        let (authority, database) = match rest.split_once('/') {
            Some((_, database)) if database.contains(['@', '/']) => {
                return Err(InvalidDatabaseUrl::Credentials);
            }
            Some((authority, database)) => (authority, decode("database", database)?),
            // an @ after the ? shows that the text between them is part of a password
            None if query.contains('@') => return Err(InvalidDatabaseUrl::Credentials),
            None => return Err(InvalidDatabaseUrl::NoDatabase),
        };
        if database.is_empty() {
            return Err(InvalidDatabaseUrl::NoDatabase);
        }
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (credentials, hosts),
            None if query.contains('@') && !names_socket(query) => {
                return Err(InvalidDatabaseUrl::Credentials);
            }
            None => ("", authority),
        };
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(decode("password", password)?)),
            None => (credentials, None),
        };
        Ok(Self {
            user: Some(decode("user", user)?).filter(|user| !user.is_empty()),
            password: password.map(SecretString::from),
            hosts: hosts
                .split(',')
                .filter(|host| !host.is_empty())
                .map(parse_host)
                .collect::<Result<_, _>>()?,
            database: Some(database),
            parameters: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(parse_parameter)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Sets a libpq parameter that the URL does not set.
    #[must_use]
    pub fn with_default(mut self, name: &str, value: impl Into<String>) -> Self {
        if !self.has_parameter(name) {
            self.parameters.push((name.to_owned(), value.into()));
        }
        self
    }

    /// Replaces the database name.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Replaces the password.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// Whether every host is this machine: a loopback address, a socket, or no host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let hosts = self.hosts.iter().map(|(host, _)| host.as_str());
        let parameter = self.parameter("host").unwrap_or_default().split(',');
        hosts.chain(parameter).all(|host| {
            let address = host.parse().map(|address: IpAddr| address.is_loopback());
            host.is_empty()
                || host.starts_with(['/', '@'])
                || host.eq_ignore_ascii_case("localhost")
                || address.unwrap_or(false)
        })
    }

    /// The user, if the URL has one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The database name.
    #[must_use]
    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or_default()
    }

    /// The value of a libpq parameter after the `?`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn has_parameter(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    /// The connection string for libpq, including the password. Use it only to connect.
    #[must_use]
    pub fn connection_string(&self) -> SecretString {
        let mut text = String::new();
        let mut put = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(name);
            text.push_str("='");
            for c in value.chars() {
                if c == '\'' || c == '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push('\'');
        };
        if !self.hosts.is_empty() {
            let hosts: Vec<_> = self.hosts.iter().map(|(host, _)| host.as_str()).collect();
            put("host", &hosts.join(","));
            let ports: Vec<_> = self
                .hosts
                .iter()
                .map(|(_, port)| port.unwrap_or(5432).to_string())
                .collect();
            put("port", &ports.join(","));
        }
        if let Some(user) = &self.user {
            put("user", user);
        }
        if let Some(password) = &self.password {
            put("password", password.expose_secret());
        }
        if let Some(database) = &self.database {
            put("dbname", database);
        }
        for (name, value) in &self.parameters {
            put(name, value);
        }
        text.into()
    }

    /// Replaces the password by `***` in a text, such as a message of libpq.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        match &self.password {
            Some(password) if !password.expose_secret().is_empty() => {
                text.replace(password.expose_secret(), "***")
            }
            _ => text.to_owned(),
        }
    }
}

/// Whether the @ after the ? belongs to the name of an abstract socket.
fn names_socket(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("host=@"))
}

fn parse_host(text: &str) -> Result<(String, Option<u16>), InvalidDatabaseUrl> {
    // an IPv6 address contains colons and is therefore in brackets
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        // libpq refuses anything but a port there
        Some((host, rest)) => {
            let port = rest.strip_prefix(':').ok_or(InvalidDatabaseUrl::Port)?;
            (host, Some(port))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => return Err(InvalidDatabaseUrl::Port),
            Ok(port) => Some(port),
        },
        None => None,
    };
    Ok((decode("host", host)?, port))
}

fn parse_parameter(pair: &str) -> Result<(String, String), InvalidDatabaseUrl> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    if !PARAMETERS.contains(&name) {
        // a password with an unescaped ? is parsed as a parameter, so unusual names are not repeated
        let plain = name.len() <= 30 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let shown = if plain { name } else { "***" };
        return Err(InvalidDatabaseUrl::Parameter(shown.to_owned()));
    }
    Ok((name.to_owned(), decode("parameters", value)?))
}

fn decode(part: &'static str, text: &str) -> Result<String, InvalidDatabaseUrl> {
    let mut after = text.split('%').skip(1);
    let escaped =
        |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !after.all(escaped) {
        return Err(InvalidDatabaseUrl::Escape(part));
    }
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| InvalidDatabaseUrl::Escape(part))?;
    if text.contains('\0') {
        return Err(InvalidDatabaseUrl::Nul);
    }
    Ok(text.into_owned())
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if self.password.is_some() {
                f.write_str(":***")?;
            }
            f.write_str("@")?;
        }
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
            if let Some(port) = port {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.database())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.connection_string().expose_secret() == other.connection_string().expose_secret()
    }
}

impl Eq for DatabaseUrl {}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
