//! Releases quarantined ticks or trades into the store.

use crate::domain::MarketEvent;
use crate::error::RepositoryError;
use crate::ingest::record::QuarantinableRecord;
use crate::ingest::store::{RecordStore, StoreReceipt};
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineRepository, QuarantineState, Resolution,
};

/// The result of releasing quarantined ticks or trades.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseReceipt<E> {
    /// The number of events that this call released.
    pub released: u64,
    /// The receipt of the store. Events in conflict and rejected events stay pending.
    pub stored: StoreReceipt<E>,
}

/// Stores the pending events among `ids`, and marks them as released.
///
/// Idempotent: an interrupted call may be repeated and stores nothing twice. An event that cannot be
/// stored, since its key is taken or it is rejected, stays pending and does not block others.
///
/// # Errors
/// Returns errors of the repository and of the store. Some of the events may have been stored by then.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{DateTime, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{Rule, SymbolId, Tick, Verdict};
/// use tickbook::ingest::RepositoryRecord as _;
/// use tickbook::ingest::quality::release;
/// use tickbook::repository::{QuarantineQuery, QuarantinedTick};
///
/// let Repositories { ticks, quarantine, .. } = Repositories::in_memory();
/// let time: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
/// let tick = Tick::quote(SymbolId::new(7), time, 2.into(), 1.into());
/// let verdict = Verdict::new(Rule::Crossed, 1.into(), 0.into());
/// quarantine.put(&[QuarantinedTick::new(tick, verdict, time)]).await?;
/// let pending = quarantine.list(&QuarantineQuery::default()).await?;
/// let ids: Vec<_> = pending.items.iter().map(|entry| entry.id).collect();
/// assert_eq!(release(&*quarantine, &*Tick::store(ticks), &ids).await?.released, 1);
/// # Ok(())
/// # }
/// ```
pub async fn release<E: QuarantinableRecord>(
    quarantine: &dyn QuarantineRepository<E>,
    store: &dyn RecordStore<E>,
    ids: &[QuarantineId],
) -> Result<ReleaseReceipt<E>, RepositoryError> {
    let entries = quarantine.get(ids).await?;
    let pending: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry.state == QuarantineState::Pending)
        .collect();
    let batch: Vec<_> = pending
        .iter()
        .map(|entry| entry.item.event.clone())
        .collect();
    let stored = store.insert_batch(&batch).await?;
    let stored_ids: Vec<_> = pending
        .iter()
        .filter(|entry| is_stored(entry, &stored))
        .map(|entry| entry.id)
        .collect();
    let decided = quarantine.resolve(&stored_ids, Resolution::Released);
    Ok(ReleaseReceipt {
        released: decided.await?,
        stored,
    })
}

fn is_stored<E: QuarantinableRecord>(
    entry: &QuarantineEntry<E>,
    receipt: &StoreReceipt<E>,
) -> bool {
    let event = &entry.item.event;
    let key = MarketEvent::key(event);
    let is_same = |other: &E| MarketEvent::key(other) == key && other.has_content_of(event);
    let refused = receipt.conflicts.iter().map(|conflict| &conflict.refused);
    let rejected = receipt.rejected.iter().map(|rejected| &rejected.record);
    !refused.chain(rejected).any(is_same)
}
