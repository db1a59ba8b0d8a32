//! Metrics of the persister, under names that do not depend on the metrics recorder.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::error::RepositoryError;
use crate::ingest::record::Record;
use crate::metrics::Family;
use crate::metrics::ingest::PersisterNames;

/// The meters of a persister, cached since a lookup costs more than an increment.
#[derive(Clone)]
pub(super) struct PersisterMeters {
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) rejected: Counter,
    pub(super) conflicts: Counter,
    pub(super) dead_letters: Counter,
    /// Dead letters for which the disk had no space.
    pub(super) dead_letters_in_log: Counter,
    /// The records of each successful write.
    pub(super) batch: Histogram,
    pub(super) waiting: Gauge,
    pub(super) waiting_bytes: Gauge,
    pub(super) oldest_age: Gauge,
}

impl PersisterMeters {
    pub(super) fn new<R: Record>() -> Self {
        let names = names::<R>();
        let meters = Self {
            received: counter!(names.received.clone()),
            sent: counter!(names.sent.clone()),
            rejected: counter!(names.discarded.clone(), "reason" => "rejected"),
            conflicts: counter!(names.discarded.clone(), "reason" => "conflict"),
            dead_letters: counter!(names.dead_letters.clone()),
            dead_letters_in_log: counter!(names.dead_letters_in_log.clone()),
            batch: histogram!(names.batch.clone()),
            waiting: gauge!(names.waiting.clone()),
            waiting_bytes: gauge!(names.waiting_bytes.clone()),
            oldest_age: gauge!(names.oldest_age.clone()),
        };
        names.families(R::NAMES).iter().for_each(Family::describe);
        meters
    }
}

fn names<R: Record>() -> PersisterNames {
    PersisterNames::new(R::METRICS, R::waiting_gauge())
}

/// Counts a failed write.
pub(super) fn count_retry<R: Record>(error: &RepositoryError) {
    counter!(names::<R>().retries, "class" => error.kind().as_str()).increment(1);
}
