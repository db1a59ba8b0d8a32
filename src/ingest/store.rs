//! Where records are written to.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::record::Record;
use crate::domain::Tick;
use crate::error::RepositoryError;
use crate::repository::{
    InsertReceipt, QuarantineRepository, QuarantinedTick, TickRepository, normalized_quarantine,
};

/// Takes records in batches.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use tickbook::RepositoryError;
/// use tickbook::domain::Tick;
/// use tickbook::ingest::{Persister, PersisterConfig, RecordStore, StoreReceipt};
///
/// /// Counts ticks and forgets them.
/// #[derive(Debug)]
/// struct Counting;
///
/// #[async_trait]
/// impl RecordStore<Tick> for Counting {
///     async fn insert_batch(&self, ticks: &[Tick]) -> Result<StoreReceipt<Tick>, RepositoryError> {
///         println!("{} ticks", ticks.len());
///         Ok(StoreReceipt::inserted(ticks.len() as u64))
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let persister = Persister::start_on(Arc::new(Counting), PersisterConfig::default());
/// persister.flush().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait RecordStore<R: Record>: Debug + Send + Sync + 'static {
    /// Stores records, all or none but for those that the receipt names. Idempotent: records that
    /// are stored already are duplicates.
    ///
    /// # Errors
    /// Failures of the store, after which the call may be repeated. One record that can never be
    /// stored is no failure: the receipt says that it was rejected.
    async fn insert_batch(&self, records: &[R]) -> Result<StoreReceipt<R>, RepositoryError>;
}

/// What became of each record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreReceipt<R> {
    /// Records that are stored now and were not before.
    pub inserted: u64,
    /// Records that were stored already, before or by an earlier record of the batch.
    pub duplicates: u64,
    /// Records whose key is taken by other content; what was stored stays.
    pub conflicts: Vec<RecordConflict<R>>,
    /// Records that can never be stored.
    pub rejected: Vec<RejectedRecord<R>>,
}

impl<R> StoreReceipt<R> {
    /// So many records are stored, and no other came.
    #[must_use]
    pub fn inserted(records: u64) -> Self {
        Self {
            inserted: records,
            duplicates: 0,
            conflicts: Vec::new(),
            rejected: Vec::new(),
        }
    }
}

/// Two records of one key and different content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordConflict<R> {
    /// What is stored.
    pub stored: R,
    /// What came, and was not stored.
    pub refused: R,
}

impl<R> RecordConflict<R> {
    /// `refused` has the key of `stored`.
    #[must_use]
    pub fn new(stored: R, refused: R) -> Self {
        Self { stored, refused }
    }
}

/// A record that can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedRecord<R> {
    /// The record, as it came.
    pub record: R,
    /// Which rule it breaks.
    pub reason: String,
}

impl<R> RejectedRecord<R> {
    /// A record that `reason` keeps out.
    #[must_use]
    pub fn new(record: R, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { record, reason }
    }
}

/// A repository of ticks as a store.
#[derive(Debug)]
pub(super) struct TickStore(pub(super) Arc<dyn TickRepository>);

#[async_trait]
impl RecordStore<Tick> for TickStore {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<StoreReceipt<Tick>, RepositoryError> {
        self.0.insert_batch(ticks).await.map(StoreReceipt::from)
    }
}

impl From<InsertReceipt> for StoreReceipt<Tick> {
    fn from(receipt: InsertReceipt) -> Self {
        let conflicts = receipt.conflicts.into_iter();
        let rejected = receipt.rejected.into_iter();
        Self {
            inserted: receipt.inserted,
            duplicates: receipt.duplicates,
            conflicts: conflicts
                .map(|conflict| RecordConflict {
                    stored: conflict.stored,
                    refused: conflict.refused,
                })
                .collect(),
            rejected: rejected
                .map(|rejected| RejectedRecord {
                    record: rejected.tick,
                    reason: rejected.reason,
                })
                .collect(),
        }
    }
}

/// A quarantine as a store. A tick that no quarantine can keep is rejected alone.
#[derive(Debug)]
pub(super) struct QuarantineStore(pub(super) Arc<dyn QuarantineRepository>);

#[async_trait]
impl RecordStore<QuarantinedTick> for QuarantineStore {
    async fn insert_batch(
        &self,
        ticks: &[QuarantinedTick],
    ) -> Result<StoreReceipt<QuarantinedTick>, RepositoryError> {
        let mut receipt = StoreReceipt::inserted(0);
        let mut valid = Vec::with_capacity(ticks.len());
        for tick in ticks {
            match normalized_quarantine(std::slice::from_ref(tick)) {
                Ok(normalized) => valid.extend(normalized),
                Err(error) => receipt.rejected.push(RejectedRecord {
                    record: tick.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        receipt.inserted = self.0.put(&valid).await?;
        receipt.duplicates = (valid.len() as u64).saturating_sub(receipt.inserted);
        Ok(receipt)
    }
}
