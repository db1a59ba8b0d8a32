//! Settings of those who get ticks from the server.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::Checked;

/// Settings of the connections of WebSocket clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// A client hears from the server at least this often.
    pub heartbeat: Duration,
    /// Ticks that wait for one client, 1 to 1,000,000.
    pub queue: usize,
    /// Ticks that wait for all clients together, 1 to 100,000,000.
    pub queue_total: usize,
    /// How many times a client may miss ticks without catching up between, 1 to 1,000.
    pub most_gaps: u32,
    /// How long a client may read nothing.
    pub send_timeout: Duration,
    /// Clients at once, 1 to 100,000.
    pub max_connections: usize,
    /// Clients of one address at once, 1 to 100,000; 0 is as many as there are.
    pub max_connections_per_address: usize,
    /// Ticks that wait for candles to be read, of all clients together, 1 to 10,000,000.
    pub candle_buffer: usize,
}

impl Default for WebSocketConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            queue: 10_000,
            queue_total: 250_000,
            most_gaps: 10,
            send_timeout: Duration::from_secs(10),
            max_connections: 1_000,
            max_connections_per_address: 200,
            candle_buffer: 100_000,
        }
    }
}

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

/// The URL of a message broker, which cannot be printed by accident.
#[derive(Clone)]
pub struct BrokerUrl(SecretString);

impl BrokerUrl {
    /// Keeps a URL.
    ///
    /// # Errors
    /// It begins with neither `amqp://` nor `amqps://`; its user or password holds a character that
    /// ends it, so that a part of it would be taken for a host.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("amqp://")
            .or_else(|| url.strip_prefix("amqps://"))
            .ok_or("write it like amqp://user:password@host:5672/vhost")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest[end..].contains('@') {
            return Err(
                "its user or password holds a character that ends it: write @ as %40, / as %2F, \
                 ? as %3F, # as %23 and % as %25"
                    .to_owned(),
            );
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

impl Checked<'_> {
    pub(super) fn websocket(&mut self) -> WebSocketConfig {
        WebSocketConfig {
            heartbeat: self.millis("websocket.heartbeat_ms", 600_000),
            queue: self.number("websocket.queue", 1, 1_000_000),
            queue_total: self.number("websocket.queue_total", 1, 100_000_000),
            most_gaps: self.number("websocket.most_gaps", 1, 1_000),
            send_timeout: self.millis("websocket.send_timeout_ms", 600_000),
            max_connections: self.number("websocket.max_connections", 1, 100_000),
            max_connections_per_address: self.number(
                "websocket.max_connections_per_address",
                0,
                100_000,
            ),
            candle_buffer: self.number("websocket.candle_buffer", 1, 10_000_000),
        }
    }

    pub(super) fn rabbitmq(&mut self) -> Option<RabbitMqConfig> {
        let queue = self.number("rabbitmq.queue", 1, 1_000_000);
        let exchange = self
            .layers
            .get_string("rabbitmq.exchange")
            .unwrap_or_default();
        // AMQP's short strings
        if exchange.is_empty() || exchange.len() > 255 {
            let problem = "rabbitmq.exchange must have 1 to 255 bytes: name a topic exchange";
            self.problems.push(problem.to_owned());
            return None;
        }
        let text = self.layers.get_string("rabbitmq.url").unwrap_or_default();
        let url = if text.is_empty() {
            None
        } else {
            match BrokerUrl::parse(&text) {
                Ok(url) => Some(url),
                Err(error) => {
                    let problem = format!("rabbitmq.url is no URL of a broker: {error}");
                    self.problems.push(problem);
                    return None;
                }
            }
        };
        Some(RabbitMqConfig {
            url,
            exchange,
            queue,
        })
    }
}
