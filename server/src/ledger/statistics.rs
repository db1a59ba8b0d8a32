//! Counts appended events for `/metrics` and `/health/ready`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, histogram};
use tickbook::{Clock, RepositoryError};
use tickbook_ledger::domain::OrderEvent;
use tickbook_ledger::repository::AppendReceipt;

use crate::metrics::{
    LEDGER_APPEND_DURATION, LEDGER_APPENDED, LEDGER_CONFLICTS, LEDGER_DUPLICATES, LEDGER_OVERFILLS,
    LEDGER_QUARANTINED,
};

/// The `outcome` of an append that succeeded.
const OK: &str = "ok";

/// The results of appends since the start of the server. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct AppendStatistics {
    counts: Arc<Counts>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Counts {
    appended: AtomicU64,
    failures: AtomicU64,
    /// In microseconds since 1970; 0 without a failure.
    last_failure: AtomicI64,
}

impl AppendStatistics {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            counts: Arc::default(),
            clock,
        }
    }

    /// The number of events that were appended.
    pub(crate) fn appended(&self) -> u64 {
        self.counts.appended.load(Ordering::Relaxed)
    }

    /// The number of appends that failed for another reason than their input, and the time of the last one.
    pub(crate) fn failures(&self) -> (u64, Option<DateTime<Utc>>) {
        let last = self.counts.last_failure.load(Ordering::Relaxed);
        let last = DateTime::from_timestamp_micros(last).filter(|_| last != 0);
        (self.counts.failures.load(Ordering::Relaxed), last)
    }

    /// Counts an append and its result.
    pub(crate) fn count(
        &self,
        events: &[OrderEvent],
        appended: &Result<AppendReceipt, RepositoryError>,
        elapsed: Duration,
    ) {
        let outcome = match appended {
            Ok(receipt) => {
                self.count_receipt(events, receipt);
                OK
            }
            Err(error) => {
                self.count_error(error);
                error.kind().as_str()
            }
        };
        histogram!(LEDGER_APPEND_DURATION, "outcome" => outcome).record(elapsed.as_secs_f64());
    }

    fn count_receipt(&self, events: &[OrderEvent], receipt: &AppendReceipt) {
        let appended = receipt.appended.len() as u64;
        self.counts.appended.fetch_add(appended, Ordering::Relaxed);
        let of_kind = |name: &'static str, index: usize| {
            if let Some(event) = events.get(index) {
                counter!(name, "kind" => event.kind.as_str()).increment(1);
            }
        };
        for appended in &receipt.appended {
            of_kind(LEDGER_APPENDED, appended.index);
        }
        for duplicate in &receipt.duplicates {
            of_kind(LEDGER_DUPLICATES, duplicate.index);
        }
        for conflict in &receipt.conflicts {
            of_kind(LEDGER_CONFLICTS, conflict.index);
        }
        for refused in &receipt.quarantined {
            counter!(LEDGER_QUARANTINED, "reason" => refused.reason.as_str()).increment(1);
        }
        counter!(LEDGER_OVERFILLS).increment(receipt.overfills.len() as u64);
    }

    fn count_error(&self, error: &RepositoryError) {
        if matches!(
            error,
            RepositoryError::InvalidInput { .. } | RepositoryError::NotFound { .. }
        ) {
            return;
        }
        self.counts.failures.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now().timestamp_micros();
        self.counts.last_failure.store(now, Ordering::Relaxed);
    }
}
