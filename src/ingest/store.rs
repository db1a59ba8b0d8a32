//! Stores: the destinations of a persister.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::record::{QuarantinableRecord, Record};
use crate::domain::{MarketEvent, Tick, Trade};
use crate::error::RepositoryError;
use crate::repository::{
    InsertReceipt, QuarantineRepository, Quarantined, TickRepository, TradeRepository,
    normalized_quarantine,
};

/// Stores records in batches.
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
    /// Stores records, all or none except for the ones that the receipt lists. Idempotent: records that are
    /// already stored are duplicates.
    ///
    /// # Errors
    /// Returns failures of the store, after which the call may be repeated. A single record that can never be
    /// stored is not a failure: the receipt lists it as rejected.
    async fn insert_batch(&self, records: &[R]) -> Result<StoreReceipt<R>, RepositoryError>;
}

/// The results of the records of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreReceipt<R> {
    /// The number of records that were inserted.
    pub inserted: u64,
    /// The number of records that were stored before, or repeat an earlier record of the batch.
    pub duplicates: u64,
    /// Records whose key is taken by other content; the stored content stays.
    pub conflicts: Vec<RecordConflict<R>>,
    /// Records that can never be stored.
    pub rejected: Vec<RejectedRecord<R>>,
}

impl<R> StoreReceipt<R> {
    /// Creates the receipt of a batch of which all `records` were inserted.
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

/// Two records with the same key and different content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordConflict<R> {
    /// The stored record.
    pub stored: R,
    /// The record that was given and not stored.
    pub refused: R,
}

impl<R> RecordConflict<R> {
    /// Creates a conflict.
    #[must_use]
    pub fn new(stored: R, refused: R) -> Self {
        Self { stored, refused }
    }
}

/// A record that can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedRecord<R> {
    /// The record, as it was given.
    pub record: R,
    /// The rule that it breaks.
    pub reason: String,
}

impl<R> RejectedRecord<R> {
    /// Creates a rejected record.
    #[must_use]
    pub fn new(record: R, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { record, reason }
    }
}

/// A record that a repository stores: a tick or a trade.
pub trait RepositoryRecord: Record {
    /// The repository.
    type Repository: ?Sized;

    /// The repository as a store.
    fn store(repository: Arc<Self::Repository>) -> Arc<dyn RecordStore<Self>>;
}

impl RepositoryRecord for Tick {
    type Repository = dyn TickRepository;

    fn store(repository: Arc<dyn TickRepository>) -> Arc<dyn RecordStore<Self>> {
        Arc::new(TickStore(repository))
    }
}

impl RepositoryRecord for Trade {
    type Repository = dyn TradeRepository;

    fn store(repository: Arc<dyn TradeRepository>) -> Arc<dyn RecordStore<Self>> {
        Arc::new(TradeStore(repository))
    }
}

/// A repository of ticks as a store.
#[derive(Debug)]
struct TickStore(Arc<dyn TickRepository>);

#[async_trait]
impl RecordStore<Tick> for TickStore {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<StoreReceipt<Tick>, RepositoryError> {
        self.0.insert_batch(ticks).await.map(StoreReceipt::from)
    }
}

/// A repository of trades as a store.
#[derive(Debug)]
struct TradeStore(Arc<dyn TradeRepository>);

#[async_trait]
impl RecordStore<Trade> for TradeStore {
    async fn insert_batch(&self, trades: &[Trade]) -> Result<StoreReceipt<Trade>, RepositoryError> {
        self.0.insert_batch(trades).await.map(StoreReceipt::from)
    }
}

impl<R: Record> From<InsertReceipt<R>> for StoreReceipt<R> {
    fn from(receipt: InsertReceipt<R>) -> Self {
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
                    record: rejected.row,
                    reason: rejected.reason,
                })
                .collect(),
        }
    }
}

/// A quarantine repository as a store. It rejects only the events that no quarantine can store.
#[derive(Debug)]
pub(super) struct QuarantineStore<E: MarketEvent>(pub(super) Arc<dyn QuarantineRepository<E>>);

#[async_trait]
impl<E: QuarantinableRecord> RecordStore<Quarantined<E>> for QuarantineStore<E> {
    async fn insert_batch(
        &self,
        events: &[Quarantined<E>],
    ) -> Result<StoreReceipt<Quarantined<E>>, RepositoryError> {
        let mut receipt = StoreReceipt::inserted(0);
        let mut valid = Vec::with_capacity(events.len());
        for event in events {
            match normalized_quarantine(std::slice::from_ref(event)) {
                Ok(normalized) => valid.extend(normalized),
                Err(error) => receipt.rejected.push(RejectedRecord {
                    record: event.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        receipt.inserted = self.0.put(&valid).await?;
        receipt.duplicates = (valid.len() as u64).saturating_sub(receipt.inserted);
        Ok(receipt)
    }
}
