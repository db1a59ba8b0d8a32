//! Releases quarantined ticks into the store.

use crate::error::RepositoryError;
use crate::repository::{
    InsertReceipt, QuarantineEntry, QuarantineId, QuarantineRepository, QuarantineState,
    Resolution, TickRepository,
};

/// The result of releasing quarantined ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReleaseReceipt {
    /// The number of ticks that this call released.
    pub released: u64,
    /// The receipt of the store. Ticks in conflict and rejected ticks stay pending.
    pub stored: InsertReceipt,
}

/// Stores the pending ticks among `ids`, and marks them as released.
///
/// Idempotent: an interrupted call may be repeated and stores nothing twice. A tick that cannot be
/// stored, since its key is taken or it is rejected, stays pending and does not block others.
///
/// # Errors
/// Returns errors of both repositories. Some of the ticks may have been stored by then.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{DateTime, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{Rule, SymbolId, Tick, Verdict};
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
/// assert_eq!(release(&*quarantine, &*ticks, &ids).await?.released, 1);
/// # Ok(())
/// # }
/// ```
pub async fn release(
    quarantine: &dyn QuarantineRepository,
    ticks: &dyn TickRepository,
    ids: &[QuarantineId],
) -> Result<ReleaseReceipt, RepositoryError> {
    let entries = quarantine.get(ids).await?;
    let pending: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry.state == QuarantineState::Pending)
        .collect();
    let batch: Vec<_> = pending
        .iter()
        .map(|entry| entry.item.tick.clone())
        .collect();
    let stored = ticks.insert_batch(&batch).await?;
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

fn is_stored(entry: &QuarantineEntry, receipt: &InsertReceipt) -> bool {
    let tick = &entry.item.tick;
    let is_same =
        |other: &crate::domain::Tick| other.key() == tick.key() && other.has_content_of(tick);
    let refused = receipt.conflicts.iter().map(|conflict| &conflict.refused);
    let rejected = receipt.rejected.iter().map(|rejected| &rejected.row);
    !refused.chain(rejected).any(is_same)
}
