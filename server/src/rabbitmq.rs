//! Ticks to a topic exchange of RabbitMQ. `docs/rabbitmq.md` is for those who consume them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use metrics::{counter, gauge};
use serde::Serialize;
use tickbook::config::BrokerUrl;
use tickbook::domain::{Symbol, SymbolId};
use tickbook::fanout::{Event, SinkEnded, TickSink};
use tickbook::repository::SymbolRepository;
use tokio::time::{sleep, timeout};

use crate::wire::{TickBody, TimeText};

/// A broker that needs longer is taken to be away.
const PATIENCE: Duration = Duration::from_secs(10);

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Most bytes of a routing key.
const KEY_LIMIT: usize = 255;

/// Publishes every tick, in order for each symbol, until the broker has confirmed it. Where a
/// connection was lost before that, what was not confirmed is published again.
pub struct RabbitMqSink {
    url: BrokerUrl,
    exchange: String,
    symbols: Arc<dyn SymbolRepository>,
    /// Routing keys of symbols seen so far; neither name of a symbol ever changes.
    keys: HashMap<SymbolId, String>,
    link: Option<(Connection, Channel)>,
}

/// A message that waits to be confirmed.
struct Outgoing {
    symbol_id: SymbolId,
    kind: &'static str,
    id: String,
    body: Vec<u8>,
}

/// Missed ticks, to be read again with the REST interface: `from` inside, `to` outside.
#[derive(Serialize)]
struct GapBody {
    symbol_id: i64,
    from: TimeText,
    to: TimeText,
    missed: u64,
}

impl RabbitMqSink {
    /// Connects when there is something to publish.
    ///
    /// # Errors
    /// The URL is none.
    pub fn new(
        url: BrokerUrl,
        exchange: String,
        symbols: Arc<dyn SymbolRepository>,
    ) -> anyhow::Result<Self> {
        parse(&url)?;
        gauge!("rabbitmq_connected").set(0);
        Ok(Self {
            url,
            exchange,
            symbols,
            keys: HashMap::new(),
            link: None,
        })
    }

    /// Publishes from the start of `outgoing`, and takes what was confirmed out of it.
    async fn publish(&mut self, outgoing: &mut Vec<Outgoing>) -> anyhow::Result<()> {
        let unseen = outgoing.iter().map(|message| message.symbol_id);
        let unseen: Vec<_> = unseen.filter(|id| !self.keys.contains_key(id)).collect();
        if !unseen.is_empty() {
            let found = self.symbols.get_many(&unseen).await?;
            let found = found
                .iter()
                .map(|symbol| (symbol.symbol_id, routing_key(symbol)));
            self.keys.extend(found);
            for symbol_id in unseen {
                let unknown = || format!("unknown.{symbol_id}");
                self.keys.entry(symbol_id).or_insert_with(unknown);
            }
        }
        let channel = self.channel().await?;
        let mut sent = Vec::with_capacity(outgoing.len());
        for message in &*outgoing {
            let key = self.keys.get(&message.symbol_id).map_or("", String::as_str);
            let properties = BasicProperties::default()
                .with_content_type("application/json".into())
                .with_delivery_mode(2)
                .with_type(message.kind.into())
                .with_message_id(message.id.as_str().into());
            let publishing = channel.basic_publish(
                self.exchange.as_str().into(),
                key.into(),
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
                Err(_) => failed = Some(anyhow::anyhow!("the broker confirms nothing")),
            }
            if failed.is_some() {
                break;
            }
        }
        outgoing.drain(..confirmed);
        failed.map_or(Ok(()), Err)
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
        gauge!("rabbitmq_connected").set(1);
        counter!("rabbitmq_connections_total").increment(1);
        tracing::info!(exchange = self.exchange, "connected to RabbitMQ");
        self.link = Some((connection, channel.clone()));
        Ok(channel)
    }
}

impl std::fmt::Debug for RabbitMqSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RabbitMqSink")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TickSink for RabbitMqSink {
    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
        let mut outgoing: Vec<_> = events.into_iter().filter_map(Outgoing::new).collect();
        let mut pause = FIRST_PAUSE;
        while !outgoing.is_empty() {
            if let Err(error) = self.publish(&mut outgoing).await {
                if self.link.take().is_some() || pause == FIRST_PAUSE {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "RabbitMQ is away: ticks wait for it");
                }
                gauge!("rabbitmq_connected").set(0);
                sleep(pause.mul_f64(rand::random_range(0.8..1.2))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        Ok(())
    }
}

impl Outgoing {
    fn new(event: Event) -> Option<Self> {
        let symbol_id = event.symbol_id();
        let (kind, id, body) = match event {
            Event::Tick(published) => {
                let tick = published.tick;
                let micros = tick.tick_time.timestamp_micros();
                let id = format!("{symbol_id}/{micros}/{}", tick.sequence);
                ("tick", id, serde_json::to_vec(&TickBody::from(tick)))
            }
            Event::Gap(gap) => {
                let body = GapBody {
                    symbol_id: symbol_id.get(),
                    from: TimeText(gap.from),
                    to: TimeText(gap.to),
                    missed: gap.missed,
                };
                let id = format!("gap/{symbol_id}/{}/{}", gap.first, gap.last);
                ("gap", id, serde_json::to_vec(&body))
            }
        };
        match body {
            Ok(body) => Some(Self {
                symbol_id,
                kind,
                id,
                body,
            }),
            Err(error) => {
                tracing::error!(%error, "a message is no JSON");
                None
            }
        }
    }
}

/// Says nothing of the URL in an error, which may hold the password anywhere.
fn parse(url: &BrokerUrl) -> anyhow::Result<AMQPUri> {
    url.with_password().parse().map_err(|_| {
        anyhow::anyhow!(
            "rabbitmq.url is no URL of a broker: write amqp://user:password@host:5672/vhost, \
             with % escapes in user, password and vhost"
        )
    })
}

/// Exchange and name as one word each, since consumers select by words.
fn routing_key(symbol: &Symbol) -> String {
    let word = |text: &str| text.replace('%', "%25").replace('.', "%2E");
    let mut key = format!("{}.{}", word(&symbol.exchange), word(&symbol.name));
    while key.len() > KEY_LIMIT {
        key.pop();
    }
    key
}

#[cfg(test)]
mod tests {
    use tickbook::domain::NewSymbol;

    use super::*;

    fn key(exchange: &str, name: &str) -> String {
        routing_key(&NewSymbol::named(exchange, name).into_symbol(SymbolId::new(1)))
    }

    #[test]
    fn a_routing_key_has_two_words_and_fits() {
        assert_eq!(key("oanda", "EURUSD"), "oanda.EURUSD");
        assert_eq!(key("nyse", "BRK.A"), "nyse.BRK%2EA");
        let long = key(&"€".repeat(50), &"€".repeat(50));
        assert!(long.len() <= KEY_LIMIT && long.len() > KEY_LIMIT - 3);
    }

    #[test]
    fn a_url_that_is_none_is_not_shown() {
        let symbols = tickbook::Repositories::in_memory().symbols;
        let url = BrokerUrl::parse("amqp://u:S3cretPw@h:port/").expect("the scheme is right");
        let error = RabbitMqSink::new(url, "ticks".to_owned(), symbols).expect_err("no port");
        assert!(!format!("{error:?}").contains("S3cretPw"), "{error:?}");
    }
}
