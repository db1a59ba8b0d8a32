//! Settings of the server, read together with those of the library.

mod rabbitmq;
mod server;
mod websocket;

use std::path::Path;

use tickbook::config::{Config, InvalidConfig, Sections, SettingsReader};

pub use rabbitmq::{BrokerUrl, InvalidBrokerUrl, RabbitMqConfig};
pub use server::{InvalidListen, ServerConfig, parse_listen};
pub use websocket::WebSocketConfig;

/// Every setting, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Those of the library.
    pub library: Config,
    /// Connections and requests.
    pub server: ServerConfig,
    /// WebSocket clients.
    pub websocket: WebSocketConfig,
    /// The RabbitMQ exchange.
    pub rabbitmq: RabbitMqConfig,
}

impl ServerSettings {
    /// Reads the files that [`Settings::load`](tickbook::config::Settings::load) reads, and the variables
    /// of the process.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load() -> Result<Self, InvalidConfig> {
        Self::read(SettingsReader::own())
    }

    /// Reads `default.toml` and `{environment}.toml` of `folder`, and `variables` instead of those of
    /// the process.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load_from(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        Self::read(SettingsReader::of_folder(folder).variables(variables))
    }

    fn read(reader: SettingsReader) -> Result<Self, InvalidConfig> {
        let settings = reader.read(|sections: &mut Sections<'_>| {
            let server = server::read(sections);
            let websocket = websocket::read(sections);
            let rabbitmq = rabbitmq::read(sections);
            Some((server?, websocket, rabbitmq?))
        })?;
        let (server, websocket, rabbitmq) = settings.program;
        Ok(Self {
            library: settings.config,
            server,
            websocket,
            rabbitmq,
        })
    }
}

#[cfg(test)]
mod tests;
