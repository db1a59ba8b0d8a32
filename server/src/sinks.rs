//! The receivers of published ticks: WebSocket clients and RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use tickbook::Repositories;
use tickbook::ingest::fanout::{FanOut, QueueOptions, SinkTask};
use tokio_util::sync::CancellationToken;

use crate::rabbitmq::RabbitMqSink;
use crate::settings::ServerSettings;
use crate::websocket::{self, WebSockets};

/// Maximum time for a WebSocket client to read its queue when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Maximum time for RabbitMQ to confirm waiting messages when the server stops.
const LAST_MESSAGES: Duration = Duration::from_secs(3);

/// All receivers of ticks other than the store.
#[derive(Debug)]
pub struct Sinks {
    fan_out: FanOut,
    websockets: WebSockets,
    rabbitmq: Option<SinkTask>,
}

impl Sinks {
    /// Starts the receivers. After `stop` they accept no new clients; they end when the fan-out is closed.
    ///
    /// # Errors
    /// A setting is invalid.
    pub fn start(
        settings: &ServerSettings,
        fan_out: &FanOut,
        repositories: &Repositories,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let rabbitmq = match &settings.rabbitmq.url {
            Some(url) => {
                let exchange = settings.rabbitmq.exchange.clone();
                let symbols = Arc::clone(&repositories.symbols);
                let sink = RabbitMqSink::new(url.clone(), exchange, symbols)?;
                let options = QueueOptions::dropping_oldest("rabbitmq", settings.rabbitmq.queue);
                Some(fan_out.attach(Box::new(sink), options))
            }
            None => None,
        };
        fan_out.limit(websocket::QUEUES, settings.websocket.queue_total);
        Ok(Self {
            rabbitmq,
            fan_out: fan_out.clone(),
            websockets: WebSockets::new(settings.websocket.clone(), stop.clone()),
        })
    }

    /// The clients of `/ws`.
    #[must_use]
    pub fn websockets(&self) -> WebSockets {
        self.websockets.clone()
    }

    /// Waits until the receivers have received all published ticks, for some seconds at most.
    pub async fn finish(self) {
        self.fan_out.close();
        let rabbitmq = async {
            let Some(rabbitmq) = self.rabbitmq else {
                return;
            };
            let left = rabbitmq.finish(LAST_MESSAGES).await;
            if left > 0 {
                tracing::warn!(left, "messages did not reach RabbitMQ");
            }
        };
        tokio::join!(self.websockets.finish(FAREWELL), rabbitmq);
    }
}
