//! Settings of the RabbitMQ exchanges that receive ticks and trades.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use tickbook::config::Sections;

/// Settings of the RabbitMQ exchanges that receive ticks and trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RabbitMqConfig {
    /// URL of the broker; `None` disables publishing.
    pub url: Option<BrokerUrl>,
    /// Name of the topic exchange that receives ticks.
    pub exchange: String,
    /// Name of the topic exchange that receives trades.
    pub trades_exchange: String,
    /// Ticks, and as many trades, that wait while the broker is unavailable, 1 to 1,000,000.
    pub queue: usize,
}

/// Why a text is not a valid broker URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBrokerUrl {
    /// The scheme is neither `amqp` nor `amqps`.
    #[error("expected amqp://user:password@host:5672/vhost")]
    Scheme,
    /// Part of the user or password would be parsed as a host.
    #[error(
        "its user or password contains a reserved character: write @ as %40, / as %2F, ? as %3F, \
         # as %23 and % as %25"
    )]
    Unescaped,
}

/// The URL of a message broker. `Debug` does not print it.
#[derive(Clone)]
pub struct BrokerUrl(SecretString);

impl BrokerUrl {
    /// Checks and wraps a URL.
    ///
    /// # Errors
    /// The URL begins with neither `amqp://` nor `amqps://`, or its user or password contains a reserved
    /// character, so that part of it would be parsed as a host.
    pub fn parse(url: &str) -> Result<Self, InvalidBrokerUrl> {
        let rest = url
            .strip_prefix("amqp://")
            .or_else(|| url.strip_prefix("amqps://"))
            .ok_or(InvalidBrokerUrl::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest[end..].contains('@') {
            return Err(InvalidBrokerUrl::Unescaped);
        }
        Ok(Self(url.into()))
    }

    /// The URL, including its password.
    #[must_use]
    pub fn with_password(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerUrl(***)")
    }
}

impl PartialEq for BrokerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.with_password() == other.with_password()
    }
}

impl Eq for BrokerUrl {}

pub(super) fn read(sections: &mut Sections<'_>) -> Option<RabbitMqConfig> {
    let queue = sections.number("rabbitmq.queue", 1, 1_000_000);
    let ticks = exchange(sections, "rabbitmq.exchange");
    let trades = exchange(sections, "rabbitmq.trades_exchange");
    let text = sections.text("rabbitmq.url");
    let url = match BrokerUrl::parse(&text) {
        _ if text.is_empty() => None,
        Ok(url) => Some(url),
        Err(error) => {
            sections.problem(format!("invalid rabbitmq.url: {error}"));
            return None;
        }
    };
    Some(RabbitMqConfig {
        url,
        exchange: ticks?,
        trades_exchange: trades?,
        queue,
    })
}

fn exchange(sections: &mut Sections<'_>, setting: &str) -> Option<String> {
    let name = sections.text(setting);
    // the limit of AMQP short strings
    if (1..=255).contains(&name.len()) {
        return Some(name);
    }
    sections.problem(format!(
        "{setting} must have 1 to 255 bytes: name a topic exchange"
    ));
    None
}
