//! Handles the results of writes.

use super::StoreWriter;
use crate::error::RepositoryError;
use crate::ingest::persister::failures::Failure;
use crate::ingest::persister::meters;
use crate::ingest::record::Record;
use crate::ingest::spool::Spool;
use crate::ingest::store::StoreReceipt;

impl<R: Record> StoreWriter<R> {
    pub(super) async fn record(&mut self, receipt: StoreReceipt<R>, number: u64, count: usize) {
        while self
            .in_hand
            .front()
            .is_some_and(|batch| batch.number <= number)
        {
            self.in_hand.pop_front();
        }
        self.max_records = {
            let state = self.shared.lock();
            (self.max_records * 2).min(state.config.drain_batch_size)
        };
        if std::mem::take(&mut self.is_failing) {
            tracing::info!(count, "{} are stored again", R::NAMES);
        }
        log_losses(&receipt);
        let (conflicts, rejected) = (
            receipt.conflicts.len() as u64,
            receipt.rejected.len() as u64,
        );
        {
            let mut state = self.shared.lock();
            state.stats.inserted += receipt.inserted;
            state.stats.duplicates += receipt.duplicates;
            state.stats.conflicts += conflicts;
            state.stats.rejected += rejected;
            state.stats.queued -= count as u64;
            state.failure = None;
            state.in_hand_since = self.in_hand.front().map(|batch| batch.at);
        }
        let meters = &self.shared.meters;
        meters.sent.increment(receipt.inserted + receipt.duplicates);
        meters.conflicts.increment(conflicts);
        meters.rejected.increment(rejected);
        // fewer than 2^32 records fit into a batch
        meters.batch.record(count as f64);
        if let Some(spool) = self.shared.spool.clone() {
            self.remove_stored(&spool, receipt, number).await;
        }
        self.shared.advance_committed(number);
        self.measure();
    }

    pub(super) fn record_failure(&mut self, error: &RepositoryError, count: usize) {
        meters::count_retry::<R>(error);
        self.is_failing = true;
        if matches!(error, RepositoryError::Timeout { .. }) {
            self.max_records = (count / 2).max(1);
        }
        let needs_repair = !error.is_transient();
        {
            let mut state = self.shared.lock();
            state.stats.retries += 1;
            let before = state.failure.as_ref().map(|failure| failure.since);
            let since = before.unwrap_or_else(|| state.clock.now());
            state.failure = Some(Failure {
                since,
                reason: error.with_causes().to_string(),
                needs_repair,
            });
            if self.shared.spool.is_some() && !state.spooling {
                state.spooling = true;
                state.unspooled.extend(self.in_hand.iter().cloned());
                self.shared.to_spooler.notify_one();
            }
        }
        self.measure();
        let first = self.in_hand.front().and_then(|batch| batch.records.first());
        let first = first.map(R::key);
        let error = error.with_causes();
        if needs_repair {
            tracing::error!(count, ?first, %error, "{} are not stored until this is repaired", R::NAMES);
        } else {
            tracing::warn!(count, ?first, %error, "{} are not stored yet: retrying", R::NAMES);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn measure(&mut self) {
        let content = self
            .shared
            .spool
            .as_ref()
            .map(Spool::content)
            .unwrap_or_default();
        let meters = &self.shared.meters;
        let state = self.shared.lock();
        let received = std::mem::replace(&mut self.reported_received, state.stats.received);
        meters.received.increment(state.stats.received - received);
        meters.waiting.set(state.stats.queued as f64);
        meters.waiting_bytes.set(content.bytes as f64);
        meters
            .oldest_age
            .set(state.oldest_age(content.oldest).as_secs_f64());
    }
}

fn log_losses<R: Record>(receipt: &StoreReceipt<R>) {
    if let Some(first) = receipt.conflicts.first() {
        tracing::warn!(
            conflicts = receipt.conflicts.len(),
            first = ?first.refused.key(),
            "{} were refused because others of their keys are stored",
            R::NAMES
        );
    }
    if let Some(first) = receipt.rejected.first() {
        tracing::warn!(
            rejected = receipt.rejected.len(),
            first = ?first.record.key(),
            reason = first.reason,
            "{} were rejected because they can never be stored",
            R::NAMES
        );
    }
}
