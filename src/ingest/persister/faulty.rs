//! A repository with injected failures, for the tests of the persister.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::domain::TickKey;
use crate::double::{Double, TickCalls};
use crate::error::{Database, RepositoryError};
use crate::memory::InMemoryTickRepository;
use crate::repository::{InsertReceipt, TickRepository};

/// The injected result of a write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Unavailable,
    /// Not transient.
    Schema,
    /// The ticks are stored, but the response is lost.
    AnswerLost,
    Panic,
    /// No response ever arrives.
    Hang,
}

/// An attempted write.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) at: Instant,
    pub(super) ticks: Vec<TickKey>,
}

pub(super) type FaultyRepository = Double<Faulty>;

#[derive(Debug, Default)]
pub(crate) struct Faulty {
    pub(super) stored: InMemoryTickRepository,
    attempts: Mutex<Vec<Attempt>>,
    next_faults: Mutex<VecDeque<Fault>>,
    lasting_fault: Mutex<Option<Fault>>,
}

impl Faulty {
    /// Fails in these ways one after the other, then works.
    pub(super) fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.next_faults.lock().expect("whole").extend(faults);
    }

    /// Fails in this way until changed.
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
impl TickCalls for Faulty {
    fn ticks_behind(&self) -> &dyn TickRepository {
        &self.stored
    }

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
                reason: "the table ticks does not exist: run the migrations".to_owned(),
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
}
