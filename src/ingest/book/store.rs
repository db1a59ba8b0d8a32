//! A repository of order books as a store.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::RepositoryError;
use crate::ingest::record::BookRecord;
use crate::ingest::store::{
    RecordConflict, RecordStore, RejectedRecord, RepositoryRecord, StoreReceipt,
};
use crate::repository::{InsertReceipt, OrderBookRepository};

impl RepositoryRecord for BookRecord {
    type Repository = dyn OrderBookRepository;

    fn store(repository: Arc<dyn OrderBookRepository>) -> Arc<dyn RecordStore<Self>> {
        Arc::new(BookStore(repository))
    }
}

/// A repository of order books as a store.
///
/// Intervals are stored before the other records of a batch, and snapshots after its updates. So a reader
/// between these writes sees an earlier book, or none, but never updates that follow a gap.
#[derive(Debug)]
struct BookStore(Arc<dyn OrderBookRepository>);

#[async_trait]
impl RecordStore<BookRecord> for BookStore {
    async fn insert_batch(
        &self,
        records: &[BookRecord],
    ) -> Result<StoreReceipt<BookRecord>, RepositoryError> {
        let (mut intervals, mut updates, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            match record {
                BookRecord::Interval(interval) => intervals.push(*interval),
                BookRecord::Update(update) => updates.push(update.clone()),
                BookRecord::Snapshot(snapshot) => snapshots.push(snapshot.clone()),
            }
        }
        let mut receipt = StoreReceipt::inserted(0);
        add(&mut receipt, self.0.put_intervals(&intervals).await?);
        add(&mut receipt, self.0.insert_updates(&updates).await?);
        add(&mut receipt, self.0.insert_snapshots(&snapshots).await?);
        Ok(receipt)
    }
}

fn add<R: Into<BookRecord>>(all: &mut StoreReceipt<BookRecord>, part: InsertReceipt<R>) {
    all.inserted += part.inserted;
    all.duplicates += part.duplicates;
    let conflicts = part.conflicts.into_iter();
    all.conflicts.extend(
        conflicts
            .map(|conflict| RecordConflict::new(conflict.stored.into(), conflict.refused.into())),
    );
    let rejected = part.rejected.into_iter();
    all.rejected.extend(rejected.map(|rejected| RejectedRecord {
        record: rejected.row.into(),
        reason: rejected.reason,
    }));
}
