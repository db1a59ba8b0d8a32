//! Stores posted ticks and publishes the newly inserted ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tickbook::RepositoryError;
use tickbook::domain::{Tick, TickKey};
use tickbook::ingest::fanout::FanOut;
use tickbook::repository::InsertReceipt;

use crate::app::AppState;

/// Stores ticks and publishes the newly inserted ones. Once started, the work continues even if the
/// caller is cancelled, so that no stored tick remains unpublished. `kept` holds permits and memory of
/// the caller and is dropped when the work ends.
///
/// # Errors
/// The errors of the repository. If the ticks may have been stored nevertheless, a gap is announced.
pub(crate) async fn store_and_publish(
    app: &AppState,
    ticks: Arc<Vec<Tick>>,
    kept: impl Send + 'static,
) -> Result<InsertReceipt, RepositoryError> {
    let (repository, fan_out) = (app.repositories.ticks.clone(), app.fan_out.clone());
    let storing = tokio::spawn(async move {
        let stored = repository.insert_batch(&ticks).await;
        match &stored {
            Ok(receipt) => publish_inserted(&fan_out, &ticks, receipt).await,
            // if they are sent again they count as duplicates, which are not published
            Err(error) if !error.is_certainly_not_applied() => {
                fan_out.announce_missed(&ticks).await;
            }
            Err(_) => {}
        }
        drop((ticks, kept));
        stored
    });
    storing.await.unwrap_or_else(|error| {
        Err(RepositoryError::Internal {
            operation: "insert_batch",
            reason: error.to_string(),
        })
    })
}

/// Publishes the ticks that the write of `receipt` has inserted. If they cannot be distinguished from
/// duplicates, which the receipt only counts, announces a gap instead.
async fn publish_inserted(fan_out: &FanOut, ticks: &[Tick], receipt: &InsertReceipt) {
    if receipt.inserted == 0 {
        return;
    }
    let conflicts = TicksByKey::of(receipt.conflicts.iter().map(|conflict| &conflict.refused));
    let rejected = TicksByKey::of(receipt.rejected.iter().map(|rejected| &rejected.row));
    let mut seen = HashSet::new();
    // of several sequenced ticks of one key, only the first that was not rejected can be stored
    let news: Vec<Tick> = ticks
        .iter()
        .filter(|tick| {
            !rejected.has(tick) && (tick.occurrence.is_some() || seen.insert(tick.key()))
        })
        .filter(|tick| !conflicts.has(tick))
        .cloned()
        .collect();
    if news.len() as u64 == receipt.inserted {
        // it fails only when the server stops; clients read the ticks when they reconnect
        let _ = fan_out.publish_stored(&news).await;
    } else {
        fan_out.announce_missed(&news).await;
    }
}

/// Ticks that were not stored, indexed by key.
struct TicksByKey<'a>(HashMap<TickKey, Vec<&'a Tick>>);

impl<'a> TicksByKey<'a> {
    fn of(ticks: impl Iterator<Item = &'a Tick>) -> Self {
        let mut by_key: HashMap<TickKey, Vec<&Tick>> = HashMap::new();
        for tick in ticks {
            by_key.entry(tick.key()).or_default().push(tick);
        }
        Self(by_key)
    }

    fn has(&self, tick: &Tick) -> bool {
        let same_key = self.0.get(&tick.key());
        same_key.is_some_and(|ticks| ticks.iter().any(|other| other.has_content_of(tick)))
    }
}
