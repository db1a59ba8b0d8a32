//! The receivers of published ticks and trades: WebSocket clients and RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use tickbook::Repositories;
use tickbook::domain::Trade;
use tickbook::ingest::fanout::{FanOut, QueueOptions, SinkTask};
use tickbook_feeds::feed::MessageLog;
use tokio_util::sync::CancellationToken;

use crate::rabbitmq::RabbitMqSink;
use crate::settings::{RabbitMqConfig, ServerSettings};
use crate::websocket::{self, WebSockets};

/// Maximum time for a WebSocket client to read its queue when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Maximum time for RabbitMQ to confirm waiting messages, and to record those of venues, when the server stops.
const LAST_MESSAGES: Duration = Duration::from_secs(3);

/// All receivers of ticks and trades other than the store.
#[derive(Debug)]
pub struct Sinks {
    fan_out: FanOut,
    trade_fan_out: FanOut<Trade>,
    websockets: WebSockets,
    rabbitmq: Option<(SinkTask, SinkTask<Trade>)>,
    messages: Option<MessageLog>,
}

impl Sinks {
    /// Starts the receivers. After `stop` they accept no new clients; they end when the fan-outs are closed.
    ///
    /// # Errors
    /// A setting is invalid.
    pub fn start(
        settings: &ServerSettings,
        (fan_out, trade_fan_out): (&FanOut, &FanOut<Trade>),
        repositories: &Repositories,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let rabbitmq = match &settings.rabbitmq.url {
            Some(url) => {
                let RabbitMqConfig {
                    exchange,
                    trades_exchange,
                    queue,
                    ..
                } = settings.rabbitmq.clone();
                let symbols = || Arc::clone(&repositories.symbols);
                let ticks = RabbitMqSink::new(url.clone(), exchange, symbols())?;
                let trades = RabbitMqSink::new(url.clone(), trades_exchange, symbols())?;
                let options = QueueOptions::dropping_oldest("rabbitmq", queue);
                Some((
                    fan_out.attach(Box::new(ticks), options),
                    trade_fan_out.attach(Box::new(trades), options),
                ))
            }
            None => None,
        };
        fan_out.retain(settings.websocket.resume);
        trade_fan_out.retain(settings.websocket.resume);
        fan_out.limit(websocket::QUEUES, settings.websocket.queue_total);
        trade_fan_out.limit(websocket::QUEUES, settings.websocket.queue_total);
        Ok(Self {
            rabbitmq,
            messages: None,
            fan_out: fan_out.clone(),
            trade_fan_out: trade_fan_out.clone(),
            websockets: WebSockets::new(settings.websocket.clone(), stop.clone()),
        })
    }

    /// Waits for the recorded messages of venues at the end.
    pub fn add_messages(&mut self, messages: Option<MessageLog>) {
        self.messages = messages;
    }

    /// The clients of `/ws`.
    #[must_use]
    pub fn websockets(&self) -> WebSockets {
        self.websockets.clone()
    }

    /// Waits until the receivers have received everything that was published, for some seconds at most.
    pub async fn finish(self) {
        self.fan_out.close();
        self.trade_fan_out.close();
        let rabbitmq = async {
            let Some((ticks, trades)) = self.rabbitmq else {
                return;
            };
            let (ticks, trades) =
                tokio::join!(ticks.finish(LAST_MESSAGES), trades.finish(LAST_MESSAGES));
            let left = ticks + trades;
            if left > 0 {
                tracing::warn!(left, "messages did not reach RabbitMQ");
            }
        };
        let messages = async {
            let Some(messages) = self.messages else {
                return;
            };
            let recorded = messages.finish(LAST_MESSAGES).await;
            if recorded.lost > 0 {
                let lost = recorded.lost;
                tracing::warn!(lost, "messages of venues are not recorded");
            }
        };
        tokio::join!(self.websockets.finish(FAREWELL), rabbitmq, messages);
    }
}
