//! Settings of the relay.

use std::time::Duration;

use tickbook::Backoff;
use tickbook::domain::PageLimit;

/// The settings of a [`Relay`](super::Relay).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tickbook_ledger::relay::RelayConfig;
///
/// let config = RelayConfig::default().poll_interval(Duration::from_millis(20));
/// assert_eq!(config.max_events, 5_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// The longest wait between two reads of an empty outbox; 50 ms by default.
    pub poll_interval: Duration,
    /// The largest number of entries of a round; 1,000 by default.
    pub max_entries: PageLimit,
    /// The largest number of events of one transaction; 5,000 by default. 0 counts as 1.
    pub max_events: u32,
    /// The delays after failures; from 100 ms to 10 s by default.
    pub backoff: Backoff,
    /// The time between two measurements of the backlog; 1 s by default.
    pub measure_interval: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        const MAX_ENTRIES: u32 = 1_000;
        Self {
            poll_interval: Duration::from_millis(50),
            max_entries: PageLimit::new(MAX_ENTRIES).unwrap_or_default(),
            max_events: 5_000,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
            measure_interval: Duration::from_secs(1),
        }
    }
}

impl RelayConfig {
    /// Sets the longest wait between two reads of an empty outbox.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Sets the largest number of entries of a round.
    #[must_use]
    pub fn max_entries(mut self, entries: PageLimit) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets the largest number of events of one transaction.
    #[must_use]
    pub fn max_events(mut self, events: u32) -> Self {
        self.max_events = events;
        self
    }

    /// Sets the delays after failures.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}
