//! Metrics of the persister, under names that do not depend on the metrics recorder.

use metrics::{Counter, Gauge, counter, gauge};

use crate::error::RepositoryError;
use crate::ingest::record::Record;

/// Counters, cached since a lookup costs more than an increment.
#[derive(Clone)]
pub(super) struct Meters {
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) rejected: Counter,
    pub(super) conflicts: Counter,
    pub(super) dead_letters: Counter,
    /// Dead letters for which the disk had no space.
    pub(super) dead_letters_in_log: Counter,
    pub(super) waiting: Gauge,
    pub(super) waiting_bytes: Gauge,
    pub(super) oldest_age: Gauge,
}

impl Meters {
    pub(super) fn new<R: Record>() -> Self {
        let named = |name: &str| format!("{}_{name}", R::METRICS);
        let discarded = named("buffer_discarded_events_total");
        Self {
            received: counter!(named("buffer_received_events_total")),
            sent: counter!(named("buffer_sent_events_total")),
            rejected: counter!(discarded.clone(), "reason" => "rejected"),
            conflicts: counter!(discarded, "reason" => "conflict"),
            dead_letters: counter!(named("dead_letter_total")),
            dead_letters_in_log: counter!(named("dead_letter_in_log_only_total")),
            waiting: gauge!(R::waiting_gauge()),
            waiting_bytes: gauge!(named("buffer_size_bytes")),
            oldest_age: gauge!(named("buffer_oldest_age_seconds")),
        }
    }
}

/// Counts a failed write.
pub(super) fn count_retry<R: Record>(error: &RepositoryError) {
    let name = format!("{}_retry_total", R::METRICS);
    counter!(name, "class" => error.kind().as_str()).increment(1);
}
