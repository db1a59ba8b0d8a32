//! The state of a driver's connection.

use std::collections::{BTreeSet, VecDeque};

use tokio::time::Instant;

use super::driver::{Action, Sink};
use super::event::{ConnectionEnd, EndReason, TransportEvent};
use super::rate::RateLimiter;
use super::renewal::Renewal;
use super::settings::TransportSettings;
use super::sync::Synchronization;
use crate::event::{FeedEvent, Request};
use crate::venue::{Limits, Venue};

/// A message that waits until it may be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) text: String,
    /// The symbol whose book it requests.
    pub(super) symbol: Option<String>,
}

/// The state of a driver's connection.
#[derive(Debug)]
pub(super) struct DriverState {
    pub(super) settings: TransportSettings,
    pub(super) limits: Limits,
    pub(super) sync: Synchronization,
    /// Limits the messages of this connection.
    pub(super) messages: RateLimiter,
    pub(super) requests: RateLimiter,
    pub(super) outgoing: VecDeque<Outgoing>,
    /// Symbols whose snapshots wait until they may be requested.
    pub(super) snapshots: VecDeque<String>,
    /// Symbols whose snapshots are being fetched.
    pub(super) in_flight: BTreeSet<String>,
    pub(super) opened_at: Instant,
    pub(super) received_at: Instant,
    pub(super) pinged_at: Instant,
    /// Whether a message arrived after the last one that was sent.
    pub(super) is_answered: bool,
    pub(super) end: Option<ConnectionEnd>,
    pub(super) renewal: Renewal,
}

impl DriverState {
    /// The state before the first connection.
    pub(super) fn new(venue: &dyn Venue, settings: &TransportSettings, now: Instant) -> Self {
        let limits = venue.limits();
        Self {
            sync: Synchronization::new(venue.book_symbols(), settings, now),
            messages: RateLimiter::new(&limits.messages),
            requests: RateLimiter::new(&limits.requests),
            settings: settings.clone(),
            limits,
            outgoing: VecDeque::new(),
            snapshots: VecDeque::new(),
            in_flight: BTreeSet::new(),
            opened_at: now,
            received_at: now,
            pinged_at: now,
            is_answered: false,
            end: None,
            renewal: Renewal::default(),
        }
    }

    /// Notes what an event of the protocol requires, and passes it on unless it is a request.
    pub(super) fn observe(&mut self, event: FeedEvent<'_>, now: Instant, sink: &mut Sink<'_>) {
        match &event {
            FeedEvent::BookSnapshot(change) => self.sync.valid(change.symbol, now),
            FeedEvent::Request(Request::Reconnect) => {
                let lost = || ConnectionEnd::new(EndReason::Lost, "the protocol lost a message");
                self.end.get_or_insert_with(lost);
                return;
            }
            FeedEvent::Request(Request::Renew) => {
                self.renewal.plan("the venue announced its end");
                return;
            }
            FeedEvent::Request(request) => {
                self.sync.request(*request, now);
                return;
            }
            _ => {}
        }
        sink(TransportEvent::Feed(event));
    }

    /// Renews a connection that is too old, or whose end is announced.
    pub(super) fn renew(
        &mut self,
        now: Instant,
        can_renew: impl FnOnce() -> bool,
    ) -> Option<Action> {
        if let Some(age) = self
            .limits
            .max_age
            .filter(|age| now >= self.opened_at + *age)
        {
            self.renewal
                .plan(&format!("the connection is {} s old", age.as_secs()));
        }
        self.renewal
            .act(now, self.settings.renewal_timeout, can_renew)
    }
}
