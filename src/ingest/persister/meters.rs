//! What the persister counts, under names that do not depend on who records them.

use metrics::{Counter, Gauge, counter, gauge};

use crate::error::RepositoryError;

/// Kept, since looking one up costs more than counting.
#[derive(Clone)]
pub(super) struct Meters {
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) rejected: Counter,
    pub(super) conflicts: Counter,
    pub(super) dead_letters: Counter,
    /// Those that the disk had no place for.
    pub(super) dead_letters_in_log: Counter,
    pub(super) waiting_ticks: Gauge,
    pub(super) waiting_bytes: Gauge,
    pub(super) oldest_age: Gauge,
}

impl Meters {
    pub(super) fn new() -> Self {
        let discarded = "tick_buffer_discarded_events_total";
        Self {
            received: counter!("tick_buffer_received_events_total"),
            sent: counter!("tick_buffer_sent_events_total"),
            rejected: counter!(discarded, "reason" => "rejected"),
            conflicts: counter!(discarded, "reason" => "conflict"),
            dead_letters: counter!("tick_dead_letter_total"),
            dead_letters_in_log: counter!("tick_dead_letter_in_log_only_total"),
            waiting_ticks: gauge!("tick_buffer_size_events"),
            waiting_bytes: gauge!("tick_buffer_size_bytes"),
            oldest_age: gauge!("tick_buffer_oldest_age_seconds"),
        }
    }
}

/// Counts a failed write.
pub(super) fn count_retry(error: &RepositoryError) {
    counter!("tick_retry_total", "class" => error.kind().as_str()).increment(1);
}
