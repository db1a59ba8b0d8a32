//! The connection to the RabbitMQ broker.

use std::fmt::Debug;
use std::time::Duration;

use crate::settings::BrokerUrl;
use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use metrics::{counter, gauge};
use tokio::time::timeout;

use super::message::Outgoing;
use crate::metrics::{RABBITMQ_CONNECTED, RABBITMQ_CONNECTIONS, RABBITMQ_WAITING};

/// A broker that takes longer is considered unavailable.
const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes messages.
#[async_trait]
pub(super) trait Broker: Debug + Send {
    /// Publishes messages from the front of `outgoing`, and removes the confirmed ones.
    async fn publish(&mut self, outgoing: &mut Vec<Outgoing>) -> anyhow::Result<()>;

    /// Closes a failed connection; returns whether there was one.
    fn cut(&mut self) -> bool;
}

/// A broker, connected on the first publish.
pub(super) struct Link {
    url: BrokerUrl,
    exchange: String,
    /// The name of the records in metrics.
    records: &'static str,
    link: Option<(Connection, Channel)>,
}

impl Link {
    /// # Errors
    /// The URL is invalid.
    pub(super) fn new(
        url: BrokerUrl,
        exchange: String,
        records: &'static str,
    ) -> anyhow::Result<Self> {
        parse(&url)?;
        gauge!(RABBITMQ_CONNECTED, "records" => records).set(0);
        gauge!(RABBITMQ_WAITING, "records" => records).set(0);
        // initialize to 0, so that rate() sees the first increment
        counter!(RABBITMQ_CONNECTIONS, "records" => records).increment(0);
        Ok(Self {
            url,
            exchange,
            records,
            link: None,
        })
    }

    async fn channel(&mut self) -> anyhow::Result<Channel> {
        if let Some((_, channel)) = &self.link {
            return Ok(channel.clone());
        }
        let linking = async {
            let name = "orderbook-server".into();
            let properties = ConnectionProperties::default().with_connection_name(name);
            let connection = Connection::connect_uri(parse(&self.url)?, properties).await?;
            let channel = connection.create_channel().await?;
            let durable = ExchangeDeclareOptions {
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            let exchange = self.exchange.as_str().into();
            let none = FieldTable::default();
            channel
                .exchange_declare(exchange, ExchangeKind::Topic, durable, none)
                .await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            anyhow::Ok((connection, channel))
        };
        let (connection, channel) = timeout(PATIENCE, linking).await??;
        gauge!(RABBITMQ_CONNECTED, "records" => self.records).set(1);
        counter!(RABBITMQ_CONNECTIONS, "records" => self.records).increment(1);
        tracing::info!(exchange = self.exchange, "connected to RabbitMQ");
        self.link = Some((connection, channel.clone()));
        Ok(channel)
    }
}

impl Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Broker for Link {
    async fn publish(&mut self, outgoing: &mut Vec<Outgoing>) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let mut sent = Vec::with_capacity(outgoing.len());
        for message in &*outgoing {
            let properties = BasicProperties::default()
                .with_content_type("application/json".into())
                .with_delivery_mode(2)
                .with_type(message.kind.into())
                .with_message_id(message.id.as_str().into());
            let publishing = channel.basic_publish(
                self.exchange.as_str().into(),
                message.key.as_str().into(),
                BasicPublishOptions::default(),
                &message.body,
                properties,
            );
            sent.push(timeout(PATIENCE, publishing).await??);
        }
        let mut confirmed = 0;
        let mut failed = None;
        for confirm in sent {
            match timeout(PATIENCE, confirm).await {
                Ok(Ok(answer)) if answer.is_ack() => confirmed += 1,
                Ok(Ok(_)) => failed = Some(anyhow::anyhow!("the broker refused a message")),
                Ok(Err(error)) => failed = Some(error.into()),
                Err(_) => failed = Some(anyhow::anyhow!("the broker did not confirm in time")),
            }
            if failed.is_some() {
                break;
            }
        }
        outgoing.drain(..confirmed);
        failed.map_or(Ok(()), Err)
    }

    fn cut(&mut self) -> bool {
        gauge!(RABBITMQ_CONNECTED, "records" => self.records).set(0);
        self.link.take().is_some()
    }
}

/// Errors do not quote the URL, which may contain the password in any part.
fn parse(url: &BrokerUrl) -> anyhow::Result<AMQPUri> {
    url.with_password().parse().map_err(|_| {
        anyhow::anyhow!(
            "invalid rabbitmq.url: expected amqp://user:password@host:5672/vhost, \
             with % escapes in user, password and vhost"
        )
    })
}
