//! Stores posted ticks and trades and publishes the newly inserted ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use tickbook::domain::{MarketEvent, Tick, Trade};
use tickbook::ingest::Record;
use tickbook::ingest::fanout::FanOut;
use tickbook::repository::InsertReceipt;
use tickbook::{Repositories, RepositoryError};
use tracing::Instrument as _;

use crate::app::AppState;

/// A tick or a trade that is published when it is stored.
#[async_trait]
pub(crate) trait PublishedEvent: MarketEvent + Record {
    /// The name of the write in errors.
    const OPERATION: &'static str;

    /// Stores events in their repository.
    async fn insert(
        repositories: &Repositories,
        events: &[Self],
    ) -> Result<InsertReceipt<Self>, RepositoryError>;

    /// The fan-out of the events.
    fn fan_out(app: &AppState) -> FanOut<Self>;
}

#[async_trait]
impl PublishedEvent for Tick {
    const OPERATION: &'static str = "insert_batch";

    async fn insert(
        repositories: &Repositories,
        ticks: &[Self],
    ) -> Result<InsertReceipt<Self>, RepositoryError> {
        repositories.ticks.insert_batch(ticks).await
    }

    fn fan_out(app: &AppState) -> FanOut {
        app.fan_out.clone()
    }
}

#[async_trait]
impl PublishedEvent for Trade {
    const OPERATION: &'static str = "insert_trades";

    async fn insert(
        repositories: &Repositories,
        trades: &[Self],
    ) -> Result<InsertReceipt<Self>, RepositoryError> {
        repositories.trades.insert_batch(trades).await
    }

    fn fan_out(app: &AppState) -> FanOut<Self> {
        app.trade_fan_out.clone()
    }
}

/// Stores events and publishes the newly inserted ones. Once started, the work continues even if the
/// caller is cancelled, so that no stored event remains unpublished. `kept` holds permits and memory of
/// the caller and is dropped when the work ends.
///
/// # Errors
/// The errors of the repository. If the events may have been stored nevertheless, a gap is announced.
pub(crate) async fn store_and_publish<E: PublishedEvent>(
    app: &AppState,
    events: Arc<Vec<E>>,
    kept: impl Send + 'static,
) -> Result<InsertReceipt<E>, RepositoryError> {
    let (repositories, fan_out) = (app.repositories.clone(), E::fan_out(app));
    let storing = async move {
        let stored = E::insert(&repositories, &events).await;
        match &stored {
            Ok(receipt) => publish_inserted(&fan_out, &events, receipt).await,
            // if they are sent again they count as duplicates, which are not published
            Err(error) if !error.is_certainly_not_applied() => {
                fan_out.announce_missed(&events).await;
            }
            Err(_) => {}
        }
        drop((events, kept));
        stored
    };
    let storing = tokio::spawn(storing.in_current_span());
    storing.await.unwrap_or_else(|error| {
        Err(RepositoryError::Internal {
            operation: E::OPERATION,
            reason: error.to_string(),
        })
    })
}

/// Publishes the events that the write of `receipt` has inserted. If they cannot be distinguished from
/// duplicates, which the receipt only counts, announces a gap instead.
async fn publish_inserted<E: PublishedEvent>(
    fan_out: &FanOut<E>,
    events: &[E],
    receipt: &InsertReceipt<E>,
) {
    if receipt.inserted == 0 {
        return;
    }
    let conflicts = EventsByKey::of(receipt.conflicts.iter().map(|conflict| &conflict.refused));
    let rejected = EventsByKey::of(receipt.rejected.iter().map(|rejected| &rejected.row));
    let mut seen = HashSet::new();
    // of several sequenced events of one key, only the first that was not rejected can be stored
    let news: Vec<E> = events
        .iter()
        .filter(|event| {
            let mut is_first = || seen.insert(MarketEvent::key(*event));
            !rejected.has(event) && (event.occurrence().is_some() || is_first())
        })
        .filter(|event| !conflicts.has(event))
        .cloned()
        .collect();
    if news.len() as u64 == receipt.inserted {
        // it fails only when the server stops; clients read the events when they reconnect
        let _ = fan_out.publish_stored(&news).await;
    } else {
        fan_out.announce_missed(&news).await;
    }
}

/// Events that were not stored, indexed by key.
struct EventsByKey<'a, E: PublishedEvent>(HashMap<<E as MarketEvent>::Key, Vec<&'a E>>);

impl<'a, E: PublishedEvent> EventsByKey<'a, E> {
    fn of(events: impl Iterator<Item = &'a E>) -> Self {
        let mut by_key: HashMap<_, Vec<&E>> = HashMap::new();
        for event in events {
            by_key
                .entry(MarketEvent::key(event))
                .or_default()
                .push(event);
        }
        Self(by_key)
    }

    fn has(&self, event: &E) -> bool {
        let same_key = self.0.get(&MarketEvent::key(event));
        same_key.is_some_and(|events| events.iter().any(|other| other.has_content_of(event)))
    }
}
