//! Latencies of orders.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::order_event::OrderEventKind;
use crate::domain::outcome::RecordedEvent;

/// When an order was decided, sent, acknowledged, executed and closed.
///
/// The time of an event is its time at the venue, or the time of its booking if it has none. So a latency is often the
/// difference of two clocks, and may be negative. It is not corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OrderLatency {
    /// The time of the first `created` event.
    pub created_at: Option<DateTime<Utc>>,
    /// The time of the first `submitted` event.
    pub submitted_at: Option<DateTime<Utc>>,
    /// The time of the first `acknowledged` event.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// The earliest time of a fill.
    pub first_fill_at: Option<DateTime<Utc>>,
    /// The latest time of a fill.
    pub last_fill_at: Option<DateTime<Utc>>,
}

impl OrderLatency {
    /// Adds an event of the order. Events are added in the order of the journal.
    pub fn add(&mut self, recorded: &RecordedEvent) {
        let time = recorded.event.venue_time.unwrap_or(recorded.recorded_at);
        match &recorded.event.kind {
            OrderEventKind::Created(_) => _ = self.created_at.get_or_insert(time),
            OrderEventKind::Submitted => _ = self.submitted_at.get_or_insert(time),
            OrderEventKind::Acknowledged(_) => _ = self.acknowledged_at.get_or_insert(time),
            OrderEventKind::Filled(_) => {
                self.first_fill_at = Some(self.first_fill_at.map_or(time, |it| it.min(time)));
                self.last_fill_at = self.last_fill_at.max(Some(time));
            }
            _ => {}
        }
    }

    /// The times of an order, from its events.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a RecordedEvent>) -> Self {
        let mut times = Self::default();
        for event in events {
            times.add(event);
        }
        times
    }

    /// From sending to the acknowledgement.
    #[must_use]
    pub fn acknowledgement(&self) -> Option<TimeDelta> {
        Some(self.acknowledged_at? - self.submitted_at?)
    }

    /// From sending to the first fill.
    #[must_use]
    pub fn first_fill(&self) -> Option<TimeDelta> {
        Some(self.first_fill_at? - self.submitted_at?)
    }

    /// From the decision to the last fill.
    #[must_use]
    pub fn total(&self) -> Option<TimeDelta> {
        Some(self.last_fill_at? - self.created_at?)
    }
}

/// The latencies of several orders; `None` where no order has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OrderLatencies {
    /// See [`OrderLatency::acknowledgement`].
    pub acknowledgement: Option<LatencySummary>,
    /// See [`OrderLatency::first_fill`].
    pub first_fill: Option<LatencySummary>,
    /// See [`OrderLatency::total`].
    pub total: Option<LatencySummary>,
}

impl OrderLatencies {
    /// The summaries of the latencies of orders.
    #[must_use]
    pub fn of(orders: &[OrderLatency]) -> Self {
        let summary = |latency: fn(&OrderLatency) -> Option<TimeDelta>| {
            LatencySummary::of(orders.iter().filter_map(latency))
        };
        Self {
            acknowledgement: summary(OrderLatency::acknowledgement),
            first_fill: summary(OrderLatency::first_fill),
            total: summary(OrderLatency::total),
        }
    }
}

/// The smallest, median and largest of several latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatencySummary {
    /// The number of latencies.
    pub count: u64,
    /// The smallest; negative if the clocks differ.
    pub min: TimeDelta,
    /// The median; of an even number the lower of the two in the middle.
    pub median: TimeDelta,
    /// The largest.
    pub max: TimeDelta,
}

impl LatencySummary {
    /// The summary of latencies; `None` without any.
    #[must_use]
    pub fn of(latencies: impl IntoIterator<Item = TimeDelta>) -> Option<Self> {
        let mut sorted: Vec<_> = latencies.into_iter().collect();
        sorted.sort_unstable();
        Some(Self {
            count: sorted.len() as u64,
            min: *sorted.first()?,
            median: sorted[(sorted.len() - 1) / 2],
            max: *sorted.last()?,
        })
    }
}
