//! Settings of the server, loaded together with the settings of the library.

mod access;
mod feeds;
mod health;
mod oversight;
mod rabbitmq;
mod server;
mod symbols;
mod tls;
mod websocket;

use std::collections::BTreeMap;
use std::path::Path;

use tickbook::config::{Config, InvalidConfig, Sections, SettingsReader};

pub use access::AccessConfig;
pub use feeds::{FeedConfig, FeedKind, UnknownFeedKind};
pub use health::HealthConfig;
pub use oversight::OversightConfig;
pub use rabbitmq::{BrokerUrl, InvalidBrokerUrl, RabbitMqConfig};
pub use server::{InvalidListen, ServerConfig, parse_listen};
pub use symbols::SymbolsConfig;
pub use tls::TlsConfig;
pub use websocket::WebSocketConfig;

/// All settings, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Settings of the library.
    pub library: Config,
    /// Settings of connections and requests.
    pub server: ServerConfig,
    /// Settings of who may use the server.
    pub access: AccessConfig,
    /// Settings of WebSocket clients.
    pub websocket: WebSocketConfig,
    /// Settings of the RabbitMQ exchange.
    pub rabbitmq: RabbitMqConfig,
    /// Settings of feeds, by their names.
    pub feeds: BTreeMap<String, FeedConfig>,
    /// Settings of the sync of symbols.
    pub symbols: SymbolsConfig,
    /// Settings of the health.
    pub health: HealthConfig,
    /// Settings of the audit log and of the rules of risk.
    pub oversight: OversightConfig,
}

impl ServerSettings {
    /// Loads the files that [`Settings::load`](tickbook::config::Settings::load) reads, and the environment
    /// variables of the process.
    ///
    /// # Errors
    /// All problems in one error.
    pub fn load() -> Result<Self, InvalidConfig> {
        Self::read(SettingsReader::own())
    }

    /// Loads `default.toml` and `{environment}.toml` of `folder`, and `variables` instead of the environment
    /// variables of the process.
    ///
    /// # Errors
    /// All problems in one error.
    pub fn load_from(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        Self::read(SettingsReader::of_folder(folder).variables(variables))
    }

    fn read(reader: SettingsReader) -> Result<Self, InvalidConfig> {
        let settings = reader.read(|sections: &mut Sections<'_>| {
            let server = server::read(sections);
            let access = access::read(sections);
            let websocket = websocket::read(sections);
            let rabbitmq = rabbitmq::read(sections);
            let feeds = feeds::read(sections);
            let symbols = symbols::read(sections);
            let health = health::read(sections);
            let oversight = oversight::read(sections);
            Some((
                server?, access, websocket, rabbitmq?, feeds?, symbols?, health, oversight,
            ))
        })?;
        let (server, access, websocket, rabbitmq, feeds, symbols, health, oversight) =
            settings.program;
        Ok(Self {
            library: settings.config,
            server,
            access,
            websocket,
            rabbitmq,
            feeds,
            symbols,
            health,
            oversight,
        })
    }
}

#[cfg(test)]
mod tests;
