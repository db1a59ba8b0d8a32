//! Publishes ticks and trades to topic exchanges of RabbitMQ. `docs/rabbitmq.md` is for authors of consumers.

mod keys;
mod link;
mod message;

use std::sync::Arc;
use std::time::Duration;

use crate::settings::BrokerUrl;
use async_trait::async_trait;
use tickbook::Backoff;
use tickbook::domain::{Symbol, SymbolId, Tick};
use tickbook::ingest::fanout::{Event, RecordSink, SinkEnded};
use tickbook::repository::SymbolRepository;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use keys::Keys;
use link::{Broker, Link};
pub use message::MessageRecord;
use message::Outgoing;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// Publishes every record, in order for each symbol, until the broker confirms it. After a lost connection,
/// unconfirmed records are published again. Records wait for the look-up of their own symbol only, even if it
/// is slow or fails.
#[derive(Debug)]
pub struct RabbitMqSink<R: MessageRecord = Tick> {
    inner: Arc<Mutex<Inner<R>>>,
    symbols: Arc<dyn SymbolRepository>,
    looking_up: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner<R: MessageRecord> {
    broker: Box<dyn Broker>,
    keys: Keys<R>,
}

impl<R: MessageRecord> RabbitMqSink<R> {
    /// Creates the sink; it connects when there is something to publish.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn new(
        url: BrokerUrl,
        exchange: String,
        symbols: Arc<dyn SymbolRepository>,
    ) -> anyhow::Result<Self> {
        let link = Link::new(url, exchange, R::NAMES)?;
        Ok(Self::over(Box::new(link), symbols))
    }

    fn over(broker: Box<dyn Broker>, symbols: Arc<dyn SymbolRepository>) -> Self {
        let keys = Keys::default();
        Self {
            inner: Arc::new(Mutex::new(Inner { broker, keys })),
            symbols,
            looking_up: None,
        }
    }
}

impl<R: MessageRecord> Inner<R> {
    /// Records the result of a look-up, and publishes the events that waited for it.
    async fn take(&mut self, asked: &[SymbolId], found: &[Symbol]) {
        let ready = self.keys.found(asked, found);
        self.publish(ready).await;
    }

    /// Publishes messages; retries until the broker confirms them.
    async fn publish(&mut self, ready: Vec<(Event<R>, String)>) {
        let messages = ready.into_iter();
        let mut outgoing: Vec<_> = messages
            .filter_map(|(event, key)| Outgoing::new(event, key))
            .collect();
        let mut delays = BACKOFF.delays();
        while !outgoing.is_empty() {
            if let Err(error) = self.broker.publish(&mut outgoing).await {
                if self.broker.cut() || !delays.has_failed() {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "RabbitMQ is unavailable: {} wait", R::NAMES);
                }
                sleep(delays.next_delay()).await;
            }
        }
    }
}

#[async_trait]
impl<R: MessageRecord> RecordSink<R> for RabbitMqSink<R> {
    async fn deliver(&mut self, events: Vec<Event<R>>) -> Result<(), SinkEnded> {
        let mut inner = self.inner.lock().await;
        let keys = &mut inner.keys;
        let ready = events
            .into_iter()
            .filter_map(|event| keys.key_or_keep(event))
            .collect();
        let is_looking = self
            .looking_up
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        if keys.waiting() > 0 && !is_looking {
            let looking = look_up(Arc::clone(&self.inner), Arc::clone(&self.symbols));
            self.looking_up = Some(tokio::spawn(looking));
        }
        inner.publish(ready).await;
        Ok(())
    }
}

/// Looks up symbols until no event waits for one, and publishes the events.
async fn look_up<R: MessageRecord>(
    inner: Arc<Mutex<Inner<R>>>,
    symbols: Arc<dyn SymbolRepository>,
) {
    let mut delays = BACKOFF.delays();
    loop {
        let wanted = inner.lock().await.keys.wanted();
        let mut failed = None;
        match symbols.get_many(&wanted).await {
            Ok(found) => inner.lock().await.take(&wanted, &found).await,
            // an unreadable symbol does not delay the others
            Err(error) if !error.is_transient() && wanted.len() > 1 => {
                for symbol_id in wanted {
                    match symbols.get_many(&[symbol_id]).await {
                        Ok(found) => inner.lock().await.take(&[symbol_id], &found).await,
                        Err(error) => failed = Some(error),
                    }
                }
            }
            Err(error) => failed = Some(error),
        }
        match failed {
            None if inner.lock().await.keys.waiting() == 0 => return,
            None => {}
            Some(error) => {
                if !delays.has_failed() {
                    let error = error.with_causes().to_string();
                    tracing::warn!(error, "{} wait for the names of their symbols", R::NAMES);
                }
                sleep(delays.next_delay()).await;
            }
        }
    }
}

impl<R: MessageRecord> Drop for RabbitMqSink<R> {
    fn drop(&mut self) {
        if let Some(task) = self.looking_up.take() {
            task.abort();
        }
        if let Ok(inner) = self.inner.try_lock() {
            let left = inner.keys.waiting();
            if left > 0 {
                tracing::warn!(
                    left,
                    "messages without a routing key did not reach RabbitMQ"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
