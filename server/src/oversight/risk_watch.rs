//! Applies the rules of risk to appended events and to feeds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use tickbook::Clock;
use tickbook_ledger::domain::{AccountId, NewRiskEvent};
use tickbook_ledger::repository::{AppendReceipt, OversightRepository};
use tickbook_ledger::risk::{RiskLimits, RiskMonitor};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::feed::Venues;
use crate::ledger::own_scope;
use crate::metrics::{RISK_EVENT_FAILURES, RISK_EVENTS};

/// Interval of the checks of feeds.
const INTERVAL: Duration = Duration::from_secs(1);

/// Raises risk events. Clones share the state of the rules.
#[derive(Debug, Clone)]
pub(crate) struct RiskWatch {
    repository: Arc<dyn OversightRepository>,
    monitor: Arc<Mutex<RiskMonitor>>,
    clock: Clock,
}

impl RiskWatch {
    pub(super) fn new(
        repository: Arc<dyn OversightRepository>,
        limits: RiskLimits,
        clock: Clock,
    ) -> Self {
        Self {
            repository,
            monitor: Arc::new(Mutex::new(RiskMonitor::new(limits))),
            clock,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut RiskMonitor) -> T) -> T {
        work(&mut self.monitor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Raises the events of an append. They are recorded after the call has returned.
    pub(crate) fn appended(&self, account_id: AccountId, receipt: &AppendReceipt) {
        let now = self.clock.now();
        self.record(self.with(|monitor| monitor.appended(account_id, receipt, now)));
    }

    fn record(&self, events: Vec<NewRiskEvent>) {
        if events.is_empty() {
            return;
        }
        let repository = Arc::clone(&self.repository);
        tokio::spawn(async move {
            for event in events {
                let (kind, observed, threshold) = (event.kind, event.observed, event.threshold);
                let text = format!("{:?}", event.details);
                match repository.raise_risk(&own_scope(), event).await {
                    Ok(raised) => {
                        counter!(RISK_EVENTS).increment(1);
                        let id = raised.risk_event_id;
                        tracing::warn!(%id, %kind, %observed, %threshold, "raised a risk event");
                    }
                    Err(error) => {
                        counter!(RISK_EVENT_FAILURES).increment(1);
                        let error = error.with_causes();
                        tracing::error!(%error, %kind, %observed, %threshold, details = %text, "a risk event is not recorded");
                    }
                }
            }
        });
    }

    fn check_feeds(&self, venues: &Venues) {
        let now = self.clock.now();
        let mut events = Vec::new();
        for (feed, venue) in venues.iter() {
            if let Some(last) = venue.state().last_message_at {
                events.extend(self.with(|monitor| monitor.feed(feed, last, now)));
            }
        }
        self.record(events);
    }
}

/// Raises an event for each feed that delivers nothing, until `stop`.
pub(crate) fn watch_feeds(risks: RiskWatch, venues: Venues, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut timer = interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            risks.check_feeds(&venues);
        }
    });
}
