//! A repository that fails when told to, for the tests of the persister.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::*;
use crate::domain::{Page, SymbolId, TickCursor, TickKey, TimeRange};
use crate::error::{Database, RepositoryError};
use crate::memory::InMemoryTickRepository;
use crate::repository::{DeletedTicks, InsertReceipt, TickQuery};

/// What becomes of a write instead of success.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Unavailable,
    /// Not transient.
    Schema,
    /// The ticks are stored, but the answer is lost.
    AnswerLost,
    Panic,
    /// No answer ever comes.
    Hang,
}

/// A write that was tried.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) at: Instant,
    pub(super) ticks: Vec<TickKey>,
}

#[derive(Debug, Default)]
pub(super) struct FaultyRepository {
    pub(super) stored: InMemoryTickRepository,
    attempts: Mutex<Vec<Attempt>>,
    next_faults: Mutex<VecDeque<Fault>>,
    lasting_fault: Mutex<Option<Fault>>,
}

impl FaultyRepository {
    /// Fails in these ways one after the other, then works.
    pub(super) fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.next_faults.lock().expect("whole").extend(faults);
    }

    /// Fails until told otherwise.
    pub(super) fn set_down(&self, fault: Option<Fault>) {
        *self.lasting_fault.lock().expect("whole") = fault;
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().expect("whole").clone()
    }

    /// The keys of the ticks of each write.
    pub(super) fn batches(&self) -> Vec<Vec<TickKey>> {
        let attempts = self.attempts().into_iter();
        attempts.map(|attempt| attempt.ticks).collect()
    }

    fn next_fault(&self) -> Option<Fault> {
        let next = self.next_faults.lock().expect("whole").pop_front();
        next.or(*self.lasting_fault.lock().expect("whole"))
    }
}

#[async_trait]
impl TickRepository for FaultyRepository {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        self.attempts.lock().expect("whole").push(Attempt {
            at: Instant::now(),
            ticks: ticks.iter().map(Tick::key).collect(),
        });
        let database = Database::Timeseries;
        match self.next_fault() {
            None => self.stored.insert_batch(ticks).await,
            Some(Fault::Unavailable) => Err(RepositoryError::Unavailable {
                database,
                reason: "connection refused".to_owned(),
            }),
            Some(Fault::Schema) => Err(RepositoryError::Schema {
                database,
                reason: "there is no table ticks: run the migrations".to_owned(),
            }),
            Some(Fault::AnswerLost) => {
                self.stored.insert_batch(ticks).await?;
                Err(RepositoryError::Ambiguous {
                    database,
                    operation: "insert_batch",
                    source: "connection reset".into(),
                })
            }
            Some(Fault::Panic) => panic!("told to"),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        self.stored.range(query).await
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        self.stored.latest(symbol_id).await
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        self.stored.latest_of(symbol_ids).await
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        self.stored.as_of(symbol_id, at).await
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.stored.count(symbol_id, range).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.stored.delete_range(symbol_id, range).await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.stored.deletable(symbol_id, range).await
    }
}
