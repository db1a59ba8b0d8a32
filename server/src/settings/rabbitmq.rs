//! Settings of the exchange that ticks are published to.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use tickbook::config::Sections;

/// Settings of the exchange that ticks are published to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RabbitMqConfig {
    /// Where the broker is; `None` publishes nothing.
    pub url: Option<BrokerUrl>,
    /// Name of the topic exchange.
    pub exchange: String,
    /// Ticks that wait while the broker is away, 1 to 1,000,000.
    pub queue: usize,
}

/// Why a text is no URL of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBrokerUrl {
    /// Its scheme is another one.
    #[error("write it like amqp://user:password@host:5672/vhost")]
    Scheme,
    /// A part of its user or password would be taken for a host.
    #[error(
        "its user or password holds a character that ends it: write @ as %40, / as %2F, ? as %3F, \
         # as %23 and % as %25"
    )]
    Unescaped,
}

/// The URL of a message broker, which cannot be printed by accident.
#[derive(Clone)]
pub struct BrokerUrl(SecretString);

impl BrokerUrl {
    /// Keeps a URL.
    ///
    /// # Errors
    /// It begins with neither `amqp://` nor `amqps://`; its user or password holds a character that
    /// ends it, so that a part of it would be taken for a host.
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

    /// The URL with its password.
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
    let exchange = sections.text("rabbitmq.exchange");
    // AMQP's short strings
    let is_name = (1..=255).contains(&exchange.len());
    if !is_name {
        sections.problem("rabbitmq.exchange must have 1 to 255 bytes: name a topic exchange");
    }
    let text = sections.text("rabbitmq.url");
    let url = match BrokerUrl::parse(&text) {
        _ if text.is_empty() => None,
        Ok(url) => Some(url),
        Err(error) => {
            sections.problem(format!("rabbitmq.url is no URL of a broker: {error}"));
            return None;
        }
    };
    is_name.then_some(RabbitMqConfig {
        url,
        exchange,
        queue,
    })
}
